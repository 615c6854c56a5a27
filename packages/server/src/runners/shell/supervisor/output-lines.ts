// Makes lines of what one stream of a step writes: decodes, masks, splits. A secret does not come through,
// however the bytes are cut, for the masking sees the stream as one text.
//
// - Invalid UTF-8 is replaced by U+FFFD.
// - Of a line that was written over with carriage returns (progress bars) the last state is kept.
// - A very long line is cut into pieces of 64 KiB.

import type { Buffer } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import type { StreamMasker } from "@mflow/core/mask";

const LONGEST = 64 * 1024;

export class OutputLines {
  #decoder = new StringDecoder("utf8");
  readonly #masker: StreamMasker;
  readonly #emit: (line: string) => void;
  /** The line that has not ended yet. */
  #line = "";

  constructor(masker: StreamMasker, emit: (line: string) => void) {
    this.#masker = masker;
    this.#emit = emit;
  }

  push(bytes: Buffer): void {
    this.#split(this.#masker.push(this.#decoder.write(bytes)));
  }

  /** The stream has ended, or has a gap: what began is a line. */
  end(): void {
    this.#split(this.#masker.push(this.#decoder.end()) + this.#masker.end());
    this.#flush();
  }

  /** Output is missing from here on: what may be the beginning of a secret is not shown. */
  breakOff(): void {
    this.#decoder = new StringDecoder("utf8");
    this.#masker.end();
    this.#flush();
  }

  #flush(): void {
    if (this.#line !== "") this.#emit(lastState(this.#line));
    this.#line = "";
  }

  #split(text: string): void {
    let from = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", from)) {
      this.#cut(this.#line + text.slice(from, end), true);
      from = end + 1;
    }
    if (from < text.length) this.#cut(this.#line + text.slice(from), false);
  }

  /** Takes a line as far as it has come: gives out what is too long, and the rest when the line is whole. */
  #cut(line: string, whole: boolean): void {
    let rest = line;
    // What was written over need not be kept; but a last carriage return may belong to the line's end.
    if (rest.length > LONGEST) rest = lastState(rest) + (rest.endsWith("\r") ? "\r" : "");
    while (rest.length > LONGEST) {
      const piece = rest.slice(0, isHighSurrogate(rest.charCodeAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST);
      this.#emit(piece);
      rest = rest.slice(piece.length);
    }
    if (whole && (rest !== "" || line === "")) this.#emit(lastState(rest));
    this.#line = whole ? "" : rest;
  }
}

/** What a terminal shows of a line, as far as whole overwriting goes. */
function lastState(line: string): string {
  if (!line.includes("\r")) return line;
  const states = line.split("\r");
  return states.findLast((state) => state !== "") ?? "";
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
