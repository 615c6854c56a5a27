import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";
import { MflowError } from "./errors.ts";

describe("parseDuration", () => {
  test.each([
    ["0s", 0],
    ["340ms", 340],
    ["90s", 90_000],
    ["15m", 900_000],
    ["5m5ms", 300_005],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["1s1s", 2000],
    ["007s", 7000],
  ])("%s is %d milliseconds", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each([
    "",
    "5",
    "s",
    "5 m",
    " 5m",
    "5m ",
    "-5m",
    "1.5h",
    "5M",
    "5w",
    "5m x",
    "x5m",
    "five minutes",
    "99999999999999d",
  ])("%j is no duration", (text) => {
    expect(() => parseDuration(text)).toThrow(
      new MflowError(
        "BAD_REQUEST",
        `${JSON.stringify(text)} is not a duration; write it like 500ms, 90s, 15m or 1h30m`,
      ),
    );
  });

  test("a long text is cut in the message", () => {
    expect(() => parseDuration("x".repeat(1000))).toThrow(`"${"x".repeat(40)}…" is not a duration`);
  });
});

describe("formatDuration", () => {
  test.each([
    [-5, "0ms"],
    [Number.NaN, "0ms"],
    [0, "0ms"],
    [0.9, "0ms"],
    [340, "340ms"],
    [999.9, "999ms"],
    [1000, "1s"],
    [1449, "1.4s"],
    [9999, "9.9s"],
    [10_000, "10s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [65_400, "1m05s"],
    [3_599_999, "59m59s"],
    [3_600_000, "1h00m"],
    [7_380_000, "2h03m"],
    [86_399_999, "23h59m"],
    [273_600_000, "3d04h"],
  ])("%d ms is shown as %s", (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  test("property: whole durations read back as what they were, less what is cut off", () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => {
        fc.pre(ms < 1000 || ms >= 10_000);
        const read = parseDuration(formatDuration(ms));
        expect(read <= ms && ms - read < Math.max(1, ms / 10)).toBe(true);
        expect(formatDuration(read)).toBe(formatDuration(ms));
      }),
    );
  });
});
