// When a schedule is due. A cron expression names times on the wall clock of a time zone; which moments those are when
// the clocks are changed is decided here, for every zone in the same way:
//
// - An expression that names hours is an appointment. A time that comes twice, when clocks are put back, is meant once:
//   the first. A time that does not come, when clocks are put forward, is kept as much later as the gap is long: 02:30
//   becomes 03:30, the moment that it would have been without the change.
// - An expression that takes every hour (`*`) is a beat. It goes on by elapsed time: in an hour that comes twice it beats
//   twice as often, and an hour that does not come has no beats.
//
// Moments are milliseconds since the epoch.

import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { type WallTimes, wallTimes } from "./cron.ts";
import { parseDuration } from "./duration.ts";
import type { Schedule, ScheduleSpec } from "./schema/schedule.ts";
import { type ClockChange, nextClockChange, offsetAt, zoneProblem } from "./time-zone.ts";

/** No change of the clocks is longer: a zone may skip a whole day. */
const LONGEST_GAP_MS = 86_400_000;

export type ScheduleTiming = Pick<ScheduleSpec, "cron" | "timeZone" | "startAt" | "endAt">;

export const DEFAULT_TIME_ZONE = "UTC";

/** The first moment after `after` as if the clocks were not changed again; `change` is the last change before it. */
function momentIn(
  times: WallTimes,
  after: number,
  offset: number,
  change: ClockChange | undefined,
): number | undefined {
  const onClock = (wall: number, ahead: number) => {
    const found = times.after(wall);
    return found === undefined ? undefined : found - ahead;
  };
  if (times.isBeat || !change) return onClock(after + offset, offset);
  const { at, before, since } = change;
  // Put back: what the clocks show again was there before the change.
  if (since < before) return onClock(Math.max(after + since, at + before - 1), since);
  const normal = onClock(after + since, since);
  const inGap = times.after(after + before);
  if (inGap === undefined || inGap >= at + since) return normal;
  return normal === undefined ? inGap - before : Math.min(normal, inGap - before);
}

/** The first moment after `from` of one expression in one zone. */
function momentAfter(times: WallTimes, zone: string, from: number): number | undefined {
  let after = from;
  let change = nextClockChange(zone, from - LONGEST_GAP_MS, from);
  for (;;) {
    const found = momentIn(times, after, change?.since ?? offsetAt(zone, after), change);
    if (found === undefined) return undefined;
    const next = nextClockChange(zone, Math.max(after, change?.at ?? after), found);
    if (!next) return found;
    change = next;
    // The moment of the change itself is looked at too.
    after = next.at - 1;
  }
}

/** When a schedule is due, before jitter. Its expressions and its zone have no problem. */
export class ScheduleTimes {
  readonly #expressions: WallTimes[];
  readonly #zone: string;
  readonly #startAt: number;
  readonly #endAt: number;

  constructor({ cron, timeZone = DEFAULT_TIME_ZONE, startAt, endAt }: ScheduleTiming) {
    this.#expressions = (Array.isArray(cron) ? cron : [cron]).map(wallTimes);
    this.#zone = timeZone;
    this.#startAt = startAt === undefined ? Number.NEGATIVE_INFINITY : Date.parse(startAt);
    this.#endAt = endAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(endAt);
  }

  /** The first time after `moment`; nothing when there is none any more. */
  after(moment: number): number | undefined {
    const from = Math.max(moment, this.#startAt - 1);
    let first: number | undefined;
    for (const expression of this.#expressions) {
      const found = momentAfter(expression, this.#zone, from);
      if (found !== undefined && (first === undefined || found < first)) first = found;
    }
    return first !== undefined && first < this.#endAt ? first : undefined;
  }

  /** At most `count` times after `moment`, in order. */
  next(moment: number, count: number): number[] {
    const found: number[] = [];
    for (let at = this.after(moment); at !== undefined && found.length < count; at = this.after(at))
      found.push(at);
    return found;
  }

  /** At most `count` times after `from` and up to `to`: the newest, in order. */
  newest(from: number, to: number, count: number): number[] {
    // Backwards in windows that grow, so that the cost does not depend on how long ago `from` is.
    for (let window = 60_000; ; window *= 8) {
      const start = Math.max(from, to - window);
      const found: number[] = [];
      for (let at = this.after(start); at !== undefined && at <= to; at = this.after(at)) {
        found.push(at);
        if (found.length > count) found.shift();
      }
      if (found.length === count || start === from) return found;
    }
  }
}

/**
 * How much later than its time a schedule starts its run, milliseconds: always the same for the same schedule and time,
 * so that a restart changes nothing, and spread evenly below `jitter`.
 */
export function jitterOf(scheduleId: string, time: number, jitter: string | undefined): number {
  const range = jitter === undefined ? 0 : parseDuration(jitter);
  if (range === 0) return 0;
  const digest = sha256(utf8ToBytes(`${scheduleId}/${time}`));
  const fraction = new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** 32;
  return Math.floor(fraction * range);
}

/**
 * Whether a run of a schedule is still to start after `now`, as if it were not paused: it may be resumed. One whose
 * zone this platform does not know counts as one that starts runs: elsewhere it may.
 */
export function hasTimesToCome({ id, spec }: Pick<Schedule, "id" | "spec">, now: number): boolean {
  const { timeZone = DEFAULT_TIME_ZONE, jitter } = spec;
  if (zoneProblem(timeZone) !== undefined) return true;
  const times = new ScheduleTimes(spec);
  if (times.after(now) !== undefined) return true;
  // The last time has come, but its run may still wait for its jitter.
  if (jitter === undefined) return false;
  const last = times.newest(now - parseDuration(jitter), now, 1)[0];
  return last !== undefined && last + jitterOf(id, last, jitter) > now;
}
