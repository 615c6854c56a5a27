// The log of one attempt: the lines of all its containers, numbered in the order in which they came, each masked. What
// the host cannot store now is tried again; meanwhile the containers' logs are not read on.

import { MflowError } from "@mflow/core/errors";
import type { LogAppender, LogLine } from "../../../logs/log-store.ts";
import type { AttemptRef } from "../../runner.ts";

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Lines that are looked at together when the end of a stored log is searched. */
const PAGE = 5_000;

/** A line as a container wrote it. */
export interface WrittenLine {
  /** Milliseconds since the epoch. */
  time: number;
  text: string;
}

export interface AttemptLogParts {
  logs: LogAppender;
  mask(text: string): string;
  /** Bytes of text that are kept; what is beyond is left out, and a note says so. */
  maxBytes: number;
  warn(message: string): void;
}

export class AttemptLog {
  readonly #ref: AttemptRef;
  readonly #parts: AttemptLogParts;
  #next: Promise<number> | undefined;
  #stored = 0;
  #bytes = 0;
  #isFull = false;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ref: AttemptRef, parts: AttemptLogParts) {
    this.#ref = ref;
    this.#parts = parts;
  }

  /** No more is kept: containers need not be read on. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Lines stored through here. */
  get stored(): number {
    return this.#stored;
  }

  /** The text as it is kept. */
  masked(text: string): string {
    return this.#parts.mask(text);
  }

  /** Appends masked lines of a container. Resolves once they are stored, or the log is closed. */
  append(step: string, lines: readonly WrittenLine[], stream: LogLine["stream"] = "stdout"): Promise<void> {
    this.#last = this.#last.then(() => this.#append(step, lines, stream));
    return this.#last;
  }

  /**
   * The last lines of a container that are stored, from the first one at or after the whole second of the last one; empty
   * when there is none. In their order.
   */
  async storedSince(step: string, stream: LogLine["stream"] = "stdout"): Promise<WrittenLine[]> {
    await this.#last;
    const { logs } = this.#parts;
    const found: WrittenLine[] = [];
    let since: number | undefined;
    for (let end = await logs.length(this.#ref); end > 0; end -= PAGE) {
      const from = Math.max(end - PAGE, 0) + 1;
      const page = await logs.read(this.#ref, from, end - from + 1);
      for (const line of page.toReversed()) {
        if (line.step !== step || line.stream !== stream) continue;
        since ??= Math.floor(line.time / 1000) * 1000;
        if (line.time >= since) found.push({ time: line.time, text: line.text });
        // A line may stand a moment behind one that was written after it on another stream.
        else if (line.time < since - 1000) return found.reverse();
      }
    }
    return found.reverse();
  }

  /** No more lines come. Resolves once the host knows. */
  async finish(): Promise<void> {
    await this.#last;
    await this.#parts.logs.finish(this.#ref);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #append(step: string, given: readonly WrittenLine[], stream: LogLine["stream"]): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    let lines: LogLine[] | undefined;
    while (!this.#isClosed) {
      try {
        this.#next ??= this.#goOn();
        const first = await this.#next;
        lines ??= this.#numbered(step, given, stream, first);
        if (lines.length > 0) await this.#parts.logs.append(this.#ref, lines);
        this.#next = Promise.resolve(first + lines.length);
        this.#stored += lines.length;
        return;
      } catch (error) {
        const { taskId, attempt } = this.#ref;
        if (lines && (await this.#isFinished(error, lines))) return;
        this.#parts.warn(
          `log of ${taskId}, attempt ${attempt}: ${(error as Error).message}; next try in ${backoff} ms`,
        );
        // Which lines are stored is known by their numbers; without any number yet the next try asks again.
        if (!lines) this.#next = undefined;
        await new Promise((resolve) => setTimeout(resolve, backoff));
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      }
    }
  }

  /** Number of the next line, behind those of an earlier life, which count for the limit too. */
  async #goOn(): Promise<number> {
    const { logs } = this.#parts;
    const length = await logs.length(this.#ref);
    this.#bytes = 0;
    for (let from = 1; from <= length; from += PAGE) {
      for (const { text } of await logs.read(this.#ref, from, PAGE)) this.#bytes += text.length + 1;
    }
    return length + 1;
  }

  /** Whether an earlier life finished the log: then it was whole, and no more is taken. */
  async #isFinished(error: unknown, [first]: readonly LogLine[]): Promise<boolean> {
    if (!(error instanceof MflowError) || error.code !== "CONFLICT") return false;
    const length = await this.#parts.logs.length(this.#ref).catch(() => undefined);
    return first !== undefined && length === first.line - 1;
  }

  /** The lines that are kept, with their numbers. */
  #numbered(
    step: string,
    given: readonly WrittenLine[],
    stream: LogLine["stream"],
    first: number,
  ): LogLine[] {
    const lines: LogLine[] = [];
    for (const { time, text } of given) {
      if (this.#isFull) break;
      this.#bytes += text.length + 1;
      if (this.#bytes > this.#parts.maxBytes) {
        this.#isFull = true;
        const note = `the log is longer than ${this.#parts.maxBytes} bytes; the rest of it is not kept`;
        lines.push({ line: first + lines.length, time, stream: "mflow", step, text: note });
        break;
      }
      lines.push({ line: first + lines.length, time, stream, step, text });
    }
    return lines;
  }
}
