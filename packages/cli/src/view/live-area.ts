// The part of the terminal that is drawn again and again in place.

import { displayWidth } from "../display/width.ts";

interface Screen {
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** Terminals that know them show a frame whole; others ignore them. */
const BEGIN_FRAME = "\u001b[?2026h";
const END_FRAME = "\u001b[?2026l";

/** How many rows lines take on a terminal, which wraps those that are wider than it. */
export function rowsTaken(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
}

/** Lines that replace each other. `close` leaves the last ones standing and gives the cursor back. */
export class LiveArea {
  readonly #screen: Screen;
  #lines: readonly string[] = [];
  #open = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get columns(): number {
    return this.#screen.columns ?? 80;
  }

  get rows(): number {
    return this.#screen.rows ?? 24;
  }

  draw(lines: readonly string[]): void {
    const same =
      this.#lines.length === lines.length && lines.every((line, index) => line === this.#lines[index]);
    if (this.#open && same) return;
    const begin = this.#open ? this.#erase() : HIDE_CURSOR;
    this.#screen.write(`${BEGIN_FRAME}${begin}${lines.map((line) => `${line}\n`).join("")}${END_FRAME}`);
    this.#lines = lines;
    this.#open = true;
  }

  /** Takes the lines away and gives the cursor back, e.g. to ask something; the next `draw` begins anew. */
  clear(): void {
    if (!this.#open) return;
    this.#screen.write(this.#erase() + SHOW_CURSOR);
    this.#lines = [];
    this.#open = false;
  }

  close(): void {
    if (!this.#open) return;
    this.#screen.write(SHOW_CURSOR);
    this.#lines = [];
    this.#open = false;
  }

  /** Back to the first line, also when the terminal became narrower since and wrapped them. */
  #erase(): string {
    const rows = Math.min(rowsTaken(this.#lines, this.columns), this.rows);
    return `${rows > 0 ? `\u001b[${rows}A` : ""}\r\u001b[J`;
  }
}
