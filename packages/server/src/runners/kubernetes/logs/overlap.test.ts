// Which of the lines that are read again are new.

import { expect, test } from "vitest";
import { Overlap } from "./overlap.ts";

/** Lines `time:text`. */
const lines = (...texts: string[]) =>
  texts.map((each) => ({ time: Number(each.split(":")[0]), text: each.split(":")[1] ?? "" }));

/** The new ones, batch by batch, and `gap` where some are missing. */
function read(stored: string[], ...batches: string[][]): string[][] {
  const overlap = new Overlap(lines(...stored));
  return batches.map((batch) => {
    const fresh = overlap.fresh(lines(...batch)).map(({ time, text }) => `${time}:${text}`);
    return overlap.takeGap() ? ["gap", ...fresh] : fresh;
  });
}

test("what is stored is left out, however it comes in pieces", () => {
  expect(read(["1:a", "2:b"], ["1:a"], ["2:b", "3:c"], ["4:d"])).toEqual([[], ["3:c"], ["4:d"]]);
  expect(read(["1:a", "2:b"], ["1:a", "2:b"], ["3:c"])).toEqual([[], ["3:c"]]);
  expect(read([], ["1:a"])).toEqual([["1:a"]]);
});

test("a stream that ends in the middle of what is stored brings nothing new", () => {
  expect(read(["1:a", "2:b", "3:c"], ["1:a", "2:b"])).toEqual([[]]);
});

test("lines that are all the same are counted", () => {
  expect(read(["1:a", "1:a", "1:a"], ["1:a"], ["1:a", "1:a"], ["1:a"])).toEqual([[], [], ["1:a"]]);
  expect(read(["1:a", "1:a"], ["1:a", "2:b"])).toEqual([["2:b"]]);
});

test("of a file that was rotated, the stored lines that are left are found", () => {
  expect(read(["1:a", "2:b", "3:c"], ["2:b"], ["3:c", "4:d"])).toEqual([[], ["4:d"]]);
  expect(read(["1:a", "1:b", "1:a"], ["1:a"], ["2:c"])).toEqual([[], ["2:c"]]);
});

test("lines that do not go on from what is stored are told with a gap, once", () => {
  expect(read(["1:a", "2:b"], ["5:e"], ["6:f"])).toEqual([["gap", "5:e"], ["6:f"]]);
  expect(read(["1:a", "2:b"], ["1:a", "5:e", "6:f"])).toEqual([["gap", "1:a", "5:e", "6:f"]]);
});

test("whether nothing of what is stored came again is known", () => {
  const overlap = new Overlap(lines("1:a"));
  expect(overlap.isUntouched).toBe(true);
  overlap.fresh(lines("1:a"));
  expect(overlap.isUntouched).toBe(false);
});

test("lines that may be of another log are no gap when they do not come again", () => {
  const overlap = new Overlap(lines("1:a", "2:b"), false);
  expect(overlap.isUntouched).toBe(false);
  expect(overlap.fresh(lines("5:e"))).toEqual(lines("5:e"));
  expect(overlap.takeGap()).toBe(false);
});
