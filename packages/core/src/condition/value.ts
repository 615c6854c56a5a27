// The values that a condition computes with. Whole numbers are 64-bit as in CEL (bigint), others are doubles; the two
// compare and mix.

import { BOOL, DOUBLE, INT, TEXT, UNKNOWN, type ValueType } from "./value-type.ts";

export type Value = boolean | string | bigint | number | readonly Value[];

/** A value that cannot be computed: a sentence that says why and what helps. Stays within condition/. */
export class ConditionFailure extends Error {}

/** No other part of the condition makes up for it. */
export class FatalFailure extends ConditionFailure {}

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);

/** A whole number of 64 bits. Throws a `ConditionFailure` when it is larger. */
export function whole(value: bigint): bigint {
  if (value >= MIN_INT && value <= MAX_INT) return value;
  throw new ConditionFailure("a whole number grows beyond 64 bits; compute with smaller ones");
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The type of a value; of a list, that of its first item. */
export function typeOf(value: Value): ValueType {
  switch (typeof value) {
    case "boolean":
      return BOOL;
    case "string":
      return TEXT;
    case "bigint":
      return INT;
    case "number":
      return DOUBLE;
  }
  return { kind: "LIST", of: value[0] === undefined ? UNKNOWN : typeOf(value[0]) };
}

/** Whether values are equal; numbers by what they count. Values of different types are not. */
export function isEqual(left: Value, right: Value, charge: Charge): boolean {
  charge(1);
  if (isList(left) || isList(right)) {
    if (!isList(left) || !isList(right) || left.length !== right.length) return false;
    return left.every((item, index) => isEqual(item, right[index] ?? false, charge));
  }
  if (typeof left === "string" && typeof right === "string") charge(textCost(left));
  // A bigint and a number are equal when they count the same.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  return isNumeric(left) && isNumeric(right) ? left == right : left === right;
}

export function isNumeric(value: Value): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

/** Counts work, in parts evaluated; throws a `FatalFailure` when a condition does too much. */
export type Charge = (work: number) => void;

/** The work of looking through a text once. */
export function textCost(text: string): number {
  return text.length >> 4;
}
