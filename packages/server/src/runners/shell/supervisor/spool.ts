// The log of an attempt until the server has taken it: numbered, masked lines. They are held for a moment, so
// that a short task that says little needs no file; what comes later goes into one, all lines of one moment
// in one write.

import type { Buffer } from "node:buffer";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "./journal.ts";
import type { SpoolExtent, SpoolLine } from "./protocol.ts";

/** Characters that wait at most before they are written at once. */
const WRITE = 256 * 1024;
/** So long, and up to so many characters, the first lines are held before there is a file. */
const HELD = { ms: 20, characters: 8 * 1024 };

export class Spool {
  readonly #path: string;
  readonly #grew: () => void;
  readonly #failed: (error: unknown) => void;
  #fd: number | undefined;
  #lines = 0;
  #bytes = 0;
  #waiting = "";
  #waitingLines = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #held: NodeJS.Timeout | undefined;
  #lostLines = 0;

  /** `grew` is called after each write. `path`: its folder is made when need be. */
  constructor(path: string, grew: () => void, failed: (error: unknown) => void) {
    this.#path = path;
    this.#grew = grew;
    this.#failed = failed;
  }

  /** Goes on with what an earlier supervisor left, without a line that was cut by its end. */
  takeUp(): void {
    let text: Buffer;
    try {
      text = readFileSync(this.#path);
    } catch (error) {
      // Most often it left nothing.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) this.#failed(error);
      return;
    }
    this.#bytes = text.lastIndexOf("\n") + 1;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.#lines++;
    this.#fd = openSync(this.#path, "a", 0o600);
    ftruncateSync(this.#fd, this.#bytes);
  }

  /** What is in the file; nothing when there is none. */
  get extent(): SpoolExtent | undefined {
    return this.#bytes === 0 ? undefined : { path: this.#path, lines: this.#lines, bytes: this.#bytes };
  }

  /** Adds a line; answers the bytes that it takes (characters beyond ASCII count as one). */
  add(time: number, stream: SpoolLine[2], step: string, text: string): number {
    if (this.#lostLines > 0 && this.#waitingLines === 0) {
      this.#put(time, "mflow", "", `${this.#lostLines} lines were lost: the log could not be written`);
    }
    const length = this.#put(time, stream, step, text);
    const isHeld = this.#fd === undefined && this.#waiting.length <= HELD.characters;
    if (this.#waiting.length > WRITE) this.flush();
    else if (isHeld) this.#held ??= setTimeout(() => this.flush(), HELD.ms);
    else this.#scheduled ??= setImmediate(() => this.flush());
    return length;
  }

  /** All lines, when they are held and in no file; the spool is empty then. */
  takeHeld(): string | undefined {
    if (this.#fd !== undefined || this.#waitingLines === 0) return undefined;
    const text = this.#waiting;
    this.#clear();
    return text;
  }

  /** Writes what waits. When that fails (the disk is full), those lines are lost, and a later one says so. */
  flush(): void {
    const text = this.#waiting;
    const lines = this.#waitingLines;
    this.#clear();
    if (lines === 0) return;
    try {
      this.#fd ??= this.#open();
      this.#bytes += writeWhole(this.#fd, text);
      this.#lines += lines;
      this.#lostLines = 0;
    } catch (error) {
      if (this.#fd !== undefined) ftruncateSync(this.#fd, this.#bytes);
      // The note about the lines before is not one of them.
      this.#lostLines += lines - (this.#lostLines > 0 ? 1 : 0);
      this.#failed(error);
      return;
    }
    this.#grew();
  }

  /** Writes what waits; no more lines come. */
  close(): void {
    this.flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #clear(): void {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#held);
    this.#scheduled = undefined;
    this.#held = undefined;
    this.#waiting = "";
    this.#waitingLines = 0;
  }

  #put(time: number, stream: SpoolLine[2], step: string, text: string): number {
    this.#waitingLines++;
    const line = this.#lines + this.#waitingLines;
    const json = `[${line},${time},"${stream}",${JSON.stringify(step)},${JSON.stringify(text)}]\n`;
    this.#waiting += json;
    return json.length;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    return openSync(this.#path, "a", 0o600);
  }
}
