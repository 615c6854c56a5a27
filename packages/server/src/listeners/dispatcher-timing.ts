// How long the dispatcher waits for what; tests take shorter times.

import { BREAKER } from "./circuit-breaker.ts";
import { RETRY_PLAN, type RetryPlan } from "./retry-plan.ts";
import type { TargetTiming } from "./target.ts";

export interface DispatcherTiming extends TargetTiming {
  /** Of an attempt. */
  timeoutMs: number;
  /** How long a claimed delivery is ours. */
  leaseMs: number;
  /** How long a stop waits for what is under way. */
  stopMs: number;
  sweepMs: number;
  /** After the store refused something. */
  pauseMs: number;
  retry: RetryPlan;
}

/** What a server goes by. */
export const TIMING: DispatcherTiming = {
  timeoutMs: 10_000,
  leaseMs: 60_000,
  stopMs: 3_000,
  sweepMs: 30_000,
  pauseMs: 1_000,
  retry: RETRY_PLAN,
  breaker: BREAKER,
  firstRestMs: 1_000,
};
