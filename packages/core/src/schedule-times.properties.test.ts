// Any expression in any zone, around changes of the clocks: the times are those that the definition names, which is
// followed here minute by minute.

import { Cron } from "croner";
import fc from "fast-check";
import { expect, test } from "vitest";
import { wallTimes } from "./cron.ts";
import { ScheduleTimes } from "./schedule-times.ts";
import { offsetAt } from "./time-zone.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Changes of the clocks: forward and back, by an hour, by half an hour, and by a day. */
const changes = [
  ["Europe/Berlin", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "2026-10-25T01:00:00Z"],
  ["America/New_York", "2026-03-08T07:00:00Z"],
  ["America/New_York", "2026-11-01T06:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
  ["Africa/Cairo", "2026-04-23T22:00:00Z"],
  ["Pacific/Apia", "2011-12-30T10:00:00Z"],
] as const;

const field = (min: number, max: number) => {
  const value = fc.integer({ min, max });
  return fc.oneof(
    fc.constant("*"),
    value.map(String),
    fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
    fc.uniqueArray(value, { minLength: 2, maxLength: 4 }).map((list) => list.join(",")),
    fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
};

const expression = fc
  .tuple(field(0, 59), field(0, 5), fc.constantFrom("*", "*", "8,29,25,1,4,23,24,30,31"))
  .map(([minute, hour, day]) => `${minute} ${hour} ${day} * *`);

/** The moments of an expression by definition, from `from` up to `to`. */
function byDefinition(cron: string, zone: string, from: number, to: number): number[] {
  const clock = new Cron(cron, { utcOffset: 0, paused: true });
  const { isBeat } = wallTimes(cron);
  /** Moments at which the clocks show a time. */
  const shown = new Map<number, number[]>();
  for (let moment = from - 42 * HOUR; moment <= to + 42 * HOUR; moment += MINUTE) {
    const wall = moment + offsetAt(zone, moment);
    shown.set(wall, [...(shown.get(wall) ?? []), moment]);
  }
  const found = new Set<number>();
  let last = 0;
  for (let wall = from - 24 * HOUR; wall <= to + 24 * HOUR; wall += MINUTE) {
    const moments = shown.get(wall);
    if (moments) last = (moments.at(-1) ?? 0) - wall;
    if (!clock.match(new Date(wall))) continue;
    if (isBeat) for (const moment of moments ?? []) found.add(moment);
    // What does not come is kept at the offset from before.
    else found.add(moments?.[0] ?? wall + last);
  }
  return [...found].filter((moment) => moment > from && moment <= to).sort((a, b) => a - b);
}

test("the times of any expression around a change of the clocks are those of the definition", () => {
  fc.assert(
    fc.property(fc.constantFrom(...changes), expression, ([zone, change], cron) => {
      const [from, to] = [Date.parse(change) - 5 * HOUR, Date.parse(change) + 5 * HOUR];
      const wanted = byDefinition(cron, zone, from, to);
      const times = new ScheduleTimes({ cron, timeZone: zone });
      expect(times.newest(from, to, 1000)).toEqual(wanted);
      expect(times.next(from, wanted.length)).toEqual(wanted);
    }),
    { numRuns: 120 },
  );
}, 60_000);
