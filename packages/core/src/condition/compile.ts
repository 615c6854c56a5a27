// Conditions as they are read, kept so that a run with many tasks reads each of them once.

import type { Expression } from "./expression.ts";
import { parseCondition } from "./parse.ts";
import { type ConditionProblem, UnreadableCondition } from "./problem.ts";

/** How many conditions are kept; the one that was not used for longest goes first. */
export const MAX_KEPT = 512;

export type CompiledCondition = { expression: Expression } | { problem: ConditionProblem };

const kept = new Map<string, CompiledCondition>();

/** The parts of a condition, or why it cannot be read. */
export function compileCondition(source: string): CompiledCondition {
  const known = kept.get(source);
  if (known) kept.delete(source);
  const compiled = known ?? read(source);
  kept.set(source, compiled);
  const [oldest] = kept.keys();
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  return compiled;
}

function read(source: string): CompiledCondition {
  try {
    return { expression: parseCondition(source) };
  } catch (error) {
    if (!(error instanceof UnreadableCondition)) throw error;
    return { problem: { message: error.message, offset: error.offset } };
  }
}
