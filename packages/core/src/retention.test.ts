import { expect, test } from "vitest";
import { type EndedRun, letGo, retentionClasses, retentionText } from "./retention.ts";
import type { Retention, RetentionRule } from "./schema/retention.ts";

const HOUR = 3_600_000;
const NOW = 1000 * HOUR;

/** Runs that ended so many hours ago, the oldest first. */
function endedHoursAgo(...hours: number[]): EndedRun[] {
  return hours.map((ago, n) => ({ id: `run-${n}`, ending: "SUCCEEDED", endedAt: NOW - ago * HOUR }));
}

const oldest = endedHoursAgo(50, 40, 30, 20, 10);

test.each<[what: string, rule: RetentionRule, count: number, gone: Record<string, string>]>([
  ["nothing said keeps all", {}, 5, {}],
  [
    "more than `maxRuns` go, the oldest first",
    { maxRuns: 3 },
    5,
    { "run-0": "maxRuns: 3", "run-1": "maxRuns: 3" },
  ],
  ["those that were not read count too", { maxRuns: 3 }, 4, { "run-0": "maxRuns: 3" }],
  ["as many as may stay, stay", { maxRuns: 5 }, 5, {}],
  [
    "what is older than `maxAge` goes",
    { maxAge: "35h" },
    5,
    { "run-0": "maxAge: 35h", "run-1": "maxAge: 35h" },
  ],
  ["what is as old as `maxAge` stays", { maxAge: "50h" }, 5, {}],
  [
    "either of two is enough",
    { maxRuns: 4, maxAge: "35h" },
    5,
    { "run-0": "maxRuns: 4", "run-1": "maxAge: 35h" },
  ],
])("%s", (_what, rule, count, gone) => {
  const found = letGo(oldest, rule, { count, now: NOW });
  expect(Object.fromEntries(found.map(({ run, because }) => [run.id, because]))).toEqual(gone);
});

test("within a minute of its end nothing goes", () => {
  const fresh: EndedRun[] = [
    { id: "run-0", ending: "OTHER", endedAt: NOW - 60_000 },
    { id: "run-1", ending: "OTHER", endedAt: NOW - 59_999 },
  ];
  const ids = (leastAgeMs?: number) =>
    letGo(fresh, { maxRuns: 1, maxAge: "1s" }, { count: 9, now: NOW, leastAgeMs }).map(({ run }) => run.id);
  expect(ids()).toEqual(["run-0"]);
  expect(ids(0)).toEqual(["run-0", "run-1"]);
});

test.each<[what: string, retention: Retention, classes: unknown]>([
  ["an empty one keeps all", {}, []],
  [
    "one rule counts all ends together",
    { maxRuns: 9 },
    [{ endings: ["SUCCEEDED", "OTHER"], rule: { maxRuns: 9 } }],
  ],
  [
    "failed ones are counted by themselves",
    { maxRuns: 9, failed: { maxAge: "1d" } },
    [
      { endings: ["SUCCEEDED"], rule: { maxRuns: 9 } },
      { endings: ["OTHER"], rule: { maxAge: "1d" } },
    ],
  ],
  [
    "failed ones are all kept",
    { maxAge: "9d", failed: {} },
    [{ endings: ["SUCCEEDED"], rule: { maxAge: "9d" } }],
  ],
  ["only failed ones go", { failed: { maxRuns: 1 } }, [{ endings: ["OTHER"], rule: { maxRuns: 1 } }]],
])("%s", (_what, retention, classes) => {
  expect(retentionClasses(retention)).toEqual(classes);
});

test("a retention is told in a few words", () => {
  expect(retentionText({})).toBe("all");
  expect(retentionText({ maxAge: "30d", maxRuns: 100 })).toBe("30d, the last 100");
  expect(retentionText({ maxRuns: 5, failed: { maxAge: "90m" } })).toBe(
    "the last 5; FAILED and CANCELED: 90m",
  );
});
