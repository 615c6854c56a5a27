// When a message that did not arrive is tried again, and when it is given up.

export interface RetryPlan {
  firstMs: number;
  longestMs: number;
  /** A message is tried for so long after it was written, milliseconds. */
  giveUpAfterMs: number;
  /** ... but at least so often: its target may have been paused all the time. */
  leastTries: number;
  /** From 0 to 1. */
  random: () => number;
}

/** About a hundred tries in a day; who comes back after a longer outage hears of it within a quarter of an hour. */
export const RETRY_PLAN: RetryPlan = {
  firstMs: 2_000,
  longestMs: 15 * 60_000,
  giveUpAfterMs: 24 * 60 * 60_000,
  leastTries: 5,
  random: Math.random,
};

/** Whether a message is tried no more after `tries` attempts, the last one at `now`. */
export function isGivenUp(
  { giveUpAfterMs, leastTries }: RetryPlan,
  { tries, since, now }: { tries: number; since: number; now: number },
): boolean {
  return now >= since + giveUpAfterMs && tries >= leastTries;
}

/**
 * When to try again; undefined: give up. `tries` were made, the last one at `now`, and so many of them failed; all times
 * are milliseconds since the epoch. `atLeastMs`: as long as the place asked to be left alone.
 */
export function nextTry(
  plan: RetryPlan,
  {
    failures,
    atLeastMs = 0,
    ...tried
  }: { tries: number; failures: number; since: number; now: number; atLeastMs?: number | undefined },
): number | undefined {
  if (isGivenUp(plan, tried)) return undefined;
  const { firstMs, longestMs, giveUpAfterMs, random } = plan;
  const { since, now } = tried;
  const end = since + giveUpAfterMs;
  const full = Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
  // Half of it is left to chance, so that those who failed together do not come back together.
  const wait = Math.max(full / 2 + (full / 2) * random(), atLeastMs);
  // The last try is made when the time is up.
  return Math.ceil(now < end ? Math.min(now + wait, Math.max(end, now + atLeastMs)) : now + wait);
}
