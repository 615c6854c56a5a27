// Reads a log from one line on, a piece at a time, in whatever form it is stored. A log may be packed between
// two pieces; the reader goes on by line number.

import type { Buffer } from "node:buffer";
import { decodeLines, lineNumberAt } from "./log-line.ts";
import type { LogLine } from "./log-store.ts";
import type { OpenFiles } from "./open-files.ts";
import { blockOf, type PackedIndex, readBlock } from "./packed-log.ts";
import { type Extent, findLine, offsetOf, wholeLines } from "./plain-log.ts";

/** Where a log is stored now. `finished`: it will not grow. */
export type Place =
  | { form: "plain"; path: string; flags: number; extent: Extent; length: number; finished: boolean }
  | { form: "packed"; path: string; flags: number; index: PackedIndex; length: number; finished: true };

/** Bytes of a piece, about. */
const PIECE = 64 * 1024;
/** A log moves twice in its life (ended, packed): more tries than that mean that it is gone. */
const TRIES = 4;

export class LogReader {
  /** The line that the next piece starts with. */
  next: number;
  /** Nothing follows what was read, as far as the last look told. */
  finished = false;
  readonly #files: OpenFiles;
  readonly #find: () => Promise<Place | undefined>;
  /** Where line `next` starts in the plain file. */
  #position: number | undefined;
  #packed: (Place & { form: "packed" }) | undefined;

  /** `find` says where the log is; it is asked again when the file is there no more. */
  constructor(files: OpenFiles, find: () => Promise<Place | undefined>, from: number) {
    this.#files = files;
    this.#find = find;
    this.next = Math.max(1, Math.floor(from));
  }

  /** The next lines, at most `limit`; none when there are no more for now. */
  async lines(limit = Number.POSITIVE_INFINITY): Promise<LogLine[]> {
    const start = this.next;
    const bytes = await this.piece();
    if (!bytes) return [];
    const lines = decodeLines(bytes, limit);
    if (start + lines.length < this.next) {
      this.next = start + lines.length;
      this.#position = undefined;
    }
    return lines;
  }

  /** The next lines as they are encoded, from line `next` on. */
  async piece(): Promise<Buffer | undefined> {
    for (let tries = 1; ; tries++) {
      const place = this.#packed ?? (await this.#find());
      this.finished = place?.finished ?? false;
      if (!place || this.next > place.length) return undefined;
      try {
        return place.form === "plain" ? await this.#plainPiece(place) : await this.#packedPiece(place);
      } catch (error) {
        this.#packed = undefined;
        const gone = error instanceof Error && "code" in error && error.code === "ENOENT";
        if (!gone || tries === TRIES) throw error;
      }
    }
  }

  #plainPiece(place: Place & { form: "plain" }): Promise<Buffer> {
    return this.#files.use(place.path, place.flags, async (handle) => {
      const position = this.#position ?? (await findLine(handle, place.extent, this.next));
      const bytes = await wholeLines(handle, position, place.extent.size, PIECE);
      this.#position = position + bytes.length;
      this.next = Math.max(this.next, lastLineOf(bytes) ?? place.length) + 1;
      return bytes;
    });
  }

  #packedPiece(place: Place & { form: "packed" }): Promise<Buffer> {
    this.#packed = place;
    return this.#files.use(place.path, place.flags, async (handle) => {
      const block = blockOf(place.index, this.next);
      const bytes = await readBlock(handle, place.path, place.index, block);
      const offset = offsetOf(bytes, this.next);
      this.next = place.index.firstLines[block + 1] ?? place.length + 1;
      return bytes.subarray(offset);
    });
  }
}

/** Number of the last of whole encoded lines. */
function lastLineOf(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  return lineNumberAt(bytes, bytes.lastIndexOf(0x0a, bytes.length - 2) + 1);
}
