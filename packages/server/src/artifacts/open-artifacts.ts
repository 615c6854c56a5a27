// Puts artifacts and caches together: where their bytes are, how much there may be, and what removes them in time.

import { join } from "node:path";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import type { WorkFiles } from "../runners/work-files.ts";
import type { Store } from "../store/store.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import { Artifacts } from "./artifacts.ts";
import { Caches } from "./caches.ts";
import { openFolderStore } from "./folder-store.ts";
import type { S3Keys } from "./s3-store.ts";
import type { S3Place } from "./s3-url.ts";
import { ArtifactSweep } from "./sweep.ts";
import { openWorkFiles } from "./work-files.ts";

/** As admins set it. */
export interface ArtifactSettings {
  /** Absent: in the data folder. */
  s3?: { place: S3Place; keys: S3Keys };
  /** Bytes of one artifact, and of one cache. */
  artifactBytes: number;
  /** Bytes of all caches together. */
  cacheBytes: number;
  /** A cache that is not used for so long is removed, milliseconds. */
  cacheAgeMs: number;
}

export interface OpenArtifacts {
  artifacts: Artifacts;
  caches: Caches;
  /** For the engine and its runners. */
  files: WorkFiles & {
    removeOf(aggregateId: string): Promise<void>;
    keeps(runId: string, fetch: Pick<FetchSpec, "from" | "name">): Promise<boolean>;
  };
  /** Removes what is due, from now on. */
  start(): void;
  close(): Promise<void>;
}

export interface OpenArtifactsParts {
  store: Pick<Store, "artifacts" | "runs">;
  /** Folder of its own in the data folder. */
  folder: string;
  settings: ArtifactSettings;
  newId(prefix: string): string;
  log: { warn(message: string, error?: unknown): void };
  /** Milliseconds since the epoch. */
  now?(): number;
}

export async function openArtifacts(parts: OpenArtifactsParts): Promise<OpenArtifacts> {
  const { store, folder, settings, newId, log, now = Date.now } = parts;
  const bytes = await openBytes(settings, folder);
  const { artifacts: rows, runs } = store;
  const shared = { rows, runs, bytes, newId, now, limit: settings.artifactBytes };
  const artifacts: Artifacts = new Artifacts({ ...shared, expiryChanged: () => sweep.rearm() });
  const caches = new Caches({ ...shared, total: settings.cacheBytes, ageMs: settings.cacheAgeMs });
  const warn = (message: string, error: unknown) => log.warn(message, error);
  const sweep = new ArtifactSweep({ artifacts, caches, rows, bytes, now, warn });
  const copies = join(folder, "copies");
  const files = await openWorkFiles({ artifacts, caches, runs, copies, log });
  return {
    artifacts,
    caches,
    files: {
      ...files,
      removeOf: (aggregateId) => artifacts.removeOf(aggregateId),
      keeps: (runId, fetch) => artifacts.keeps(runId, fetch),
    },
    start: () => sweep.start(),
    close: () => sweep.close(),
  };
}

async function openBytes({ s3 }: ArtifactSettings, folder: string): Promise<ArtifactStore> {
  if (!s3) return openFolderStore(join(folder, "bytes"));
  // Most servers never need its client.
  const { openS3Store } = await import("./s3-store.ts");
  return openS3Store(s3.place, s3.keys);
}
