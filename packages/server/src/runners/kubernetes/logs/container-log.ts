// Follows the log of one container from its first line to its last. Kubernetes numbers no lines; but it tells the time of
// each and gives those since a whole second again. So after a connection broke, or this server was away, the lines since
// the second of the last stored one are read again, and those that are stored are left out: no gap, no duplicate.

import type { Readable } from "node:stream";
import type { LogLine } from "../../../logs/log-store.ts";
import type { ClusterClient } from "../api/cluster-client.ts";
import { KubeError } from "../api/cluster-client.ts";
import { linesOf } from "../api/stream-lines.ts";
import type { AttemptLog, WrittenLine } from "./attempt-log.ts";
import { Overlap } from "./overlap.ts";

/** A longer line is read in pieces, bytes. */
const MAX_LINE = 1024 * 1024;
/** A longer line is stored as several, characters. */
const MAX_TEXT = 64 * 1024;
/** The end of a container is heard so long after the end of its log, at most, milliseconds. */
const END_KNOWN_MS = 3_000;
/** The log of a container that has ended does not stand still for longer, else it is asked for anew, milliseconds. */
const STALL_MS = 8_000;
/**
 * A node looks once a second whether the container whose log it gives has ended. When the end is known here and nothing
 * more comes for so long, the rest is asked for instead of waited for, milliseconds.
 */
const SILENCE_AFTER_END_MS = 25;
/** Somebody has to grant a permission first. */
const DENIED_BACKOFF_MS = 20_000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;

export interface ContainerLogParts {
  client: ClusterClient;
  namespace: string;
  pod: string;
  container: string;
  /** How its lines are called in the log. */
  step: string;
  /** Lines of mflow's own containers are mflow's (default `stdout`). */
  stream?: LogLine["stream"];
  log: AttemptLog;
  /** Some of its lines may be stored already. */
  isResumed: boolean;
  /** When it began by the node's clock, milliseconds since the epoch; whole seconds. */
  begunAt: number;
  /** When it ended, if it has: see `ended`. */
  endedAt?: number;
  warn(message: string): void;
}

export class ContainerLog {
  readonly #parts: ContainerLogParts;
  readonly #closing = new AbortController();
  /** When the container ended by the node's clock, milliseconds since the epoch; whole seconds. */
  #endedAt: number | undefined;
  /** Its pod is being deleted, or it is started again: there may be nothing to ask any more. */
  #isLeaving = false;
  #wake: (() => void) | undefined;
  /** Ends the reading that is under way. */
  #reading: AbortController | undefined;
  #stall: NodeJS.Timeout | undefined;
  /** The stream does not end before the container does. */
  #isFollowing = false;
  #isReplaced = false;
  #isDenied = false;
  #isFailing = false;
  #isAway = false;
  /** When a reading last came to the end of the stream, milliseconds since the epoch. */
  #readAt = Number.NEGATIVE_INFINITY;
  /** The line without an end that it ended with, in pieces. */
  #tail: readonly WrittenLine[] = [];
  /** Resolves when every line is stored that can be had. */
  readonly done: Promise<void>;

  constructor(parts: ContainerLogParts) {
    this.#parts = parts;
    this.#endedAt = parts.endedAt;
    this.done = this.#follow();
  }

  /** The cluster cannot be asked at all now, so that nothing is known of the node. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** The container has ended: what its log holds now is all of it. `isLeaving`: its log may be gone in a moment. */
  ended(at: number, isLeaving: boolean): void {
    this.#isLeaving ||= isLeaving;
    if (this.#endedAt === undefined) {
      this.#endedAt = at;
      this.#armStall();
    }
    this.#wake?.();
  }

  /** The container was started anew: its log is the one before the present one now. */
  replaced(): void {
    this.#isReplaced = true;
    this.ended(0, false);
  }

