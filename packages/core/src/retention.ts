// Which ended runs a rule lets go. Pure: the store says what there is, oldest first, and how many.
//
// Whatever the rule says, nothing goes within a minute of its end, so that who follows a run sees how it ended, and
// what is needed stays: the last success of the pipeline, and that of each of its tasks.

import { parseDuration } from "./duration.ts";
import type { Retention, RetentionRule } from "./schema/retention.ts";

/** How long every ended run is kept, milliseconds. */
export const LEAST_AGE_MS = 60_000;

/** How a run ended, as retention sees it: what is not SUCCEEDED is OTHER. */
export type Ending = "SUCCEEDED" | "OTHER";

/** An ended run or lone task. */
export interface EndedRun {
  id: string;
  ending: Ending;
  /** Milliseconds since the epoch. */
  endedAt: number;
}

/** Runs that one rule counts together. */
export interface RetentionClass {
  endings: readonly Ending[];
  rule: RetentionRule;
}

/** The rules of a retention with the runs that each is for; rules that keep everything are left out. */
export function retentionClasses({ failed, maxAge, maxRuns }: Retention): RetentionClass[] {
  const rule: RetentionRule = {
    ...(maxAge !== undefined && { maxAge }),
    ...(maxRuns !== undefined && { maxRuns }),
  };
  const classes: RetentionClass[] = failed
    ? [
        { endings: ["SUCCEEDED"], rule },
        { endings: ["OTHER"], rule: failed },
      ]
    : [{ endings: ["SUCCEEDED", "OTHER"], rule }];
  return classes.filter(({ rule: { maxAge, maxRuns } }) => maxAge !== undefined || maxRuns !== undefined);
}

export interface LetGo {
  run: EndedRun;
  /** The rule, e.g. `maxRuns: 20`. */
  because: string;
}

/**
 * Those of `oldest`, the oldest ended runs of a class in order, that its rule lets go. `count`: how many there are of
 * the class in all; `now`: milliseconds since the epoch.
 */
export function letGo(
  oldest: readonly EndedRun[],
  { maxAge, maxRuns }: RetentionRule,
  { count, now, leastAgeMs = LEAST_AGE_MS }: { count: number; now: number; leastAgeMs?: number },
): LetGo[] {
  const surplus = maxRuns === undefined ? 0 : Math.max(0, count - maxRuns);
  const ageMs = maxAge === undefined ? Number.POSITIVE_INFINITY : parseDuration(maxAge);
  const gone: LetGo[] = [];
  for (const [place, run] of oldest.entries()) {
    const age = now - run.endedAt;
    if (age < leastAgeMs) break;
    if (place < surplus) gone.push({ run, because: `maxRuns: ${maxRuns}` });
    else if (age > ageMs) gone.push({ run, because: `maxAge: ${maxAge}` });
    else break;
  }
  return gone;
}

/** A retention as a sentence for people, e.g. `30d, the last 100; FAILED and CANCELED: 90d`. */
export function retentionText({ failed, ...rule }: Retention): string {
  const own = ruleText(rule);
  return failed ? `${own}; FAILED and CANCELED: ${ruleText(failed)}` : own;
}

function ruleText({ maxAge, maxRuns }: RetentionRule): string {
  const parts = [maxAge, maxRuns && `the last ${maxRuns}`];
  return parts.filter(Boolean).join(", ") || "all";
}
