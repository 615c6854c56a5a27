import { describe, expect, test } from "vitest";
import { type LateTimes, lateTimes } from "./late-times.ts";
import { ScheduleTimes } from "./schedule-times.ts";
import type { CatchUp } from "./schema/schedule.ts";

const day = (time: string) => Date.parse(`2026-01-01T${time}Z`);

function late(
  cron: string,
  [done, now]: [string, string],
  catchUp?: CatchUp,
  jitter: (time: number) => number = () => 0,
): { run: string[]; missed?: unknown } {
  const times = new ScheduleTimes({ cron });
  const found: LateTimes = lateTimes(times, day(done), day(now), catchUp, (time) => time + jitter(time));
  const text = (time: number) => new Date(time).toISOString().slice(11, 19);
  const { missed } = found;
  return {
    run: found.run.map(text),
    ...(missed && { missed: [text(missed.first), text(missed.last), missed.count] }),
  };
}

const HOURLY = "0 * * * *";

describe("of times that nobody came to", () => {
  test.each<[string, [string, [string, string], CatchUp?], unknown]>([
    ["none is due", [HOURLY, ["10:30:00", "10:59:59"]], { run: [] }],
    ["one on time runs", [HOURLY, ["10:30:00", "11:00:00"]], { run: ["11:00:00"] }],
    ["one a minute late is on time", [HOURLY, ["10:30:00", "11:01:00"]], { run: ["11:00:00"] }],
    [
      "a later one is missed",
      [HOURLY, ["10:30:00", "11:01:01"]],
      { run: [], missed: ["11:00:00", "11:00:00", 1] },
    ],
    [
      "those before one on time are missed",
      [HOURLY, ["07:30:00", "11:00:10"]],
      { run: ["11:00:00"], missed: ["08:00:00", "10:00:00", 3] },
    ],
    [
      "a fast beat runs once after a restart",
      ["*/10 * * * * *", ["10:00:00", "10:00:45"]],
      { run: ["10:00:40"], missed: ["10:00:10", "10:00:30", 3] },
    ],
    [
      "LAST runs the newest",
      [HOURLY, ["07:30:00", "10:30:00"], { policy: "LAST" }],
      { run: ["10:00:00"], missed: ["08:00:00", "09:00:00", 2] },
    ],
    [
      "LAST runs none that is too old",
      [HOURLY, ["07:30:00", "10:30:00"], { policy: "LAST", within: "20m" }],
      { run: [], missed: ["08:00:00", "10:00:00", 3] },
    ],
    [
      "ALL runs each",
      [HOURLY, ["07:30:00", "10:30:00"], { policy: "ALL" }],
      { run: ["08:00:00", "09:00:00", "10:00:00"] },
    ],
    [
      "ALL runs the newest so many",
      [HOURLY, ["07:30:00", "10:30:00"], { policy: "ALL", limit: 2 }],
      { run: ["09:00:00", "10:00:00"], missed: ["08:00:00", "08:00:00", 1] },
    ],
    [
      "ALL runs those that are not too old",
      [HOURLY, ["07:30:00", "10:30:00"], { policy: "ALL", within: "1h" }],
      { run: ["10:00:00"], missed: ["08:00:00", "09:00:00", 2] },
    ],
    [
      "very many are not counted",
      ["* * * * * *", ["00:00:00", "12:00:00"]],
      { run: ["12:00:00"], missed: ["00:00:01", "11:59:59", undefined] },
    ],
  ])("%s", (_what, [cron, between, catchUp], expected) => {
    expect(late(cron, between, catchUp)).toEqual(expected);
  });

  test("one whose jitter is not over waits, and those before it are not lost", () => {
    const jitter = () => 30_000;
    expect(late(HOURLY, ["10:30:00", "11:00:29"], undefined, jitter)).toEqual({ run: [] });
    expect(late(HOURLY, ["10:30:00", "11:00:30"], undefined, jitter)).toEqual({ run: ["11:00:00"] });
    expect(late("* * * * *", ["10:00:00", "10:02:10"], undefined, jitter)).toEqual({ run: ["10:01:00"] });
  });
});
