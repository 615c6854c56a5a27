// The functions of a condition: a closed table, from CEL and its extension for texts. Checks and evaluation ask the same
// entries.

import { type Charge, ConditionFailure, isList, isNumeric, textCost, type Value, whole } from "./value.ts";
import { BOOL, DOUBLE, INT, TEXT, TEXTS, type ValueType } from "./value-type.ts";

type Kind = "BOOL" | "NUMBER" | "TEXT" | "LIST" | "TEXTS";

export interface ConditionFunction {
  name: string;
  /** `a.name(b)`, `name(a, b)`, or both; the subject of a method counts as the first argument. */
  style: "METHOD" | "FUNCTION" | "BOTH";
  /** What each argument may be. */
  takes: readonly (readonly Kind[])[];
  gives: ValueType;
  /** Arguments are of the kinds in `takes`. Throws a `ConditionFailure` for values that it makes nothing of. */
  run(args: readonly Value[], charge: Charge): Value;
}

function text(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

function texts(value: Value | undefined): string[] {
  return value !== undefined && isList(value) ? value.map(text) : [];
}

/** A function of two texts. */
function ofTexts(
  name: string,
  gives: ValueType,
  run: (subject: string, other: string, charge: Charge) => Value,
): ConditionFunction {
  return {
    name,
    style: "METHOD",
    takes: [["TEXT"], ["TEXT"]],
    gives,
    run: ([subject, other], charge) => {
      // A long part may be compared at every place of the subject.
      charge(textCost(text(subject)) * (1 + (text(other).length >> 6)));
      return run(text(subject), text(other), charge);
    },
  };
}

/** A method that changes a text. */
function change(name: string, run: (subject: string) => string): ConditionFunction {
  return {
    name,
    style: "METHOD",
    takes: [["TEXT"]],
    gives: TEXT,
    run: ([subject], charge) => {
      charge(textCost(text(subject)));
      return run(text(subject));
    },
  };
}

function conversion(
  name: string,
  takes: readonly Kind[],
  gives: ValueType,
  run: (value: Value) => Value,
): ConditionFunction {
  return { name, style: "FUNCTION", takes: [takes], gives, run: ([value]) => run(value ?? "") };
}

const FUNCTIONS: readonly ConditionFunction[] = [
  {
    name: "size",
    style: "BOTH",
    takes: [["TEXT", "LIST"]],
    gives: INT,
    run: ([value], charge) => {
      if (value !== undefined && isList(value)) return BigInt(value.length);
      charge(text(value).length >> 2);
      return BigInt([...text(value)].length);
    },
  },
  ofTexts("contains", BOOL, (subject, part) => subject.includes(part)),
  ofTexts("startsWith", BOOL, (subject, part) => subject.startsWith(part)),
  ofTexts("endsWith", BOOL, (subject, part) => subject.endsWith(part)),
  change("lowerAscii", (subject) => subject.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())),
  change("upperAscii", (subject) => subject.replace(/[a-z]+/g, (letters) => letters.toUpperCase())),
  change("trim", (subject) => subject.trim()),
  ofTexts("split", TEXTS, (subject, separator, charge) => {
    const parts = subject.split(separator);
    charge(parts.length);
    return parts;
  }),
  {
    name: "join",
    style: "METHOD",
    takes: [["TEXTS"], ["TEXT"]],
    gives: TEXT,
    run: ([list, separator], charge) => {
      const parts = texts(list);
      const between = text(separator);
      charge(parts.reduce((work, part) => work + 1 + textCost(part) + textCost(between), 0));
      return parts.join(between);
    },
  },
  conversion("bool", ["BOOL", "TEXT"], BOOL, toBoolean),
  conversion("int", ["NUMBER", "TEXT"], INT, toInt),
  conversion("double", ["NUMBER", "TEXT"], DOUBLE, toDouble),
  conversion("string", ["BOOL", "NUMBER", "TEXT"], TEXT, (value) => String(value)),
];

/** The function or method of this name. */
export function functionOf(name: string, isMethod: boolean): ConditionFunction | undefined {
  return FUNCTIONS.find((entry) => entry.name === name && isOfStyle(entry, isMethod));
}

/** Names of the functions, or of the methods. */
export function functionNames(isMethod: boolean): string[] {
  return FUNCTIONS.filter((entry) => isOfStyle(entry, isMethod)).map(({ name }) => name);
}

function isOfStyle({ style }: ConditionFunction, isMethod: boolean): boolean {
  return style === "BOTH" || style === (isMethod ? "METHOD" : "FUNCTION");
}

/** Whether something of the type may be given where one of the kinds is taken. */
export function isTaken(kinds: readonly Kind[], type: ValueType): boolean {
  switch (type.kind) {
    case "UNKNOWN":
      return true;
    case "INT":
    case "DOUBLE":
      return kinds.includes("NUMBER");
    case "LIST":
      return (
        kinds.includes("LIST") || (kinds.includes("TEXTS") && ["TEXT", "UNKNOWN"].includes(type.of.kind))
      );
    case "RECORD":
      return false;
    default:
      return kinds.includes(type.kind);
  }
}

/** Whether the value is of one of the kinds. */
export function isOfKind(kinds: readonly Kind[], value: Value): boolean {
  if (isList(value)) {
    return (
      kinds.includes("LIST") || (kinds.includes("TEXTS") && value.every((item) => typeof item === "string"))
    );
  }
  if (isNumeric(value)) return kinds.includes("NUMBER");
  return kinds.includes(typeof value === "string" ? "TEXT" : "BOOL");
}

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  BOOL: "a boolean",
  NUMBER: "a number",
  TEXT: "a text",
  LIST: "a list",
  TEXTS: "a list of texts",
};

/** "a text or a list" */
export function kindWords(kinds: readonly Kind[]): string {
  return kinds.map((kind) => KIND_WORDS[kind]).join(" or ");
}

function toBoolean(value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (["true", "TRUE", "True", "t", "1"].includes(text(value))) return true;
  if (["false", "FALSE", "False", "f", "0"].includes(text(value))) return false;
  throw notConverted("bool", value, "texts such as `true` and `false`");
}

function toInt(value: Value): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return whole(BigInt(Math.trunc(value)));
  } else if (/^[+-]?[0-9]{1,20}$/.test(text(value))) {
    return whole(BigInt(text(value).replace("+", "")));
  }
  throw notConverted("int", value, "whole numbers such as `42`");
}

const DOUBLE_TEXT = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

function toDouble(value: Value): number {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return value;
  if (text(value).length <= 64 && DOUBLE_TEXT.test(text(value))) return Number(value);
  throw notConverted("double", value, "numbers such as `1.5`");
}

function notConverted(name: string, value: Value, takes: string): ConditionFailure {
  const shown = JSON.stringify(String(value).slice(0, 40));
  return new ConditionFailure(
    `\`${name}(...)\` makes nothing of ${shown}; it takes ${takes}, so ask with \`.matches(...)\` first`,
  );
}
