// Follows the log of one container from its first line to its last. Kubernetes numbers no lines; but it tells the time of
// each and gives those since a whole second again. So after a connection broke, or this server was away, the lines since
// the second of the last stored one are read again, and those that are stored are left out: no gap, no duplicate.

import type { AttemptLog, WrittenLine } from "./attempt-log.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { KubeError } from "./cluster-client.ts";
import { linesOf } from "./stream-lines.ts";

/** A longer line is read in pieces, bytes. */
const MAX_LINE = 1024 * 1024;
/** A longer line is stored as several, characters. */
const MAX_TEXT = 64 * 1024;
/** Lines that are read again come at once: when fewer come, the node has thrown the others away. */
const OVERLAP_MS = 1_000;
/**
 * A node looks once a second whether the container whose log it gives has ended. When the end is known here and nothing
 * more comes for so long, the rest is asked for instead of waited for.
 */
const SILENCE_AFTER_END_MS = 25;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;

export interface ContainerLogParts {
  client: ClusterClient;
  namespace: string;
  pod: string;
  container: string;
  /** How its lines are called in the log. */
  step: string;
  log: AttemptLog;
  /** Some of its lines may be stored already. */
  isResumed: boolean;
  /** When it ended, if it has: see `ended`. */
  endedAt?: number;
  warn(message: string): void;
}

export class ContainerLog {
  readonly #parts: ContainerLogParts;
  readonly #closing = new AbortController();
  /** When the container ended by the node's clock, milliseconds since the epoch; whole seconds. */
  #endedAt: number | undefined;
  /** Its pod is being deleted: there may be nothing to ask any more. */
  #isLeaving = false;
  #wake: (() => void) | undefined;
  /** Ends the reading of a log that is followed, unless lines go on coming. */
  #cutSoon: (() => void) | undefined;
  /** Resolves when every line is stored that can be had. */
  readonly done: Promise<void>;

  constructor(parts: ContainerLogParts) {
    this.#parts = parts;
    this.#endedAt = parts.endedAt;
    this.done = this.#follow();
  }

