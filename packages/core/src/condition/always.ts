// What a condition answers whatever the run does, so that `lint` can say that a task never runs.

import { choicesOf } from "./check.ts";
import { compileCondition } from "./compile.ts";
import { contradictionIn } from "./contradiction.ts";
import { Evaluation, type Foreseen, NO_ITEMS } from "./evaluate.ts";
import type { Expression, OperationExpression } from "./expression.ts";
import type { ConditionScope } from "./scope.ts";
import { ConditionFailure } from "./value.ts";

/**
 * The answer that a condition gives whenever it can be decided; nothing when that depends on the run. `scope` tells which
 * texts an ENUM param or a stage can be, so that a comparison with another text is known to be false. Comparisons that
 * cannot hold together are false too.
 */
export function alwaysValue(source: string, scope?: ConditionScope): boolean | undefined {
  const compiled = compileCondition(source);
  if ("problem" in compiled) return undefined;
  const foreseen: Foreseen = (operation) => {
    if (operation.kind === "logic") return contradictionIn(operation);
    return scope && foreseenIn(operation, scope);
  };
  // A part that depends on the run fails, and a side that decides makes up for it.
  const evaluation = new Evaluation((variable) => {
    throw new ConditionFailure(`\`${variable}\` depends on the run`);
  }, foreseen);
  try {
    return evaluation.truth(compiled.expression, NO_ITEMS, "a condition answers");
  } catch (error) {
    if (error instanceof ConditionFailure) return undefined;
    throw error;
  }
}

function foreseenIn(
  { operator, left, right }: OperationExpression,
  scope: ConditionScope,
): boolean | undefined {
  switch (operator) {
    case "==":
    case "!=": {
      const isNever = isNeverOneOf(left, [right], scope) || isNeverOneOf(right, [left], scope);
      return isNever ? operator === "!=" : undefined;
    }
    case "in":
      return right.kind === "list" && isNeverOneOf(left, right.items, scope) ? false : undefined;
  }
  return undefined;
}

/** Whether something has choices, and all the others are texts that are none of them. */
function isNeverOneOf(expression: Expression, others: readonly Expression[], scope: ConditionScope): boolean {
  const choices = expression.kind === "field" ? choicesOf(expression, scope) : undefined;
  if (!choices || choices.values.length === 0) return false;
  return others.every(
    (other) =>
      other.kind === "literal" && typeof other.value === "string" && !choices.values.includes(other.value),
  );
}
