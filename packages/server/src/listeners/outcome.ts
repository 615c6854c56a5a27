// What becomes of a delivery after an attempt: it arrived, it is tried again, or it is given up.

import type { DeliveryOutcome } from "../store/store.ts";
import type { AttemptResult } from "./attempt.ts";
import { isGivenUp, nextTry, type RetryPlan } from "./retry-plan.ts";

export interface OutcomeParts {
  plan: RetryPlan;
  /** Attempts so far, this one among them, and how many of them failed. */
  tries: number;
  failures: number;
  /** Since when it is tried. All times are milliseconds since the epoch. */
  since: number;
  /** When the target takes something again. */
  restsUntil: number;
  now: number;
}

export function outcomeOf(
  result: Exclude<AttemptResult, { state: "ABORTED" }>,
  { restsUntil, plan, ...parts }: OutcomeParts,
): DeliveryOutcome {
  if (result.state === "DELIVERED" || result.state === "DEAD") return result;
  const { error } = result;
  if (result.state === "LIMITED") {
    // A limit is no failure: the message waits as long as the place says, but a place that never takes it is no place.
    return isGivenUp(plan, parts) ? { state: "DEAD", error } : { state: "PENDING", dueAt: restsUntil, error };
  }
  const dueAt = nextTry(plan, { ...parts, atLeastMs: result.retryAfterMs });
  return dueAt === undefined ? { state: "DEAD", error } : { state: "PENDING", dueAt, error };
}