  /** The container has ended: what its log holds now is all of it. `isLeaving`: its pod is being deleted, or is gone. */
  ended(at: number, isLeaving: boolean): void {
    this.#endedAt ??= at;
    this.#isLeaving ||= isLeaving;
    this.#wake?.();
    this.#cutSoon?.();
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
        const isWhole = await this.#read(isResumed, !wasEnded);
        isResumed = true;
        if (!isWhole) continue;
        const endedReading = Date.now();
        // The stream ends with the container, but also when a server in between ends it.
        if (!wasEnded) await this.#untilEnded(OVERLAP_MS * 3);
        if (wasEnded || (this.#endedAt !== undefined && endedReading >= this.#endedAt)) return;
        backoff = FIRST_BACKOFF_MS;
      } catch (error) {
        if (signal.aborted) return;
        isResumed = true;
        const isGone = error instanceof KubeError && (error.status === 404 || error.status === 400);
        // Without its pod or container nothing more can be had once the end is known.
        if (isGone && wasEnded)
          return this.#note(`the rest of its log cannot be had: ${(error as Error).message}`);
        if (!isGone)
          this.#parts.warn(
            `log of ${this.#parts.pod}: ${(error as Error).message}; next try in ${backoff} ms`,
          );
      }
      await this.#pause(backoff);
      backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
    }
  }

  /** Stores the lines of one stream; answers whether it was read to its end. */
  async #read(isResumed: boolean, follow: boolean): Promise<boolean> {
    const { client, namespace, pod, container, step, log } = this.#parts;
    const stored = isResumed ? await log.storedSince(step) : [];
    const first = stored[0];
    const since = first && new Date(Math.floor(first.time / 1000) * 1000).toISOString();
    const cut = new AbortController();
    const body = await client.stream(`/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
      query: { container, follow, timestamps: true, sinceTime: since },
      signal: AbortSignal.any([this.#closing.signal, cut.signal]),
    });
    let silence: NodeJS.Timeout | undefined;
    if (follow) {
      this.#cutSoon = () => {
        silence ??= setTimeout(() => {
          if (!this.#isLeaving) cut.abort();
        }, SILENCE_AFTER_END_MS);
      };
      if (this.#endedAt !== undefined) this.#cutSoon();
    }
    const overlap = stored.length > 0 ? new Overlap(stored) : undefined;
    const reader = new TimedLines(log);
    try {
      for await (const batch of withPauses(linesOf(body, MAX_LINE), overlap)) {
        const lines = batch.flatMap((line) => reader.read(line));
        const fresh = overlap ? overlap.fresh(lines) : lines;
        if (overlap?.hasGap) await this.#noteGap(overlap);
        if (fresh.length > 0) await log.append(step, fresh);
        if (log.isFull) return true;
        silence?.refresh();
      }
      const rest = overlap?.rest() ?? [];
      if (overlap?.hasGap) await this.#noteGap(overlap);
      if (rest.length > 0) await log.append(step, rest);
      return true;
    } catch (error) {
      if (cut.signal.aborted && !this.#closing.signal.aborted) return false;
      // Behind lines it is the end of them; alone it says that there is nothing yet.
      if (!(error instanceof NodeError) || !reader.hasRead) throw error;
      return true;
    } finally {
      this.#cutSoon = undefined;
      clearTimeout(silence);
      body.destroy();
    }
  }

  async #noteGap(overlap: Overlap): Promise<void> {
    overlap.hasGap = false;
    await this.#note("some lines are missing here: the node threw them away before they were read");
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
    const text = this.#log.masked(isNew ? (space === -1 ? "" : line.slice(space + 1)) : line);
    if (text.length <= MAX_TEXT) return [{ time, text }];
    const pieces: WrittenLine[] = [];
    for (let at = 0; at < text.length; at += MAX_TEXT)
      pieces.push({ time, text: text.slice(at, at + MAX_TEXT) });
    return pieces;
  }
}

/** The batches, and an empty one when nothing came for a while although the overlap is not complete. */
async function* withPauses(
  batches: AsyncGenerator<string[]>,
  overlap: Overlap | undefined,
): AsyncGenerator<string[]> {
  const ask = () => {
    const asked = batches.next();
    // It may fail while nobody waits for it; it is waited for later.
    asked.catch(() => {});
    return asked;
  };
  let next = ask();
  while (true) {
    if (overlap?.isOpen) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<"late">((resolve) => {
        timer = setTimeout(() => resolve("late"), OVERLAP_MS);
      });
      const came = await Promise.race([next, late]);
      clearTimeout(timer);
      if (came === "late") {
        overlap.close();
        yield [];
        continue;
      }
    }
    const { done, value } = await next;
    if (done) return;
    next = ask();
    yield value;
  }
}

/** Finds among lines that are read again those that are stored. */
export class Overlap {
  readonly #stored: readonly WrittenLine[];
  /** Read again, and not told yet. */
  #held: WrittenLine[] = [];
  #isOpen = true;
  #isClosing = false;
  /** The lines read again do not go on from those stored. */
  hasGap = false;

  constructor(stored: readonly WrittenLine[]) {
    this.#stored = stored;
  }

  /** More lines are needed to tell. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#isClosing;
  }

  /** No more stored lines come: tell with those there are. */
  close(): void {
    this.#isClosing = true;
  }

  /** The lines that are not stored yet. */
  fresh(lines: readonly WrittenLine[]): WrittenLine[] {
    if (!this.#isOpen) return [...lines];
    this.#held.push(...lines);
    return this.#held.length >= this.#stored.length || this.#isClosing ? this.rest() : [];
  }

  /** What is held back, at the end. */
  rest(): WrittenLine[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    const held = this.#held;
    this.#held = [];
    // Usually all of the stored lines come again. When the node has rotated its file, only the last of them do.
    for (let from = 0; from < this.#stored.length; from++) {
      const length = this.#stored.length - from;
      if (length > held.length) continue;
      if (this.#startsWith(held, from)) return held.slice(length);
    }
    this.hasGap = held.length > 0;
    return held;
  }

  #startsWith(held: readonly WrittenLine[], from: number): boolean {
    for (let index = from; index < this.#stored.length; index++) {
      const one = this.#stored[index] as WrittenLine;
      const other = held[index - from] as WrittenLine;
      if (one.time !== other.time || one.text !== other.text) return false;
    }
    return true;
  }
}
