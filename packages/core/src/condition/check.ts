// Finds what is wrong with a condition without running it.

import { nearest } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import { compileCondition } from "./compile.ts";
import type {
  CallExpression,
  Expression,
  FieldExpression,
  LoopExpression,
  OperationExpression,
  Span,
} from "./expression.ts";
import { pathOf, pathText } from "./expression.ts";
import { functionOf, isTaken, kindWords } from "./functions.ts";
import { nearestRemedy } from "./names.ts";
import { operationType } from "./operators.ts";
import type { ConditionProblem } from "./problem.ts";
import { type ConditionScope, choiceProblem, variableType } from "./scope.ts";
import {
  BOOL,
  type Choices,
  isNumber,
  joined,
  TEXT,
  typeWords,
  UNKNOWN,
  type ValueType,
} from "./value-type.ts";
import { isVariable, VARIABLES } from "./variables.ts";

/**
 * All that is wrong with a condition at a place, in the order of the source: what cannot be read (then nothing else is
 * told), names that the place does not have, types that do not fit, and a result that is not a boolean. A condition
 * without problems is never refused for a type when it is evaluated: only a value that is not there, and one that a
 * conversion makes nothing of, fail then.
 */
export function checkCondition(source: string, scope: ConditionScope): ConditionProblem[] {
  const compiled = compileCondition(source);
  if ("problem" in compiled) return [compiled.problem];
  const checker = new Checker(scope, source);
  checker.answer(compiled.expression);
  return checker.problems.sort((a, b) => a.offset - b.offset);
}

/** The type of an expression at a place; problems in it are not told. */
function inferType(expression: Expression, scope: ConditionScope): ValueType {
  return new Checker(scope, "").infer(expression, NO_ITEMS);
}

type Items = ReadonlyMap<string, ValueType>;
const NO_ITEMS: Items = new Map();

class Checker {
  readonly problems: ConditionProblem[] = [];
  readonly #scope: ConditionScope;
  readonly #source: string;
  /** Names of tasks that were not quoted: what is wrong with their parts is no news. */
  readonly #dashed: Span[] = [];

  constructor(scope: ConditionScope, source: string) {
    this.#scope = scope;
    this.#source = source;
  }

