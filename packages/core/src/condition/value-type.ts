// The types that parts of a condition have, as far as one can tell without running it.

/** The only texts that something can be. */
export interface Choices {
  values: readonly string[];
  /** What it is, as a sentence begins: "`tasks.build.stage`". */
  what: string;
  /** A comparison with any other text is an error; without it, it is only false. */
  strict: boolean;
  /** Follows the sentence that says which texts there are. */
  hint?(other: string): string | undefined;
}

/** Something with named parts, such as `params` or a task. */
export interface RecordType {
  kind: "RECORD";
  /** The type of a part, or what is wrong with its name. */
  field(name: string): ValueType | { problem: string };
  /** Type of a part whose name is computed; without it names are written out. */
  computed?: ValueType;
}

export type ValueType =
  | { kind: "BOOL" | "INT" | "DOUBLE" }
  | { kind: "TEXT"; choices?: Choices }
  | { kind: "LIST"; of: ValueType }
  | RecordType
  /** Nobody knows; whatever is done with it passes. */
  | { kind: "UNKNOWN" };

export const BOOL: ValueType = { kind: "BOOL" };
export const INT: ValueType = { kind: "INT" };
export const DOUBLE: ValueType = { kind: "DOUBLE" };
export const TEXT: ValueType = { kind: "TEXT" };
export const UNKNOWN: ValueType = { kind: "UNKNOWN" };
export const TEXTS: ValueType = { kind: "LIST", of: TEXT };

/** The type as a sentence says it: "a text". */
export function typeWords(type: ValueType): string {
  switch (type.kind) {
    case "BOOL":
      return "a boolean";
    case "INT":
    case "DOUBLE":
      return "a number";
    case "TEXT":
      return "a text";
    case "LIST":
      return "a list";
    case "RECORD":
      return "a group of values";
    case "UNKNOWN":
      return "a value";
  }
}

/** Whether values of the type are numbers. */
export function isNumber({ kind }: ValueType): boolean {
  return kind === "INT" || kind === "DOUBLE";
}

/** Whether values of the types can be equal at all. */
export function isComparable(left: ValueType, right: ValueType): boolean {
  if (left.kind === "UNKNOWN" || right.kind === "UNKNOWN") return true;
  if (left.kind === "LIST" && right.kind === "LIST") return isComparable(left.of, right.of);
  return (isNumber(left) && isNumber(right)) || (left.kind === right.kind && left.kind !== "RECORD");
}

/** The type of what is either of the two; nothing when no type holds both. */
export function joined(left: ValueType, right: ValueType): ValueType | undefined {
  if (left.kind === "UNKNOWN") return right;
  if (right.kind === "UNKNOWN") return left;
  if (left.kind === "LIST" && right.kind === "LIST") {
    const of = joined(left.of, right.of);
    return of && { kind: "LIST", of };
  }
  if (isNumber(left) && isNumber(right)) return left.kind === right.kind ? left : DOUBLE;
  if (left.kind !== right.kind || left.kind === "RECORD") return undefined;
  return left.kind === "TEXT" ? TEXT : left;
}
