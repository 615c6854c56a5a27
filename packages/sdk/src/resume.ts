// A stream that outlives its connections: after a break it is opened again behind the last event that the
// caller had, so that nothing is missing and nothing comes twice.

import { ApiError, ConnectionError } from "./api-error.ts";
import { pause } from "./pause.ts";
import { type ServerSentEvent, serverSentEvents } from "./sse.ts";

export interface StreamOptions {
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
  /** How long to go on trying after a break, milliseconds (default 30 s). */
  reconnectForMs?: number;
  /** A connection on which nothing comes for so long is given up, milliseconds (default 60 s). */
  silenceMs?: number;
  /** Told once per break, and once when the stream goes on. */
  onConnection?: (state: "lost" | "back") => void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

/** Answers that say "not now" rather than "no". */
const PASSING = new Set([429, 502, 503, 504]);

/**
 * Events in order, and the places that the stream says without data. `open` gets the id of the last event, or nothing at the first time.
 * `place` turns an id into its number in the stream; events at or before the last place are dropped.
 * Rejects when the first connection fails, on a refusal, and when no connection came about for `reconnectForMs`.
 */
export async function* resumable(
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<Response>,
  options: StreamOptions,
): AsyncGenerator<ServerSentEvent, void> {
  const reconnectForMs = options.reconnectForMs ?? 30_000;
  const own = new AbortController();
  const signal = options.signal ? AbortSignal.any([own.signal, options.signal]) : own.signal;
  let lastId: string | undefined;
  let opened = false;
  let lost = false;
  let lostAt = 0;
  let pauseMs = 0;

  try {
    while (!signal.aborted) {
      try {
        const response = await open(lastId, signal);
        opened = true;
        if (lost) options.onConnection?.("back");
        lost = false;
        if (!response.body) throw new Error("the answer has no body");
        for await (const event of serverSentEvents(response.body, options.silenceMs ?? 60_000)) {
          if (signal.aborted) return;
          pauseMs = 0;
          const place = Number(event.id);
          if (event.id !== undefined && lastId !== undefined && place <= Number(lastId)) continue;
          if (event.id !== undefined) lastId = event.id;
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        const passing = error instanceof ApiError ? PASSING.has(error.status) : isBreak(error);
        if (!passing || !opened) throw error;
        if (lost && Date.now() - lostAt >= reconnectForMs) throw error;
      }
      if (signal.aborted) return;
      if (!lost) {
        lost = true;
        lostAt = Date.now();
        options.onConnection?.("lost");
      }
      await pause(pauseMs, signal);
      pauseMs = Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    }
  } finally {
    own.abort();
  }
}

/** Breaks of a connection come as various errors of the platform's fetch; refusals and defects do not. */
function isBreak(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof Error && (error.name === "SilentStreamError" || error.name === "TypeError");
}
