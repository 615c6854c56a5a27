// The client: every verb of the API, grouped by noun.

import type { WhoAmI } from "@mflow/core/schema/account";
import type { ApiPage, ArchiveQuery, Health, Readiness } from "@mflow/core/schema/api";
import type { CleanupRequest, CleanupResult } from "@mflow/core/schema/retention";
import { groupCalls, tokenCalls, userCalls } from "./accounts.ts";
import { artifactCalls, cacheCalls } from "./artifacts.ts";
import { type InScope, jobCalls, manifestCalls, pipelineCalls } from "./catalog.ts";
import { clusterCalls } from "./clusters.ts";
import { inboxCalls, recordCalls } from "./decisions.ts";
import { channelCalls, deliveryCalls } from "./deliveries.ts";
import { archivedEvents, type EventOptions, eventPlaces, followEvents, newestPlace } from "./events.ts";
import { limitCalls } from "./limits.ts";
import { logCalls } from "./logs.ts";
import { runCalls, taskCalls } from "./runs.ts";
import { scheduleCalls } from "./schedules.ts";
import { serverCalls } from "./server-calls.ts";
import { type ClientOptions, createTransport } from "./transport.ts";

/**
 * A client of the mflow server at `url`. Calls reject with `ApiError` when the server refuses and with
 * `ConnectionError` when none answers. Reads and calls that may be repeated are tried again on breaks.
 */
export function createClient(options: ClientOptions) {
  const transport = createTransport(options);
  return {
    jobs: jobCalls(transport),
    pipelines: pipelineCalls(transport),
    schedules: scheduleCalls(transport),
    manifests: manifestCalls(transport),
    runs: runCalls(transport),
    tasks: taskCalls(transport),
    inbox: inboxCalls(transport),
    records: recordCalls(transport),
    logs: logCalls(transport),
    artifacts: artifactCalls(transport),
    caches: cacheCalls(transport),
    events: (query: EventOptions = {}) => followEvents(transport, query),
    /** `seq` of the newest event: `events({ after: 0, until: await newestEvent() })` is all there is now. */
    newestEvent: (signal?: AbortSignal) => newestPlace(transport, signal),
    /** Where the stream of events begins and ends. */
    eventPlaces: () => eventPlaces(transport),
    /** Old events that are no longer in the stream. */
    archivedEvents: (query: ArchiveQuery & { signal?: AbortSignal } = {}) => archivedEvents(transport, query),
    /** Deletes the ended runs that retention lets go, or says which they are; without a scope in all. */
    cleanUp: (request: CleanupRequest = {}, scope: InScope = {}) =>
      transport.json<CleanupResult>({ method: "POST", path: "/cleanup", query: { ...scope }, body: request }),
    users: userCalls(transport),
    groups: groupCalls(transport),
    channels: channelCalls(transport),
    clusters: clusterCalls(transport),
    limits: limitCalls(transport),
    server: serverCalls(transport),
    deliveries: deliveryCalls(transport),
    tokens: tokenCalls(transport),
    whoami: () => transport.json<WhoAmI>({ path: "/whoami" }),
    health: () => transport.json<Health>({ path: "/healthz", bare: true }),
    ready: (signal?: AbortSignal) =>
      transport.json<Readiness>({ path: "/readyz", bare: true, repeatable: false, signal }),
  };
}

export type Client = ReturnType<typeof createClient>;

/** Every item of a list, page by page: `eachItem((cursor) => client.runs.list({ cursor }))`. */
export async function* eachItem<T>(
  list: (cursor: string | undefined) => Promise<ApiPage<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const page = await list(cursor);
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
