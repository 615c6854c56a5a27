import { describe, expect, test } from "vitest";
import { hasTimesToCome, jitterOf, ScheduleTimes, type ScheduleTiming } from "./schedule-times.ts";
import { formatInZone, nextClockChange, offsetAt } from "./time-zone.ts";

/** The next times as the clocks of the zone show them. */
function shown(cron: string | string[], timeZone: string, from: string, count: number): string[] {
  const times = new ScheduleTimes({ cron, timeZone }).next(Date.parse(from), count);
  return times.map((time) => formatInZone(time, timeZone));
}

const BERLIN = "Europe/Berlin";
const NEW_YORK = "America/New_York";

describe("an appointment, which names hours,", () => {
  test.each([
    // Berlin: 29 March 2026 02:00 becomes 03:00; 25 October 2026 03:00 becomes 02:00.
    [
      "that does not come is kept later by the gap",
      ["30 2 * * *", BERLIN, "2026-03-28T00:00:00Z"],
      ["2026-03-28 02:30:00 +01:00", "2026-03-29 03:30:00 +02:00", "2026-03-30 02:30:00 +02:00"],
    ],
    [
      "that comes twice is meant once, the first time",
      ["30 2 * * *", BERLIN, "2026-10-24T00:00:00Z"],
      ["2026-10-24 02:30:00 +02:00", "2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"],
    ],
    [
      "at the very start of the gap is at its end",
      ["0 2 * * *", BERLIN, "2026-03-28T12:00:00Z"],
      ["2026-03-29 03:00:00 +02:00", "2026-03-30 02:00:00 +02:00"],
    ],
    [
      "at the end of the gap comes as always",
      ["0 3 * * *", BERLIN, "2026-03-28T12:00:00Z"],
      ["2026-03-29 03:00:00 +02:00", "2026-03-30 03:00:00 +02:00"],
    ],
    [
      "that is kept later and one that is there anyway are one",
      ["0,30 2,3 * * *", BERLIN, "2026-03-28T12:00:00Z"],
      ["2026-03-29 03:00:00 +02:00", "2026-03-29 03:30:00 +02:00", "2026-03-30 02:00:00 +02:00"],
    ],
    [
      "is to the second in the gap",
      ["59 59 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z"],
      ["2026-03-08 03:59:59 -04:00", "2026-03-09 02:59:59 -04:00"],
    ],
    [
      "is to the second in the hour that comes twice",
      ["59 59 1 * * *", NEW_YORK, "2026-10-31T12:00:00Z"],
      ["2026-11-01 01:59:59 -04:00", "2026-11-02 01:59:59 -05:00"],
    ],
    [
      "in a stepped list of hours comes once too",
      ["0 */2 * * *", BERLIN, "2026-10-24T21:00:00Z"],
      [
        ["2026-10-25 00:00:00 +02:00", "2026-10-25 02:00:00 +02:00"],
        ["2026-10-25 04:00:00 +01:00", "2026-10-25 06:00:00 +01:00"],
      ].flat(),
    ],
    [
      "is kept where clocks change by half an hour",
      ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z"],
      ["2026-10-04 02:45:00 +11:00", "2026-10-05 02:15:00 +11:00"],
    ],
    [
      "is kept where a whole day was left out",
      ["0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z"],
      ["2011-12-31 12:00:00 +14:00", "2012-12-30 12:00:00 +14:00"],
    ],
    [
      "is found years ahead",
      ["0 0 29 2 *", BERLIN, "2026-12-01T00:00:00Z"],
      ["2028-02-29 00:00:00 +01:00", "2032-02-29 00:00:00 +01:00"],
    ],
  ] as const)("%s", (_what, [cron, zone, from], expected) => {
    expect(shown(cron, zone, from, expected.length)).toEqual(expected);
  });
});

describe("a beat, which takes every hour,", () => {
  test.each([
    [
      "goes on by elapsed time when clocks are put forward",
      ["*/20 * * * *", BERLIN, "2026-03-29T00:30:00Z"],
      ["2026-03-29 01:40:00 +01:00", "2026-03-29 03:00:00 +02:00", "2026-03-29 03:20:00 +02:00"],
    ],
    [
      "goes on by elapsed time when clocks are put back",
      ["*/20 * * * *", BERLIN, "2026-10-25T00:30:00Z"],
      [
        ["2026-10-25 02:40:00 +02:00", "2026-10-25 02:00:00 +01:00", "2026-10-25 02:20:00 +01:00"],
        ["2026-10-25 02:40:00 +01:00", "2026-10-25 03:00:00 +01:00"],
      ].flat(),
    ],
    [
      "comes to the second in both of the hours",
      ["*/30 0 * * * *", NEW_YORK, "2026-11-01T05:00:00Z"],
      ["2026-11-01 01:00:30 -04:00", "2026-11-01 01:00:00 -05:00", "2026-11-01 01:00:30 -05:00"],
    ],
    [
      "as a nickname too",
      ["@hourly", BERLIN, "2026-10-24T23:30:00Z"],
      ["2026-10-25 02:00:00 +02:00", "2026-10-25 02:00:00 +01:00", "2026-10-25 03:00:00 +01:00"],
    ],
  ] as const)("%s", (_what, [cron, zone, from], expected) => {
    expect(shown(cron, zone, from, expected.length)).toEqual(expected);
  });
});

