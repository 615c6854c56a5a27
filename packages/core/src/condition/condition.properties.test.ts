// Whatever text stands in a `when`, these hold.

import { evaluate as evaluateByLibrary } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MflowError } from "../errors.ts";
import { factsWith, SCOPE } from "../testing/conditions.ts";
import {
  conditionArbitrary,
  literalConditionArbitrary,
  mixedConditionArbitrary,
  textArbitrary,
} from "../testing/random-conditions.ts";
import { alwaysValue } from "./always.ts";
import { checkCondition } from "./check.ts";
import { evaluateCondition } from "./evaluate.ts";
import { referencesOf } from "./references.ts";

/** The answer, or the sentence of the refusal. */
function answerOf(source: string): boolean | string {
  try {
    return evaluateCondition(source, factsWith());
  } catch (error) {
    if (error instanceof MflowError && error.code === "CONDITION_FAILED") return error.message;
    throw error;
  }
}

/** What may go wrong with a condition that the checks found nothing wrong with. */
const VALUE_FAILURE =
  /ask first, as in|divided by zero|beyond 64 bits|makes nothing of|ask for its `\.size\(\)` first|too much work/;

function holdsFor(source: string): void {
  const problems = checkCondition(source, SCOPE);
  const always = alwaysValue(source, SCOPE);
  const answer = answerOf(source);
  referencesOf(source);
  for (const { message, offset } of problems) {
    expect(message).toMatch(/[;?]|as in/);
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(offset).toBeLessThanOrEqual(source.length);
  }
  if (typeof answer === "string" && problems.length === 0) expect(answer).toMatch(VALUE_FAILURE);
  if (typeof answer === "boolean" && always !== undefined && problems.length === 0)
    expect(answer).toBe(always);
}

test("no text makes the checks throw, or the evaluation throw anything but CONDITION_FAILED", () => {
  fc.assert(fc.property(textArbitrary, holdsFor), { numRuns: 2000 });
});

test("a condition that is well typed passes the checks, and then is never refused for its types", () => {
  fc.assert(
    fc.property(conditionArbitrary, (source) => {
      expect(checkCondition(source, SCOPE)).toEqual([]);
      holdsFor(source);
    }),
    { numRuns: 1000 },
  );
});

test("whatever types a condition mixes, what passes the checks is never refused for its types", () => {
  fc.assert(fc.property(mixedConditionArbitrary, holdsFor), { numRuns: 1000 });
});

test("a condition without variables answers what the CEL library answers", () => {
  let compared = 0;
  fc.assert(
    fc.property(literalConditionArbitrary, (source) => {
      let expected: unknown;
      try {
        expected = evaluateByLibrary(source);
      } catch {
        return;
      }
      compared++;
      const answer = answerOf(source);
      expect(answer).toBe(expected);
      expect(alwaysValue(source)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
  expect(compared).toBeGreaterThan(300);
});
