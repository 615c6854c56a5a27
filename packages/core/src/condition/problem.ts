// What can be wrong with a condition, and where.

/** Something wrong in a condition: a sentence that ends with the remedy, and where it stands in the source. */
export interface ConditionProblem {
  message: string;
  /** Offset into the source, from 0, in UTF-16 units. */
  offset: number;
}

/** A condition that cannot be read. Stays within condition/. */
export class UnreadableCondition extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** `column 7`, or `line 2, column 7` where the source has several lines; both from 1. */
export function placeIn(source: string, offset: number): string {
  const before = source.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - (before.lastIndexOf("\n") + 1) + 1;
  return source.trimEnd().includes("\n") ? `line ${line}, column ${column}` : `column ${column}`;
}