  close(): void {
    this.#closing.abort();
    this.#wake?.();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    let backoff = FIRST_BACKOFF_MS;
    let isResumed = this.#parts.isResumed;
    while (!signal.aborted && !this.#parts.log.isFull) {
      const wasEnded = this.#endedAt !== undefined;
      try {
        const tail = await this.#read(isResumed, wasEnded);
        isResumed = true;
        if (!tail) continue;
        this.#readAt = wasEnded ? Number.POSITIVE_INFINITY : Date.now();
        const isLast = this.#isLast(tail);
        // The stream ends with the container, but also when a server in between ends it.
        if (!wasEnded) await this.#untilEnded(END_KNOWN_MS);
        if (this.#isWhole && isLast) return await this.#storeTail();
        backoff = FIRST_BACKOFF_MS;
        // What ended in the middle of a line is looked at once more, at once.
        if (this.#isWhole) continue;
      } catch (error) {
        if (signal.aborted) return;
        isResumed = true;
        this.#isAway = error instanceof KubeError && isAwayError(error);
        if (await this.#isHopeless(error, wasEnded)) return;
        const isDenied = error instanceof KubeError && error.status === 403;
        if (isDenied) backoff = DENIED_BACKOFF_MS;
      }
      // Since its end is known everything is there: it is looked at once more, at once.
      if (!wasEnded && this.#endedAt !== undefined) continue;
      await this.#pause(backoff);
      backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
    }
  }

  /** The container had ended when its stream did, as far as the clocks agree. */
  get #isWhole(): boolean {
    return this.#endedAt !== undefined && this.#readAt >= this.#endedAt;
  }

  /** Whether nothing more can be had once reading failed; a note says so then. */
  async #isHopeless(error: unknown, wasEnded: boolean): Promise<boolean> {
    const { message } = error as Error;
    const status = error instanceof KubeError ? error.status : 0;
    if (status === 403) {
      if (!this.#isDenied) await this.#note(`the log cannot be read: ${message}`);
      this.#isDenied = true;
      return wasEnded;
    }
    if (status === 404 || status === 400 || error instanceof NodeError) {
      // Without its pod or container nothing more can be had once the end is known.
      if (!wasEnded) return false;
      if (this.#isWhole) await this.#storeTail();
      else await this.#note(`the rest of its log cannot be had: ${message}`);
      return true;
    }
    // Once, however often it is tried.
    if (!this.#isFailing) this.#parts.warn(`log of ${this.#parts.pod}: ${message}; it is tried again`);
    this.#isFailing = true;
    return false;
  }

  /**
   * Whether these pieces of a line without an end, or none, are the last ones. A node that stops in between ends the
   * stream in the middle of a line as well: only what comes twice is the end.
   */
  #isLast(tail: readonly WrittenLine[]): boolean {
    const textOf = (pieces: readonly WrittenLine[]) => pieces.map(({ text }) => text).join("");
    const isLast = textOf(tail) === textOf(this.#tail);
    this.#tail = tail;
    return isLast || tail.length === 0;
  }

  async #storeTail(): Promise<void> {
    const { log, step, stream } = this.#parts;
    if (this.#tail.length > 0) await log.append(step, this.#tail, stream);
  }

  /**
   * Reads what is not stored yet until the stream ends; answers with a last line that has no end, in pieces. Undefined:
   * the container has ended meanwhile, and the rest is to be asked for.
   */
  async #read(isResumed: boolean, wasEnded: boolean): Promise<readonly WrittenLine[] | undefined> {
    const { client, namespace, pod, container, step, stream, log, begunAt } = this.#parts;
    const stored = isResumed ? await log.storedSince(step, stream) : [];
    // Those of an earlier life of the container are not in its log any more. Its own first ones may be from before it
    // began: runtimes note that a moment later.
    const isOurs = stored.some(({ time }) => time >= begunAt);
    const first = stored[0];
    const since = first && new Date(Math.floor(first.time / 1000) * 1000).toISOString();
    const reading = new AbortController();
    this.#reading = reading;
    this.#isFollowing = !wasEnded;
    this.#armStall();
    const overlap = new Overlap(stored, isOurs);
    const reader = new TimedLines(log);
    let tail: readonly WrittenLine[] = [];
    let body: Readable | undefined;
    try {
      body = await client.stream(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
        query: {
          container,
          follow: !wasEnded,
          timestamps: true,
          sinceTime: since,
          previous: this.#isReplaced || undefined,
        },
        signal: AbortSignal.any([this.#closing.signal, reading.signal]),
      });
      this.#isFailing = false;
      this.#isAway = false;
      const unfinished = (text: string) => {
        tail = reader.read(text);
      };
      for await (const batch of linesOf(body, MAX_LINE, unfinished)) {
        await this.#store(
          overlap,
          batch.flatMap((line) => reader.read(line)),
        );
        if (log.isFull) return [];
        this.#stall?.refresh();
      }
      tail = overlap.fresh(tail);
      if (overlap.takeGap()) await this.#noteGap();
      // The node has none of the lines that are stored: there may have been more that it has not.
      if (overlap.isUntouched && this.#endedAt !== undefined) await this.#noteGap();
    } catch (error) {
      if (reading.signal.reason === CUT && !this.#closing.signal.aborted) return undefined;
      // Behind lines, or at the end of a container that was followed while it ran, it means that there are no more.
      if (!(error instanceof NodeError) || (wasEnded && !reader.hasRead)) throw error;
    } finally {
      clearTimeout(this.#stall);
      this.#stall = undefined;
      this.#reading = undefined;
      body?.destroy();
    }
    return tail;
  }

  /** Once the container has ended its log may not stand still any more. */
  #armStall(): void {
    const reading = this.#reading;
    if (!reading || this.#endedAt === undefined) return;
    clearTimeout(this.#stall);
    this.#stall =
      this.#isFollowing && !this.#isLeaving
        ? setTimeout(() => reading.abort(CUT), SILENCE_AFTER_END_MS)
        : setTimeout(() => reading.abort(new Error("it stands still")), STALL_MS);
  }

  async #store(overlap: Overlap, lines: readonly WrittenLine[]): Promise<void> {
    const fresh = overlap.fresh(lines);
    if (overlap.takeGap()) await this.#noteGap();
    const { log, step, stream } = this.#parts;
    if (fresh.length > 0) await log.append(step, fresh, stream);
  }

  #noteGap(): Promise<void> {
    return this.#note("some lines are missing here: the node threw them away before they were read");
  }

  #note(text: string): Promise<void> {
    return this.#parts.log.append(this.#parts.step, [{ time: Date.now(), text }], "mflow");
  }

  /** Resolves when the end is known, or after `ms`. */
  async #untilEnded(ms: number): Promise<void> {
    if (this.#endedAt === undefined) await this.#pause(ms);
  }

  /** Resolves after `ms`, and at once when the end becomes known or it is closed. */
  async #pause(ms: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

/** Codes of Node: there was no connection to the API server. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** Whether the API server was not reached, or does not take the credentials: an admin gives others. */
function isAwayError({ status, reason = "" }: KubeError): boolean {
  return status === 401 || (status === 0 && NO_CONNECTION.test(reason));
}

/** A runtime writes a longer line in parts of this size, bytes (containerd: `max_container_log_line_size`). */
const PART = 16 * 1024;
const PART_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) /;
/** Longer than any such time, bytes. */
const TIME_BYTES = 48;

/**
 * A line as it was written: older kubelets put a time before each part of a long line, and what stands in between would
 * hide a secret that is cut in two.
 */
function withoutPartTimes(text: string): string {
  if (text.length <= PART / 4) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= PART) return text;
  const parts = [bytes.subarray(0, PART)];
  let start = PART;
  while (start < bytes.length) {
    const [time = ""] = PART_TIME.exec(bytes.toString("latin1", start, start + TIME_BYTES)) ?? [];
    if (time === "" && start === PART) return text;
    const from = start + time.length;
    parts.push(bytes.subarray(from, from + PART));
    start = from + PART;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Why a reading is ended whose container has ended. */
const CUT = new Error("the container has ended");

/** What a node says instead of a line, e.g. that the container is gone: after the last line that it has. */
class NodeError extends Error {}

/** Reads `2026-01-01T00:00:00.123456789Z text`. */
class TimedLines {
  readonly #log: AttemptLog;
  /** A line has come. */
  hasRead = false;
  /** Of a line that comes in pieces. */
  #time: number | undefined;

  constructor(log: AttemptLog) {
    this.#log = log;
  }

  /** The line masked, a long one as several. What has no time is no line of the container but an error of its node. */
  read(line: string): WrittenLine[] {
    const space = line.indexOf(" ");
    const told = Date.parse(space === -1 ? line : line.slice(0, space));
    const isNew = !Number.isNaN(told);
    const time = isNew ? told : this.#time;
    if (time === undefined) throw new NodeError(line.slice(0, 500));
    this.hasRead = true;
    this.#time = Buffer.byteLength(line) >= MAX_LINE - 3 ? time : undefined;
    const written = isNew ? (space === -1 ? "" : line.slice(space + 1)) : line;
    const text = this.#log.masked(withoutPartTimes(written));
    if (text.length <= MAX_TEXT) return [{ time, text }];
    const pieces: WrittenLine[] = [];
    for (let at = 0; at < text.length; at += MAX_TEXT)
      pieces.push({ time, text: text.slice(at, at + MAX_TEXT) });
    return pieces;
  }
}
