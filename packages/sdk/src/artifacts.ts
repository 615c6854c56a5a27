// What tasks keep, and their caches.

import type {
  Artifact,
  ArtifactListQuery,
  ArtifactPage,
  ArtifactUploadQuery,
} from "@mflow/core/schema/artifact";
import type { CacheList, CachesRemoved } from "@mflow/core/schema/cache";
import type { InScope } from "./catalog.ts";
import { path, type Transport } from "./transport.ts";

/** Of this attempt; without one of the newest that kept it. */
interface OfAttempt {
  attempt?: number;
}

export function artifactCalls(transport: Transport) {
  return {
    /** Of all attempts of a task. */
    ofTask: (taskId: string, query: ArtifactListQuery = {}) =>
      transport.json<ArtifactPage>({ path: path`/job-tasks/${taskId}/artifacts`, query }),
    ofRun: (runId: string, query: ArtifactListQuery = {}) =>
      transport.json<ArtifactPage>({ path: path`/pipeline-tasks/${runId}/artifacts`, query }),
    /** The answer with the bytes unread; of a folder they are an archive of tar, compressed with gzip. */
    download: (taskId: string, name: string, query: OfAttempt = {}, signal?: AbortSignal) =>
      transport.open({
        path: path`/job-tasks/${taskId}/artifacts/${name}`,
        query: { ...query },
        headers: { accept: "*/*" },
        ...(signal && { signal }),
      }),
    /** Keeps bytes for a task that runs: a file, or with `kind: FOLDER` an archive of tar. */
    upload: async (
      taskId: string,
      name: string,
      bytes: Uint8Array | ReadableStream<Uint8Array>,
      query: ArtifactUploadQuery = {},
    ): Promise<Artifact> => {
      const response = await transport.open({
        method: "PUT",
        path: path`/job-tasks/${taskId}/artifacts/${name}`,
        query: { ...query },
        bytes,
        headers: { "content-type": "application/octet-stream" },
      });
      return (await response.json()) as Artifact;
    },
    remove: (taskId: string, name: string, query: OfAttempt = {}) =>
      transport.json<void>({
        method: "DELETE",
        path: path`/job-tasks/${taskId}/artifacts/${name}`,
        query: { ...query },
      }),
  };
}

export function cacheCalls(transport: Transport) {
  return {
    /** The last used ones first, at most 500. */
    list: (scope: InScope = {}) => transport.json<CacheList>({ path: "/caches", query: { ...scope } }),
    /** Those of a key. */
    remove: (key: string, scope: InScope = {}) =>
      transport.json<CachesRemoved>({ method: "DELETE", path: path`/caches/${key}`, query: { ...scope } }),
    /** All of the namespace. */
    clear: (scope: InScope = {}) =>
      transport.json<CachesRemoved>({ method: "DELETE", path: "/caches", query: { ...scope } }),
  };
}
