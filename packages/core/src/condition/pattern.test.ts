// How large patterns become, known before they are compiled.

import { expect, test } from "vitest";
import { compilePattern, patternSize } from "./pattern.ts";

const SIZES: [source: string, size: number][] = [
  ["", 0],
  ["abc", 3],
  ["^v[0-9]+$", 5],
  ["[0-9a-f]{40}", 40],
  ["\\d{1,3}[.]\\d{2,}", 6],
  ["(ab){10}", 30],
  ["((a{30}){30}){9}", 8379],
  ["a{0}b", 2],
  ["(a", 1],
  ["a)b", 3],
  ["[]a{9}]", 1],
  ["\\(a{3}", 4],
  ["{3}", 0],
];

test.each(SIZES)("%j has the size %i", (source, size) => {
  expect(patternSize(source)).toBe(size);
});

test("a pattern is found anywhere in a text, and is only compiled within its budget", () => {
  const pattern = compilePattern("b[0-9]", 3);
  if ("problem" in pattern) throw new Error(pattern.problem);
  expect([pattern.size, pattern.test("ab1c"), pattern.test("b")]).toEqual([2, true, false]);
  expect(compilePattern("b[0-9]", 1)).toEqual({
    problem: "the patterns of a condition are too large with `b[0-9]`; repeat less, or write fewer of them",
  });
});
