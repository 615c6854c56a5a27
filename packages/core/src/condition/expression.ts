// A condition as it is once it is read: the parts that a `when` may have and no more. What the checks, the evaluation
// and the search for references walk over; nothing of the library that parses the text is seen here.

import type { Pattern } from "./pattern.ts";

/** Where something stands: offsets into the source, the end exclusive. */
export interface Span {
  start: number;
  end: number;
}

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%" | "in";

/** The words that go through a list. */
export const LOOPS = ["all", "exists", "exists_one", "filter", "map"] as const;
export type LoopWord = (typeof LOOPS)[number];

/** `of.name`, or `of["name"]`. */
export interface FieldExpression extends Span {
  kind: "field";
  of: Expression;
  name: string;
  /** Where the name itself begins. */
  nameStart: number;
}

export interface LoopExpression extends Span {
  kind: "loop";
  word: LoopWord;
  over: Expression;
  variable: string;
  /** Which items `map` takes, when it says so. */
  filter?: Expression;
  body: Expression;
}

/** `name(args)`; of `a.name(b)` the subject `a` is the first of `args`. */
export interface CallExpression extends Span {
  kind: "call";
  name: string;
  isMethod: boolean;
  args: Expression[];
}

export interface OperationExpression extends Span {
  kind: "operation";
  operator: Operator;
  left: Expression;
  right: Expression;
}

export interface LogicExpression extends Span {
  kind: "logic";
  operator: "&&" | "||";
  left: Expression;
  right: Expression;
}

export type Expression =
  | (Span & { kind: "literal"; value: boolean | string | bigint | number })
  | (Span & { kind: "name"; name: string })
  | FieldExpression
  | (Span & { kind: "index"; of: Expression; index: Expression })
  | (Span & { kind: "not" | "minus"; of: Expression })
  | LogicExpression
  | (Span & { kind: "choice"; condition: Expression; yes: Expression; no: Expression })
  | OperationExpression
  | (Span & { kind: "list"; items: Expression[] })
  | (Span & { kind: "has"; of: FieldExpression })
  | (Span & { kind: "matches"; text: Expression; pattern: Pattern })
  | CallExpression
  | LoopExpression;

/** The expressions that an expression is made of, in the order of the source. */
export function partsOf(expression: Expression): Expression[] {
  switch (expression.kind) {
    case "literal":
    case "name":
      return [];
    case "index":
      return [expression.of, expression.index];
    case "field":
    case "not":
    case "minus":
    case "has":
      return [expression.of];
    case "logic":
    case "operation":
      return [expression.left, expression.right];
    case "choice":
      return [expression.condition, expression.yes, expression.no];
    case "list":
      return expression.items;
    case "matches":
      return [expression.text];
    case "call":
      return expression.args;
    case "loop":
      return [expression.over, ...(expression.filter ? [expression.filter] : []), expression.body];
  }
}

/** The names of a path such as `tasks.build.outputs`, from the variable on; nothing for what is no path. */
export function pathOf(expression: Expression): string[] | undefined {
  const names: string[] = [];
  let at = expression;
  for (; at.kind === "field"; at = at.of) names.unshift(at.name);
  return at.kind === "name" ? [at.name, ...names] : undefined;
}

/** A path as one writes it: `run.labels["build-it"]`. */
export function pathText([variable = "", ...names]: readonly string[]): string {
  return (
    variable + names.map((name) => (isIdentifier(name) ? `.${name}` : `[${JSON.stringify(name)}]`)).join("")
  );
}

function isIdentifier(name: string): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
    name !== "in" &&
    name !== "true" &&
    name !== "false" &&
    name !== "null"
  );
}
