// The log of an attempt from its first line until it is packed. Appends of the same moment are written
// together, one write at a time, each log for itself: a log that gets much does not hold up the others.
//
// A log is open (lines come), then ended (finished; readers still find it here until it is packed).

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import { encodeLine } from "./log-line.ts";
import type { LogLine, LogRef } from "./log-store.ts";
import type { OpenFiles } from "./open-files.ts";
import { writeAll } from "./packed-log.ts";
import { type Extent, wholeExtent } from "./plain-log.ts";

/** Bytes after which a write begins, though more lines wait: others get their turn. */
const WRITE = 64 * 1024;

interface Append {
  lines: LogLine[];
  /** How many of them are written. */
  written: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class GrowingLog {
  readonly ref: LogRef;
  /** Changes when the file is moved. */
  path: string;
  /** Finished, and all lines are written. */
  ended: boolean;
  /** There is a finished log of this attempt already; this one only knows how long it is. */
  elsewhere = false;
  /** The finishing that is under way or done. */
  finishing: Promise<void> | undefined;
  readonly #files: OpenFiles;
  readonly #stored: () => void;
  readonly #findFinished: () => Promise<number | undefined>;
  #extent: Extent = { size: 0, length: 0 };
  /** Last line that was taken on, written or not. */
  #accepted = 0;
  #closing: boolean;
  readonly #queue: Append[] = [];
  #writing: Promise<void> | undefined;
  #exists: boolean;
  /** A failed write may have left something behind the last whole line. */
  #torn = false;
  #recovery: Promise<void> | undefined;

  /**
   * `stored` is called after each write. A file that `exists` is cut after its last whole line at first use;
   * otherwise `findFinished` says how long a finished log of the attempt is, if there is one.
   */
  constructor(options: {
    ref: LogRef;
    path: string;
    exists: boolean;
    ended: boolean;
    files: OpenFiles;
    stored: () => void;
    findFinished: () => Promise<number | undefined>;
  }) {
    this.ref = options.ref;
    this.path = options.path;
    this.#exists = options.exists;
    this.#closing = options.ended;
    this.ended = options.ended;
    this.#files = options.files;
    this.#stored = options.stored;
    this.#findFinished = options.findFinished;
  }

  /** Names the log in messages. */
  get name(): string {
    return `The log of ${this.ref.taskId}, attempt ${this.ref.attempt}`;
  }

  /** New lines are refused. */
  get closing(): boolean {
    return this.#closing;
  }

  /** What is stored. */
  async extent(): Promise<Extent> {
    await this.#recover();
    return this.#extent;
  }

  /** See `LogAppender.append`. */
  async append(lines: LogLine[]): Promise<void> {
    await this.#recover();
    const fresh = lines.filter((line) => line.line > this.#accepted);
    let expected = this.#accepted + 1;
    for (const { line } of fresh) {
      if (this.#closing)
        throw new MflowError("CONFLICT", `${this.name} is finished; line ${line} is too late.`);
      if (line !== expected) {
        throw new MflowError("CONFLICT", `${this.name}: line ${expected} must come next, not line ${line}.`);
      }
      expected++;
    }
    this.#accepted = expected - 1;
    // Without new lines it still waits behind those that are taken on already but not yet written.
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ lines: fresh, written: 0, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Takes no new lines from now on; resolves when all are written. */
  async end(): Promise<void> {
    await this.#recover();
    this.#closing = true;
    await this.settle();
    this.ended = true;
  }

  /** Resolves when what was appended so far is written, or was refused. */
  async settle(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    // Appends of the same moment go into one write; and `#writing` is set before it is unset below.
    await undefined;
    while (this.#queue.length > 0) {
      const { text, last, whole } = this.#nextWrite();
      try {
        if (text !== "") await this.#store(Buffer.from(text), last);
        for (const append of whole) append.resolve();
      } catch (error) {
        this.#accepted = this.#extent.length;
        const failure = storeError(error, this.name);
        for (const append of [...whole, ...this.#queue.splice(0)]) append.reject(failure);
      }
    }
    this.#writing = undefined;
  }

  /** Takes the next lines off the queue, and the appends that are whole with them. */
  #nextWrite(): { text: string; last: number; whole: Append[] } {
    let text = "";
    let last = this.#extent.length;
    const whole: Append[] = [];
    for (let append = this.#queue[0]; append && text.length < WRITE; append = this.#queue[0]) {
      let line = append.lines[append.written];
      for (; line && text.length < WRITE; line = append.lines[append.written]) {
        text += encodeLine(line);
        last = line.line;
        append.written++;
      }
      if (line) break;
      whole.push(append);
      this.#queue.shift();
    }
    return { text, last, whole };
  }

  async #store(bytes: Buffer, last: number): Promise<void> {
    const { size } = this.#extent;
    const flags = this.#exists ? constants.O_RDWR : constants.O_RDWR | constants.O_CREAT;
    await this.#files.use(this.path, flags, async (handle) => {
      this.#exists = true;
      // A shorter write would leave the end of a longer failed one standing behind it.
      if (this.#torn) await handle.truncate(size);
      this.#torn = true;
      await writeAll(handle, bytes, size);
      this.#torn = false;
    });
    this.#extent = { size: size + bytes.length, length: last };
    this.#stored();
  }

  #recover(): Promise<void> {
    this.#recovery ??= this.#find().catch((error) => {
      this.#recovery = undefined;
      throw storeError(error, this.name);
    });
    return this.#recovery;
  }

  async #find(): Promise<void> {
    if (this.#exists) {
      this.#extent = await this.#files.use(this.path, constants.O_RDWR, async (handle) => {
        const extent = await wholeExtent(handle);
        await handle.truncate(extent.size);
        return extent;
      });
    } else {
      const length = await this.#findFinished();
      if (length === undefined) return;
      this.elsewhere = true;
      this.#closing = true;
      this.#extent = { size: 0, length };
    }
    this.#accepted = this.#extent.length;
  }
}

/** An error of the file system as one of the catalogue. */
export function storeError(error: unknown, name: string): MflowError {
  if (error instanceof MflowError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new MflowError("STORE_FULL", `${name} was not written: ${reason}`);
  }
  return new MflowError("INTERNAL", `${name} cannot be read or written: ${reason}`);
}