  #tell(offset: number, message: string): ValueType {
    if (!this.#dashed.some(({ start, end }) => start < offset && offset < end)) {
      this.problems.push({ offset, message });
    }
    return UNKNOWN;
  }

  /** "`params.NAME` is a text" */
  #is(expression: Expression | undefined, type: ValueType): string {
    return `${this.#shown(expression)} is ${typeWords(type)}`;
  }

  /** "`params.NAME` (a text)" */
  #side(expression: Expression, type: ValueType): string {
    return `${this.#shown(expression)} (${typeWords(type)})`;
  }

  #shown(expression: Expression | undefined): string {
    return expression ? quoted(this.#source.slice(expression.start, expression.end)) : "this";
  }

  /** The whole condition. */
  answer(expression: Expression): void {
    const type = this.#value(expression, NO_ITEMS);
    if (type.kind === "BOOL" || type.kind === "UNKNOWN") return;
    const path = pathOf(expression);
    const example = isNumber(type) ? "> 0" : type.kind === "LIST" ? ".size() > 0" : '== "..."';
    const shown = path ? pathText(path) : "...";
    this.#tell(
      expression.start,
      `a condition answers true or false, and this one answers ${typeWords(type)}; compare it, as in \`${shown} ${example}\``,
    );
  }

  /** The type of something that is used as a value, not for its parts. */
  #value(expression: Expression, items: Items): ValueType {
    const type = this.infer(expression, items);
    if (type.kind !== "RECORD") return type;
    const path = pathText(pathOf(expression) ?? ["..."]);
    return this.#tell(
      expression.start,
      `\`${path}\` is a group of values; name one of them, as in \`${path}.NAME\``,
    );
  }

  infer(expression: Expression, items: Items): ValueType {
    switch (expression.kind) {
      case "literal":
        return literalType(expression.value);
      case "name":
        return this.#name(expression.name, expression.start, items);
      case "field":
        return this.#field(expression, items);
      case "index":
        return this.#index(expression.of, expression.index, items);
      case "not":
        this.#boolean(expression.of, items, "`!`");
        return BOOL;
      case "minus": {
        const type = this.#value(expression.of, items);
        if (type.kind === "UNKNOWN" || isNumber(type)) return type;
        return this.#tell(
          expression.of.start,
          `\`-\` takes a number, and ${this.#is(expression.of, type)}; convert it with \`double(...)\``,
        );
      }
      case "logic":
        this.#boolean(expression.left, items, `\`${expression.operator}\``);
        this.#boolean(expression.right, items, `\`${expression.operator}\``);
        return BOOL;
      case "choice":
        return this.#choice(expression, items);
      case "operation":
        return this.#operation(expression, items);
      case "list":
        return this.#list(expression.items, items);
      case "has":
        this.#field(expression.of, items);
        return BOOL;
      case "matches":
        this.#text(expression.text, items);
        return BOOL;
      case "call":
        return this.#call(expression, items);
      case "loop":
        return this.#loop(expression, items);
    }
  }

  #name(name: string, offset: number, items: Items): ValueType {
    const item = items.get(name);
    if (item) return item;
    if (isVariable(name)) return variableType(name, this.#scope);
    const remedy = this.#variableRemedy(name) ?? nearestRemedy(name, [...VARIABLES, ...items.keys()]);
    return this.#tell(offset, `there is no variable ${quoted(name)}${remedy}`);
  }

  /** For a bare name that is one of a param, a task or nothing but a text. */
  #variableRemedy(name: string): string | undefined {
    if (this.#scope.params?.has(name)) return `; write \`params.${name}\``;
    if (this.#scope.tasks.has(name)) return `; write \`${pathText(["tasks", name])}\``;
    if (/^[A-Z]+$/.test(name) && nearest(name, VARIABLES) === undefined)
      return `; write a text in quotes: \`"${name}"\``;
    return undefined;
  }

  #field(expression: FieldExpression, items: Items): ValueType {
    const type = this.infer(expression.of, items);
    if (type.kind === "UNKNOWN") return UNKNOWN;
    if (type.kind !== "RECORD") {
      return this.#tell(
        expression.nameStart,
        `${this.#is(expression.of, type)} and has no ${quoted(expression.name)}; compare it as it is`,
      );
    }
    const dashed = this.#dashRemedy(expression);
    if (dashed) return this.#tell(expression.nameStart, dashed);
    const field = type.field(expression.name);
    return "problem" in field ? this.#tell(expression.nameStart, field.problem) : field;
  }

  /** `tasks.build-it` subtracts `it` from `tasks.build`; who writes it means the task `build-it`. */
  #dashRemedy({ of, nameStart }: FieldExpression): string | undefined {
    if (of.kind !== "name" || of.name !== "tasks") return undefined;
    const [meant = ""] = this.#source.slice(nameStart).match(/^[a-z0-9_-]+(\/[a-z0-9_-]+)?/) ?? [];
    if (!/[-/]/.test(meant) || !this.#scope.tasks.has(meant)) return undefined;
    this.#dashed.push({ start: nameStart, end: nameStart + meant.length });
    return `a name with \`-\` or \`/\` stands in quotes; write \`${pathText(["tasks", meant])}\``;
  }

  #index(of: Expression, index: Expression, items: Items): ValueType {
    const type = this.infer(of, items);
    const key = this.#value(index, items);
    if (type.kind === "UNKNOWN") return UNKNOWN;
    if (type.kind === "LIST") {
      if (key.kind === "INT" || key.kind === "UNKNOWN") return type.of;
      return this.#tell(
        index.start,
        `the place in a list is a whole number, and ${this.#is(index, key)}; use \`int(...)\``,
      );
    }
    if (type.kind !== "RECORD") {
      return this.#tell(
        index.start,
        `only lists have places, and ${this.#is(of, type)}; leave \`[...]\` out`,
      );
    }
    if (key.kind !== "TEXT" && key.kind !== "UNKNOWN") {
      return this.#tell(index.start, `a name is a text, and ${this.#is(index, key)}; put it in quotes`);
    }
    if (type.computed) return type.computed;
    const path = pathText(pathOf(of) ?? ["..."]);
    return this.#tell(index.start, `the name is computed; write it out, as in \`${path}["NAME"]\``);
  }

  #boolean(expression: Expression, items: Items, what: string): void {
    const type = this.#value(expression, items);
    if (type.kind === "BOOL" || type.kind === "UNKNOWN") return;
    this.#tell(
      expression.start,
      `${what} takes booleans, and ${this.#is(expression, type)}; compare it with something`,
    );
  }

  #text(expression: Expression, items: Items): void {
    const type = this.#value(expression, items);
    if (type.kind === "TEXT" || type.kind === "UNKNOWN") return;
    this.#tell(
      expression.start,
      `\`matches\` takes a text, and ${this.#is(expression, type)}; convert it with \`string(...)\``,
    );
  }

  #choice({ condition, yes, no }: Expression & { kind: "choice" }, items: Items): ValueType {
    this.#boolean(condition, items, "`?`");
    const [left, right] = [this.#value(yes, items), this.#value(no, items)];
    const type = joined(left, right);
    if (type) return type;
    return this.#tell(
      no.start,
      `\`? :\` chooses between ${this.#side(yes, left)} and ${this.#side(no, right)}; let both be of one type`,
    );
  }

  #operation({ operator, left, right, start }: OperationExpression, items: Items): ValueType {
    const leftType = this.#value(left, items);
    const rightType = operator === "in" ? this.infer(right, items) : this.#value(right, items);
    if (operator === "in" && rightType.kind === "RECORD") {
      if (leftType.kind === "TEXT" || leftType.kind === "UNKNOWN")
        return this.#nameIn(left, right, rightType);
      return this.#tell(
        left.start,
        `names are texts, and ${this.#is(left, leftType)}; put the name in quotes`,
      );
    }
    const type = operationType(operator, leftType, rightType, [
      this.#side(left, leftType),
      this.#side(right, rightType),
    ]);
    if ("problem" in type) return this.#tell(start, type.problem);
    if (operator === "==" || operator === "!=") {
      this.#compared(leftType, right);
      this.#compared(rightType, left);
    }
    if (operator === "in" && right.kind === "list")
      for (const item of right.items) this.#compared(leftType, item);
    return type;
  }

  /** `"NAME" in envs`: where the place knows all names, one that it does not have is a mistake. */
  #nameIn(left: Expression, right: Expression, record: ValueType & { kind: "RECORD" }): ValueType {
    if (left.kind === "literal" && typeof left.value === "string") {
      const field = record.field(left.value);
      if ("problem" in field) this.#tell(left.start, field.problem);
      return BOOL;
    }
    if (record.computed) return BOOL;
    const path = pathText(pathOf(right) ?? ["..."]);
    this.#tell(left.start, `the name is computed; write it out, as in \`"NAME" in ${path}\``);
    return BOOL;
  }

  #compared(type: ValueType, other: Expression): void {
    if (type.kind !== "TEXT" || !type.choices || other.kind !== "literal") return;
    const problem = typeof other.value === "string" && choiceProblem(type.choices, other.value);
    if (problem) this.#tell(other.start, problem);
  }

  #list(parts: readonly Expression[], items: Items): ValueType {
    let of: ValueType = UNKNOWN;
    for (const part of parts) {
      const type = this.#value(part, items);
      const both = joined(of, type);
      if (!both)
        return this.#tell(
          part.start,
          `a list holds values of one type, not ${typeWords(of)} and ${typeWords(type)}; convert one`,
        );
      of = both;
    }
    return { kind: "LIST", of };
  }

  #call({ name, isMethod, args, start }: CallExpression, items: Items): ValueType {
    const types = args.map((arg) => this.#value(arg, items));
    const entry = functionOf(name, isMethod);
    if (!entry) return UNKNOWN;
    const given = isMethod ? args.length - 1 : args.length;
    const wanted = isMethod ? entry.takes.length - 1 : entry.takes.length;
    if (given !== wanted) {
      return this.#tell(
        start,
        `\`${name}\` takes ${wanted || "no"} ${wanted === 1 ? "argument" : "arguments"}, not ${given}; correct the call`,
      );
    }
    for (const [index, type] of types.entries()) {
      const kinds = entry.takes[index] ?? [];
      if (isTaken(kinds, type)) continue;
      this.#tell(
        args[index]?.start ?? start,
        `\`${name}\` takes ${kindWords(kinds)} here, and ${this.#is(args[index], type)}; convert it`,
      );
    }
    return entry.gives;
  }

  #loop({ word, over, variable, filter, body }: LoopExpression, items: Items): ValueType {
    const list = this.infer(over, items);
    if (list.kind !== "LIST" && list.kind !== "UNKNOWN") {
      this.#tell(
        over.start,
        `\`${word}\` goes through a list, and ${this.#is(over, list)}; name a list, such as the outputs of a matrix`,
      );
    }
    const inner = new Map(items).set(variable, list.kind === "LIST" ? list.of : UNKNOWN);
    if (filter) this.#boolean(filter, inner, `the filter of \`${word}\``);
    if (word === "map") return { kind: "LIST", of: this.#value(body, inner) };
    this.#boolean(body, inner, `\`${word}\``);
    return word === "filter" ? list : BOOL;
  }
}

function literalType(value: boolean | string | bigint | number): ValueType {
  if (typeof value === "string") return TEXT;
  if (typeof value === "boolean") return BOOL;
  return { kind: typeof value === "bigint" ? "INT" : "DOUBLE" };
}

/** The choices of an expression, when it can be a few texts only. */
export function choicesOf(expression: Expression, scope: ConditionScope): Choices | undefined {
  const type = inferType(expression, scope);
  return type.kind === "TEXT" ? type.choices : undefined;
}