/** All times of an hour around a change of the clocks, asked for one after the other and from the middle of nowhere. */
test.each([
  ["30 2 * * *", "2026-03-29T01:00:00Z"],
  ["*/7 * * * *", "2026-10-25T01:00:00Z"],
  ["13 */5 1-3 * * *", "2026-10-25T01:00:00Z"],
  ["13 */5 1-3 * * *", "2026-03-29T01:00:00Z"],
])("the times of %s around %s are the same from wherever they are asked for", (cron, change) => {
  const times = new ScheduleTimes({ cron, timeZone: BERLIN });
  const [from, to] = [Date.parse(change) - 3 * 3_600_000, Date.parse(change) + 5 * 3_600_000];
  const all = times.next(from, 1000).filter((time) => time <= to);
  expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
  for (let moment = from; moment < to; moment += 97_000) {
    expect(times.after(moment)).toBe(all.find((time) => time > moment) ?? times.after(to));
  }
  expect(times.newest(from, to, 5)).toEqual(all.slice(-5));
});

describe("times", () => {
  const timing = (more: Partial<ScheduleTiming>): ScheduleTiming => ({ cron: "0 * * * *", ...more });

  test("of several expressions are merged, and one that two name comes once", () => {
    expect(shown(["0 8 * * *", "0 8,20 * * *"], "UTC", "2026-01-01T00:00:00Z", 3)).toEqual([
      "2026-01-01 08:00:00 +00:00",
      "2026-01-01 20:00:00 +00:00",
      "2026-01-02 08:00:00 +00:00",
    ]);
  });

  test("begin with `startAt` and end before `endAt`", () => {
    const times = new ScheduleTimes(
      timing({ startAt: "2026-01-01T12:00:00+01:00", endAt: "2026-01-01T13:00:00Z" }),
    );
    expect(times.next(0, 9).map((time) => new Date(time).toISOString())).toEqual([
      "2026-01-01T11:00:00.000Z",
      "2026-01-01T12:00:00.000Z",
    ]);
  });

  test("that never come are none", () => {
    expect(new ScheduleTimes(timing({ cron: "0 0 30 2 *" })).after(0)).toBeUndefined();
    expect(new ScheduleTimes(timing({ cron: "0 0 30 2 *", timeZone: BERLIN })).after(0)).toBeUndefined();
  });

  test("are the newest so many, however long ago the first was", () => {
    const times = new ScheduleTimes(timing({ cron: "* * * * * *" }));
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(times.newest(0, now, 3)).toEqual([now - 2000, now - 1000, now]);
    expect(times.newest(now - 1500, now, 3)).toEqual([now - 1000, now]);
    expect(times.newest(now, now, 3)).toEqual([]);
  });
});

test("jitter is below its range, spread over it, and the same for the same schedule and time", () => {
  const times = Array.from({ length: 1000 }, (_, n) => n * 60_000);
  const jitters = times.map((time) => jitterOf("schedule-1", time, "10s"));
  expect(times.map((time) => jitterOf("schedule-1", time, "10s"))).toEqual(jitters);
  expect(Math.min(...jitters)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...jitters)).toBeLessThan(10_000);
  const mean = jitters.reduce((sum, one) => sum + one, 0) / jitters.length;
  expect(Math.abs(mean - 5_000)).toBeLessThan(500);
  expect(jitterOf("schedule-2", 60_000, "10s")).not.toBe(jitterOf("schedule-1", 60_000, "10s"));
  expect(jitterOf("schedule-1", 60_000, undefined)).toBe(0);
});

describe("a schedule has times to come", () => {
  const noon = Date.parse("2026-12-01T12:00:00Z");
  const end = "2026-12-31T00:00:00Z";
  const told = (spec: object, now = noon) =>
    hasTimesToCome({ id: "schedule-1", spec: { pipeline: "release", cron: "0 12 1 * *", ...spec } }, now);

  test("until the last one before its end, paused or not", () => {
    expect([told({}), told({ paused: true })]).toEqual([true, true]);
    expect([
      told({ endAt: end }, noon - 1),
      told({ endAt: end }),
      told({ endAt: end, paused: true }),
    ]).toEqual([true, false, false]);
    expect(told({ startAt: "2027-06-01T00:00:00Z" })).toBe(true);
  });

  test("while the run of its last one waits for its jitter", () => {
    const spec = { endAt: end, jitter: "1h" };
    const startsAt = noon + jitterOf("schedule-1", noon, "1h");
    expect(startsAt).toBeGreaterThan(noon);
    expect([told(spec, startsAt - 1), told(spec, startsAt)]).toEqual([true, false]);
  });

  test("when nobody here knows its zone", () => {
    expect(told({ timeZone: "Nowhere/Town", endAt: end })).toBe(true);
  });
});

test("changes of the clocks are found to the second", () => {
  const from = Date.parse("2026-01-01T00:00:00Z");
  const change = nextClockChange(NEW_YORK, from, from + 365 * 86_400_000);
  expect(change).toEqual({
    at: Date.parse("2026-03-08T07:00:00Z"),
    before: -5 * 3_600_000,
    since: -4 * 3_600_000,
  });
  expect(nextClockChange("UTC", from, from + 365 * 86_400_000)).toBeUndefined();
  expect(offsetAt("Asia/Kolkata", from)).toBe(5.5 * 3_600_000);
});
