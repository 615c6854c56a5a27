// What stands between two values: which types it takes, and what it answers. Checks and evaluation ask the same table, so
// that what passes the checks is never refused by its types later.

import type { Operator } from "./expression.ts";
import {
  type Charge,
  ConditionFailure,
  isEqual,
  isList,
  isNumeric,
  textCost,
  type Value,
  whole,
} from "./value.ts";
import {
  BOOL,
  DOUBLE,
  INT,
  isComparable,
  isNumber,
  joined,
  TEXT,
  typeWords,
  UNKNOWN,
  type ValueType,
} from "./value-type.ts";

/** One side of an operator as sentences name it: "`params.REPLICAS` (a number)". */
type Sides = readonly [left: string, right: string];

/**
 * The type of `left operator right`, or what is wrong with the types. `in` of a group of values is not asked here. `sides`
 * is how a problem names them.
 */
export function operationType(
  operator: Operator,
  left: ValueType,
  right: ValueType,
  sides: Sides,
): ValueType | { problem: string } {
  const isOpen = left.kind === "UNKNOWN" || right.kind === "UNKNOWN";
  switch (operator) {
    case "==":
    case "!=":
      if (isComparable(left, right)) return BOOL;
      return {
        problem: `${sides.join(" and ")} are never equal; ${conversion(left, right)}`,
      };
    case "<":
    case "<=":
    case ">":
    case ">=":
      if (isOpen || (isNumber(left) && isNumber(right)) || (left.kind === "TEXT" && right.kind === "TEXT"))
        return BOOL;
      return {
        problem: `\`${operator}\` compares two numbers or two texts, not ${sides.join(" with ")}; ${conversion(left, right)}`,
      };
    case "in":
      return membershipType(left, right, sides);
    case "+":
      if (isOpen) return UNKNOWN;
      if (left.kind === "TEXT" && right.kind === "TEXT") return TEXT;
      if (left.kind === "LIST" && right.kind === "LIST") {
        const list = joined(left, right);
        if (list) return list;
      }
      return numberType(operator, left, right, sides, "two numbers, two texts or two lists of the same");
    default:
      return isOpen ? UNKNOWN : numberType(operator, left, right, sides, "two numbers");
  }
}

function numberType(
  operator: Operator,
  left: ValueType,
  right: ValueType,
  sides: Sides,
  takes: string,
): ValueType | { problem: string } {
  if (isNumber(left) && isNumber(right)) return left.kind === "INT" && right.kind === "INT" ? INT : DOUBLE;
  return {
    problem: `\`${operator}\` takes ${takes}, not ${sides.join(" and ")}; ${conversion(left, right)}`,
  };
}

function membershipType(
  left: ValueType,
  right: ValueType,
  [item, list]: Sides,
): ValueType | { problem: string } {
  if (right.kind === "UNKNOWN") return BOOL;
  if (right.kind !== "LIST") {
    const remedy =
      right.kind === "TEXT" ? "ask a text with `.contains(...)`" : "write a list, as in `x in [1, 2]`";
    return {
      problem: `\`in\` looks into a list or a group of values, not into ${list}; ${remedy}`,
    };
  }
  if (isComparable(left, right.of)) return BOOL;
  return {
    problem: `${list} never holds ${item}; ${conversion(left, right.of)}`,
  };
}

function conversion(left: ValueType, right: ValueType): string {
  const kinds = [left, right].map((type) => (isNumber(type) ? "NUMBER" : type.kind));
  if (kinds.includes("TEXT") && kinds.includes("NUMBER")) {
    return "leave the quotes out of a number, or convert with `double(...)` or `string(...)`";
  }
  if (kinds.includes("TEXT") && kinds.includes("BOOL")) {
    return "write `true` and `false` without quotes, or convert with `bool(...)` or `string(...)`";
  }
  if (kinds.includes("LIST")) return 'look into a list with `in` or `.exists(item, item == "a")`';
  return "compare values of one type";
}

/** What `left operator right` is. Throws a `ConditionFailure` where the types do not fit, and for divisions by zero. */
export function operate(operator: Operator, left: Value, right: Value, charge: Charge): Value {
  switch (operator) {
    case "==":
      return isEqual(left, right, charge);
    case "!=":
      return !isEqual(left, right, charge);
    case "in":
      if (isList(right)) return right.some((item) => isEqual(left, item, charge));
      break;
    case "<":
    case "<=":
    case ">":
    case ">=":
      if (isNumeric(left) && isNumeric(right)) return isOrdered(operator, left, right);
      if (typeof left === "string" && typeof right === "string") {
        charge(textCost(left));
        return isOrdered(operator, left, right);
      }
      break;
    case "+":
      if (typeof left === "string" && typeof right === "string") {
        charge(textCost(left) + textCost(right));
        return left + right;
      }
      if (isList(left) && isList(right)) {
        charge(left.length + right.length);
        return [...left, ...right];
      }
      break;
  }
  if (typeof left === "bigint" && typeof right === "bigint") return wholeResult(operator, left, right);
  if (isNumeric(left) && isNumeric(right)) return doubleResult(operator, Number(left), Number(right));
  throw misfit(operator, left, right);
}

function misfit(operator: Operator, left: Value, right: Value): ConditionFailure {
  const words = [left, right].map((value) =>
    typeWords(isList(value) ? { kind: "LIST", of: UNKNOWN } : scalarType(value)),
  );
  return new ConditionFailure(
    `\`${operator}\` does not work on ${words.join(" and ")}; convert one of them, as with \`double(...)\` or \`string(...)\``,
  );
}

function scalarType(value: Exclude<Value, readonly Value[]>): ValueType {
  if (typeof value === "string") return TEXT;
  return typeof value === "boolean" ? BOOL : DOUBLE;
}

function isOrdered(
  operator: "<" | "<=" | ">" | ">=",
  left: bigint | number | string,
  right: bigint | number | string,
): boolean {
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
  }
}

function wholeResult(operator: Operator, left: bigint, right: bigint): bigint {
  switch (operator) {
    case "+":
      return whole(left + right);
    case "-":
      return whole(left - right);
    case "*":
      return whole(left * right);
    case "/":
      if (right !== 0n) return whole(left / right);
      break;
    case "%":
      if (right !== 0n) return left % right;
      break;
    default:
      throw misfit(operator, left, right);
  }
  throw new ConditionFailure("a number is divided by zero; ask first whether it is 0");
}

function doubleResult(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    default:
      throw misfit(operator, left, right);
  }
}
