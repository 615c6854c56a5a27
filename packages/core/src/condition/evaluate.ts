// Decides a condition on facts.

import { MflowError } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { compileCondition } from "./compile.ts";
import type {
  CallExpression,
  Expression,
  FieldExpression,
  LogicExpression,
  LoopExpression,
  OperationExpression,
} from "./expression.ts";
import { type ConditionFacts, Group, variableGroup } from "./facts.ts";
import { functionOf, isOfKind, kindWords } from "./functions.ts";
import { operate } from "./operators.ts";
import { ConditionFailure, FatalFailure, isList, isNumeric, typeOf, type Value, whole } from "./value.ts";
import { typeWords } from "./value-type.ts";
import { isVariable, type Variable } from "./variables.ts";

/**
 * How much a condition may do, in parts evaluated; looking through texts and lists counts by their length. All of it takes
 * a tenth of a second or so.
 */
const MAX_WORK = 1_000_000;

/**
 * Whether the condition holds. Throws an MflowError `CONDITION_FAILED` when that cannot be said: the source cannot be read
 * (which `checkCondition` tells beforehand), it names a value that is not there, types do not fit, or it does too much.
 */
export function evaluateCondition(source: string, facts: ConditionFacts): boolean {
  const compiled = compileCondition(source);
  if ("problem" in compiled) throw failed(source, compiled.problem.message);
  const evaluation = new Evaluation((variable) => variableGroup(variable, facts));
  try {
    return evaluation.truth(compiled.expression, NO_ITEMS, "a condition answers");
  } catch (error) {
    if (error instanceof ConditionFailure) throw failed(source, error.message);
    throw error;
  }
}

function failed(source: string, cause: string): MflowError {
  return new MflowError(
    "CONDITION_FAILED",
    `the condition ${quoted(source.trim())} cannot be decided: ${cause}`,
  );
}

type Items = ReadonlyMap<string, Value>;
export const NO_ITEMS: Items = new Map();

/** The answer of an operation as far as it is known without its values. */
export type Foreseen = (operation: OperationExpression | LogicExpression) => boolean | undefined;

/** Values of the parts of one condition. */
export class Evaluation {
  readonly #variable: (variable: Variable) => Group;
  /** Answers operations that are known without their values. */
  readonly #foreseen: Foreseen;
  #work = MAX_WORK;

  constructor(variable: (variable: Variable) => Group, foreseen: Foreseen = () => undefined) {
    this.#variable = variable;
    this.#foreseen = foreseen;
  }

