// Follows a run, or a task that runs alone, to its end. Events say that something changed; what a view shows is
// read anew, so that it is always whole and right.

import { setTimeout as delay } from "node:timers/promises";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { type Client, ConnectionError } from "@mflow/sdk";
import { headOf, isEnded, type Watched } from "../view/watched.ts";

export interface Watcher {
  /** The run as it is now; at once, and after changes, though not after each of many. */
  show?(watched: Watched): void;
  /** Each event of the run from its beginning, in order. */
  happened?(event: HistoryEvent, watched: Watched): Promise<void>;
  connection?(state: "lost" | "back"): void;
}

/** Reads happen at most so often, and take at most a tenth of the time. */
const REFRESH_PAUSE_MS = 150;
const REFRESH_SHARE = 10;

const RECONNECT_FOR_MS = 30_000;
const RECONNECT_PAUSE_MS = 500;

/** Whether an id is that of a run; the other ids that can be watched are those of tasks. */
export function isRunId(id: string): boolean {
  return id.startsWith("run-");
}

/** The run with all its tasks, or the task alone. */
export async function readWatched(client: Client, id: string): Promise<Watched> {
  return isRunId(id) ? client.runs.get(id) : { tasks: [await client.tasks.get(id)] };
}

/**
 * Answers with the run once it has ended, or as it was last seen when the signal aborts. Rejects with the
 * client's errors, with `ServerLost` when the server went away and did not come back within `reconnectForMs`.
 */
export async function followRun(
  client: Client,
  id: string,
  watcher: Watcher,
  signal: AbortSignal,
  reconnectForMs = RECONNECT_FOR_MS,
): Promise<Watched> {
  let watched = await readWatched(client, id);
  watcher.show?.(watched);
  const over = new AbortController();
  const refreshing = watcher.show ? refresher(over.signal) : undefined;

  function refresher(ended: AbortSignal): () => void {
    let wanted = false;
    let busy = false;
    return () => {
      wanted = true;
      if (!busy) void refreshWhileWanted();
    };
    async function refreshWhileWanted(): Promise<void> {
      busy = true;
      while (wanted && !ended.aborted) {
        wanted = false;
        const startedAt = performance.now();
        const fresh = await readWatched(client, id).catch(() => undefined);
        if (ended.aborted) break;
        if (fresh) {
          watched = fresh;
          watcher.show?.(fresh);
        }
        await pause(Math.max(REFRESH_PAUSE_MS, (performance.now() - startedAt) * REFRESH_SHARE), ended);
      }
      busy = false;
    }
  }

  try {
    const events = client.events({
      ...(isRunId(id) ? { pipelineTaskId: id } : { taskId: id }),
      after: 0,
      signal,
      reconnectForMs,
      onConnection: (state) => {
        watcher.connection?.(state);
        if (state === "back") refreshing?.();
      },
    });
    for await (const event of events) {
      await watcher.happened?.(event, watched);
      refreshing?.();
      if (!isEnding(event, id)) continue;
      const last = await readPatiently(client, id, signal, reconnectForMs);
      // A task that ran again has the endings of earlier attempts behind it.
      if (!isEnded(headOf(last).stage)) continue;
      over.abort();
      watcher.show?.(last);
      return last;
    }
    return watched;
  } catch (error) {
    throw error instanceof ConnectionError ? new ServerLost(error) : error;
  } finally {
    over.abort();
  }
}

/** The last look at a run must not fail because the server restarts just then. */
async function readPatiently(
  client: Client,
  id: string,
  signal: AbortSignal,
  forMs: number,
): Promise<Watched> {
  const deadline = performance.now() + forMs;
  while (true) {
    try {
      return await readWatched(client, id);
    } catch (error) {
      if (!(error instanceof ConnectionError) || performance.now() > deadline) throw error;
      await pause(RECONNECT_PAUSE_MS, signal);
      if (signal.aborted) throw error;
    }
  }
}

function isEnding(event: HistoryEvent, id: string): boolean {
  const type = isRunId(id) ? "RUN_STAGE" : "TASK_STAGE";
  return (event.type === type || event.type === "STATUS_FORCED") && isEnded(event.stage ?? "");
}

/** Waits, or less when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** The server went away while the run was watched, and did not come back in time. */
export class ServerLost extends Error {
  override readonly name = "ServerLost";
  readonly connection: ConnectionError;

  constructor(connection: ConnectionError) {
    super(connection.message);
    this.connection = connection;
  }
}
