// Times of nodes, as those of mflow.

import { expect, test } from "vitest";
import { beginIn, clockShift, endIn } from "./whole-seconds.ts";

const at = (seconds: number) => Date.UTC(2026, 0, 1) + Math.round(seconds * 1000);
const told = (seconds: number) => new Date(at(seconds)).toISOString().replace(".000Z", "Z");
const iso = (ms: number) => new Date(ms).toISOString();

test("a begin is in the second that was told, and after what went before it", () => {
  expect(beginIn(told(10), at(9.4), at(11))).toBe(iso(at(10)));
  expect(beginIn(told(10), at(10.4), at(11))).toBe(iso(at(10.4)));
});

test("an end that was told at once is as late in its second as it can be", () => {
  expect(endIn(told(10), at(5), 0, at(10.6))).toBe(iso(at(10.6)));
  expect(endIn(told(10), at(5), 0, at(12.5))).toBe(iso(at(10.999)));
  expect(endIn(told(10), at(5), 0, at(20))).toBe(iso(at(10)));
  expect(endIn(told(10), at(10.7), 0, at(20))).toBe(iso(at(10.7)));
});

test.each([
  ["behind", -300],
  ["ahead", 300],
])(
  "of a node whose clock is %s the work takes as long as it took, and does not end in the future",
  (_what, off) => {
    // Asked for at 10, seen to run at 12, heard of its end at 45: it ran from 11.2 to 44.1.
    const begin = beginIn(told(11 + off), at(10), at(12));
    const shift = clockShift(told(11 + off), begin);
    const end = endIn(told(44 + off), Date.parse(begin), shift, at(45));
    expect(Date.parse(begin)).toBeGreaterThanOrEqual(at(10));
    expect(Date.parse(begin)).toBeLessThanOrEqual(at(12));
    expect(Date.parse(end)).toBeLessThanOrEqual(at(45));
    expect(Math.abs(Date.parse(end) - Date.parse(begin) - 33_000)).toBeLessThan(1_000);
  },
);

test("rounding is no clock that is off", () => {
  expect(clockShift(told(10), iso(at(10.9)))).toBe(0);
});