  readonly #charge = (work: number): void => {
    this.#work -= work;
    if (this.#work < 0) {
      throw new FatalFailure("it takes too much work; let a task compute it and hand on the answer");
    }
  };

  /** A part that has to be a boolean. Throws a `ConditionFailure`. */
  truth(expression: Expression, items: Items, what: string): boolean {
    const value = this.#value(expression, items);
    if (typeof value === "boolean") return value;
    throw new ConditionFailure(
      `${what} true or false, and this is ${typeWords(typeOf(value))}; compare it with something`,
    );
  }

  #value(expression: Expression, items: Items): Value {
    const value = this.#part(expression, items);
    if (!(value instanceof Group)) return value;
    throw new ConditionFailure(`\`${value.path.join(".")}\` is a group of values; name one of them`);
  }

  #part(expression: Expression, items: Items): Value | Group {
    this.#charge(1);
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "name":
        return this.#name(expression.name, items);
      case "field":
        return this.#field(expression, items);
      case "index":
        return this.#index(expression.of, expression.index, items);
      case "not":
        return !this.truth(expression.of, items, "`!` takes");
      case "minus":
        return negative(this.#value(expression.of, items));
      case "logic":
        return this.#foreseen(expression) ?? this.#logic(expression, items);
      case "choice": {
        const { condition, yes, no } = expression;
        return this.#value(this.truth(condition, items, "`?` takes") ? yes : no, items);
      }
      case "operation":
        return this.#foreseen(expression) ?? this.#operation(expression, items);
      case "list":
        return expression.items.map((item) => this.#value(item, items));
      case "has":
        return this.#has(expression.of, items);
      case "matches":
        return this.#matches(expression, items);
      case "call":
        return this.#call(expression, items);
      case "loop":
        return this.#loop(expression, items);
    }
  }

  #name(name: string, items: Items): Value | Group {
    const item = items.get(name);
    if (item !== undefined) return item;
    if (isVariable(name)) return this.#variable(name);
    throw new ConditionFailure(`there is no variable ${quoted(name)}; \`mflow lint\` tells which there are`);
  }

  #field({ of, name }: FieldExpression, items: Items): Value | Group {
    const group = this.#part(of, items);
    if (group instanceof Group) return group.part(name);
    throw new ConditionFailure(`${typeWords(typeOf(group))} has no ${quoted(name)}; compare it as it is`);
  }

  #has({ of, name }: FieldExpression, items: Items): boolean {
    const group = this.#part(of, items);
    return group instanceof Group && group.has(name);
  }

  #index(of: Expression, index: Expression, items: Items): Value | Group {
    const subject = this.#part(of, items);
    const key = this.#value(index, items);
    if (subject instanceof Group) {
      if (typeof key === "string") return subject.part(key);
      throw new ConditionFailure("a name is a text; put it in quotes");
    }
    if (!isList(subject) || typeof key !== "bigint") {
      throw new ConditionFailure("`[...]` takes a list and a whole number; use `int(...)`");
    }
    const item = key >= 0n ? subject[Number(key)] : undefined;
    if (item !== undefined) return item;
    throw new ConditionFailure(
      `the list has ${subject.length} items and no item ${key}, from 0; ask for its \`.size()\` first`,
    );
  }

  /** As in CEL, a side that decides makes up for one that fails, on the left or on the right. */
  #logic({ operator, left, right }: LogicExpression, items: Items): boolean {
    const deciding = operator === "||";
    const what = `\`${operator}\` takes`;
    let failure: ConditionFailure | undefined;
    try {
      if (this.truth(left, items, what) === deciding) return deciding;
    } catch (error) {
      failure = bearable(error);
    }
    if (this.truth(right, items, what) === deciding) return deciding;
    if (failure) throw failure;
    return !deciding;
  }

  #operation({ operator, left, right }: OperationExpression, items: Items): Value {
    const first = this.#value(left, items);
    const second = operator === "in" ? this.#part(right, items) : this.#value(right, items);
    if (!(second instanceof Group)) return operate(operator, first, second, this.#charge);
    if (typeof first === "string") return second.has(first);
    throw new ConditionFailure("a name is a text; put it in quotes");
  }

  #matches({ text, pattern }: Expression & { kind: "matches" }, items: Items): boolean {
    const subject = this.#value(text, items);
    if (typeof subject !== "string")
      throw new ConditionFailure("`matches` takes a text; convert it with `string(...)`");
    this.#charge(1 + ((subject.length * pattern.size) >> 3));
    return pattern.test(subject);
  }

  #call({ name, isMethod, args }: CallExpression, items: Items): Value {
    const entry = functionOf(name, isMethod);
    if (!entry || entry.takes.length !== args.length) {
      throw new ConditionFailure(`\`${name}\` is not called so; \`mflow lint\` tells how it is`);
    }
    const values = args.map((arg) => this.#value(arg, items));
    for (const [index, value] of values.entries()) {
      const kinds = entry.takes[index] ?? [];
      if (isOfKind(kinds, value)) continue;
      throw new ConditionFailure(
        `\`${name}\` takes ${kindWords(kinds)}, and this is ${typeWords(typeOf(value))}; convert it`,
      );
    }
    return entry.run(values, this.#charge);
  }

  #loop(loop: LoopExpression, items: Items): Value {
    const list = this.#value(loop.over, items);
    if (!isList(list))
      throw new ConditionFailure(
        `\`${loop.word}\` goes through a list, and this is ${typeWords(typeOf(list))}; name a list`,
      );
    const inner = new Map(items);
    const what = `\`${loop.word}\` asks each item for`;
    const asks = (expression: Expression, item: Value) =>
      this.truth(expression, inner.set(loop.variable, item), what);
    switch (loop.word) {
      case "all":
        return this.#quantified(list, (item) => asks(loop.body, item), false);
      case "exists":
        return this.#quantified(list, (item) => asks(loop.body, item), true);
      case "exists_one":
        return list.filter((item) => asks(loop.body, item)).length === 1;
      case "filter":
        return list.filter((item) => asks(loop.body, item));
      case "map": {
        const taken = list.filter((item) => loop.filter === undefined || asks(loop.filter, item));
        return taken.map((item) => this.#value(loop.body, inner.set(loop.variable, item)));
      }
    }
  }

  /** As in CEL, an item that decides makes up for one that fails. */
  #quantified(list: readonly Value[], asks: (item: Value) => boolean, deciding: boolean): boolean {
    let failure: ConditionFailure | undefined;
    for (const item of list) {
      try {
        if (asks(item) === deciding) return deciding;
      } catch (error) {
        failure ??= bearable(error);
      }
    }
    if (failure) throw failure;
    return !deciding;
  }
}

/** The failure of one part, when another part can make up for it; else it is thrown on. */
function bearable(error: unknown): ConditionFailure {
  if (error instanceof ConditionFailure && !(error instanceof FatalFailure)) return error;
  throw error;
}

function negative(value: Value): Value {
  if (typeof value === "bigint") return whole(-value);
  if (isNumeric(value)) return -value;
  throw new ConditionFailure(
    `\`-\` takes a number, and this is ${typeWords(typeOf(value))}; convert it with \`double(...)\``,
  );
}
