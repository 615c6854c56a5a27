// Finds among the lines of a log that are read again those that are stored already, so that none is stored twice and none
// is left out. Lines have no numbers there: they are told apart by time, text and order.

import type { WrittenLine } from "./attempt-log.ts";

export class Overlap {
  readonly #stored: readonly WrittenLine[];
  readonly #isExpected: boolean;
  /** Read again, and not told yet. */
  #held: WrittenLine[] = [];
  /** Where in the stored lines those that are held may begin. */
  #begins: number[] = [];
  /** The first of these that was followed to the end of the stored lines. */
  #found: number | undefined;
  #isOver = false;
  #hasGap = false;

  /**
   * `stored`: the last lines that are stored, in their order. Unless `isExpected` they may be of another log, and that
   * they do not come again is no gap.
   */
  constructor(stored: readonly WrittenLine[], isExpected = true) {
    this.#stored = stored;
    this.#isExpected = isExpected;
    this.#isOver = stored.length === 0;
  }

  /** Nothing of what is stored came again: it is not there any more. */
  get isUntouched(): boolean {
    return this.#isExpected && !this.#isOver && this.#held.length === 0;
  }

  /** Whether the lines read do not go on from those stored. Answers so once. */
  takeGap(): boolean {
    const hasGap = this.#hasGap;
    this.#hasGap = false;
    return hasGap;
  }

  /**
   * The lines that are not stored yet. Those that may be are held back; they are no longer than what is stored, and
   * nothing new is among them for as long as they are.
   */
  fresh(lines: readonly WrittenLine[]): readonly WrittenLine[] {
    for (const [index, line] of lines.entries()) {
      if (this.#isOver) return index === 0 ? lines : [...this.#told(), ...lines.slice(index)];
      this.#take(line);
    }
    return this.#isOver ? this.#told() : [];
  }

  #take(line: WrittenLine): void {
    const at = this.#held.push(line) - 1;
    const all = at === 0 ? this.#stored.keys() : this.#begins;
    this.#begins = [...all].filter((begin) => isSame(this.#stored[begin + at], line));
    // Usually all of the stored lines come again. When the node has rotated its file, only the last of them do.
    const end = this.#stored.length - at - 1;
    if (this.#begins.includes(end)) {
      this.#found = end;
      this.#begins = this.#begins.filter((begin) => begin !== end);
    }
    if (this.#begins.length > 0) return;
    this.#isOver = true;
    this.#hasGap = this.#isExpected && this.#found === undefined;
  }

  /** What was held back and is not stored. */
  #told(): WrittenLine[] {
    const known = this.#found === undefined ? 0 : this.#stored.length - this.#found;
    const told = this.#held.slice(known);
    this.#held = [];
    return told;
  }
}

function isSame(one: WrittenLine | undefined, other: WrittenLine): boolean {
  return one !== undefined && one.time === other.time && one.text === other.text;
}
