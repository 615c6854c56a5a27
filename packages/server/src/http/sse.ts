// Server-sent events, written by hand: a stream is pulled as fast as its reader takes it, keeps the
// connection alive with comments, and cuts off a reader that has stopped reading. Nothing is buffered.

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "./caller.ts";
import { serialise } from "./serialise.ts";

const KEEP_ALIVE_MS = 15_000;

/** How long a reader may leave its socket full before it is cut off; it resumes where it was. */
const STALLED_AFTER_MS = 30_000;

export interface StreamTiming {
  keepAliveMs: number;
  stalledAfterMs: number;
}

/** Who reads a stream, asked again from time to time; nothing when their token serves no longer. */
export type WhoReads = (request: FastifyRequest) => Promise<Caller | undefined>;

export const STREAM_TIMING: StreamTiming = { keepAliveMs: KEEP_ALIVE_MS, stalledAfterMs: STALLED_AFTER_MS };

export interface StreamEvent {
  /** Where a reader that comes back wants to go on. */
  id?: number;
  event?: string;
  data?: unknown;
}

function encode({ id, event, data }: StreamEvent): string {
  const lines: string[] = [];
  if (id !== undefined) lines.push(`id: ${id}`);
  if (event !== undefined) lines.push(`event: ${event}`);
  // JSON has no line breaks of its own, so that one line of data is enough.
  if (data !== undefined) lines.push(`data: ${serialise(data)}`);
  return `${lines.join("\n")}\n\n`;
}

export interface EventStream {
  /** Aborted when the reader is gone or the server closes. */
  readonly signal: AbortSignal;
  /** Writes events; resolves when there is room for more, also when the stream has ended. */
  write(events: readonly StreamEvent[]): Promise<void>;
  end(): void;
}

/** All open streams of an app; they end when it closes. */
export class EventStreams {
  readonly #open = new Set<() => void>();
  readonly #timing: StreamTiming;
  readonly #whoReads: WhoReads;
  #isClosed = false;

  constructor(timing: StreamTiming, whoReads: WhoReads) {
    this.#timing = timing;
    this.#whoReads = whoReads;
  }

  /** Ends all streams, and those that are still to come at once, so that the server can close. */
  endAll(): void {
    this.#isClosed = true;
    for (const end of [...this.#open]) end();
  }

  /** Answers a request with a stream and takes over its reply. */
  open(request: FastifyRequest, reply: FastifyReply): EventStream {
    reply.hijack();
    const { raw } = reply;
    const gone = new AbortController();
    raw.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
    });
    raw.flushHeaders();
    request.raw.socket.setNoDelay(true);

    const roles = JSON.stringify(request.caller?.grants);
    const keepAlive = setInterval(() => {
      if (!raw.writableNeedDrain) raw.write(": keep-alive\n\n");
      // A stream outlives what it was allowed by: when that changed, the reader has to come again.
      this.#whoReads(request).then(
        (caller) => JSON.stringify(caller?.grants) === roles || end(),
        () => end(),
      );
    }, this.#timing.keepAliveMs);

    const end = () => {
      if (!raw.writableEnded) raw.end();
      close();
    };
    const close = () => {
      clearInterval(keepAlive);
      this.#open.delete(end);
      gone.abort();
    };
    raw.on("close", close);
    raw.on("error", close);
    this.#open.add(end);
    if (this.#isClosed) end();
    // A reader that left before the stream began is not heard leaving.
    if (raw.destroyed || request.raw.socket.destroyed) close();

    return {
      signal: gone.signal,
      end,
      write: async (events) => {
        if (gone.signal.aborted || raw.writableEnded) return;
        if (raw.write(events.map(encode).join(""))) return;
        await this.#drained(reply, gone.signal);
      },
    };
  }

  #drained({ raw }: FastifyReply, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stalled = setTimeout(() => raw.destroy(), this.#timing.stalledAfterMs);
      const done = () => {
        clearTimeout(stalled);
        raw.off("drain", done);
        gone.removeEventListener("abort", done);
        resolve();
      };
      raw.on("drain", done);
      gone.addEventListener("abort", done);
      if (gone.aborted) done();
    });
  }
}

/** The place that a stream is to go on from: `Last-Event-ID`, when it is a number. */
export function lastEventId(request: FastifyRequest): number | undefined {
  const header = request.headers["last-event-id"];
  return typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
