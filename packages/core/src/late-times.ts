// Times of a schedule that nobody came to in time, because the server was down or busy: which of them run now, and which
// are missed for good.

import { parseDuration } from "./duration.ts";
import type { ScheduleTimes } from "./schedule-times.ts";
import type { CatchUp } from "./schema/schedule.ts";

/** A time that is so little late is on time: a restart of the server misses nothing. Milliseconds. */
const ON_TIME_MS = 60_000;
/** How many times `catchUp: {policy: ALL}` catches up with, unless it says. */
export const CATCH_UP_LIMIT = 10;
/** Missed times are counted up to here. */
const COUNT_UP_TO = 1000;

export interface LateTimes {
  /** Times whose run is to be started now, in order. */
  run: number[];
  missed?: MissedTimes;
}

export interface MissedTimes {
  /** The first and the last of them. */
  first: number;
  last: number;
  /** Absent when there are more than 1000. */
  count?: number;
}

/**
 * What becomes of the times after `doneUntil` that are due at `now`. Of those that are on time at most one runs, the
 * newest, whatever the policy: a beat that is faster than the restart of a server does not come in bursts.
 * `startOf` answers when the run of a time starts.
 */
export function lateTimes(
  times: ScheduleTimes,
  doneUntil: number,
  now: number,
  catchUp: CatchUp | undefined,
  startOf: (time: number) => number,
): LateTimes {
  const { policy = "SKIP", within, limit = CATCH_UP_LIMIT } = catchUp ?? {};
  const count = policy === "ALL" ? limit : 1;
  const reach =
    policy === "SKIP" ? ON_TIME_MS : within === undefined ? Number.POSITIVE_INFINITY : parseDuration(within);
  // One more than wanted: the newest may have to wait for its jitter.
  const due = times.newest(doneUntil, now, count + 1).filter((time) => startOf(time) <= now);
  const run = due.slice(-count).filter((time) => now - startOf(time) <= Math.max(reach, ON_TIME_MS));
  const last = due.at(-1);
  const first = times.after(doneUntil);
  if (last === undefined || first === undefined || first === run[0]) return { run };
  const before = run[0] ?? last + 1;
  const missed = times.newest(doneUntil, before - 1, 1)[0] ?? first;
  return { run, missed: { first, last: missed, ...counted(times, doneUntil, missed) } };
}

function counted(times: ScheduleTimes, doneUntil: number, last: number): { count?: number } {
  let count = 0;
  for (let at = times.after(doneUntil); at !== undefined && at <= last; at = times.after(at)) {
    if (++count > COUNT_UP_TO) return {};
  }
  return { count };
}
