import { describe, expect, test } from "vitest";
import { combinationsIn, combinationsOf, matrixProblem, uselessExcludes, wayName } from "./matrix.ts";
import { refusal } from "./testing/play.ts";

describe("the combinations of a matrix", () => {
  test.each([
    [
      "are every value with every other",
      { params: { A: [1, 2], B: ["x", "y"] } },
      ["1 x", "1 y", "2 x", "2 y"],
    ],
    [
      "without those that hold all values of an `exclude`",
      { params: { A: [1, 2], B: ["x"] }, exclude: [{ A: "2" }] },
      ["1 x"],
    ],
    ["and those of `include`, also alone", { include: [{ A: 3 }] }, ["3"]],
    ["each once", { params: { A: [1, 1] }, include: [{ A: 1 }, { A: 2 }] }, ["1", "2"]],
    [
      "each once also when one is a number and the other its text",
      { params: { A: [1, "1", true] } },
      ["1", "true"],
    ],
    [
      "`include` is not excluded",
      { params: { A: [1, 2] }, include: [{ A: 1, B: "z" }], exclude: [{ A: 1 }] },
      ["2", "1 z"],
    ],
    ["none while they come from a runtime env", { fromEnv: "LIST" }, []],
  ])("%s", (_rule, spec, expected) => {
    expect(combinationsOf(spec).map((each) => Object.values(each).join(" "))).toEqual(expected);
  });

  test.each([
    ["a list of values: of the param of the same name", '["a",2,true]', [{ L: "a" }, { L: 2 }, { L: true }]],
    ["a list of objects", '[{"A":"1","B":"2"}]', [{ A: "1", B: "2" }]],
    ["an object of lists", '{"A":["1","2"]}', [{ A: "1" }, { A: "2" }]],
    ["nothing", "[]", []],
  ])("may come as %s", (_form, text, expected) => {
    expect(combinationsIn("L", text)).toEqual(expected);
  });

  test.each([
    ["no JSON", "a,b", 'is no JSON; put out a list, e.g. ["a","b"]'],
    ["a value", "3", 'is neither a list, e.g. ["a","b"], nor an object of lists, e.g. {"OS":["linux"]}'],
    ["a list in a list", '["a",["b"]]', "has as item 2 neither a value nor an object of values"],
    [
      "too many",
      JSON.stringify(Array.from({ length: 257 }, (_, index) => index)),
      "has 257 combinations; at most 256 are possible",
    ],
  ])("that come as %s are refused", (_form, text, problem) => {
    expect(refusal(() => combinationsIn("L", text))).toBe(
      `MATRIX_INVALID: the matrix comes from the runtime env L, which ${problem}`,
    );
  });
});

test.each([
  [{ params: { A: [1] } }, undefined],
  [{}, "has no combinations; give `params`, `include` or `fromEnv`"],
  [{ params: { A: [1] }, exclude: [{ A: 1 }] }, "has no combinations: `exclude` leaves out all of them"],
  [{ fromEnv: "L", include: [{ A: 1 }] }, "has `fromEnv` and `include`; keep one of them"],
  [
    { params: { A: Array.from({ length: 20 }, (_, n) => n), B: Array.from({ length: 20 }, (_, n) => n) } },
    "has 400 combinations; at most 256 are possible",
  ],
])("of the matrix %j it is said: %s", (spec, problem) => {
  expect(matrixProblem(spec)).toBe(problem);
});

test("an `exclude` that leaves nothing out is told", () => {
  expect(uselessExcludes({ params: { A: [1, 2] }, exclude: [{ A: 1 }, { A: 3 }, { B: 1 }] })).toEqual([
    { A: 3 },
    { B: 1 },
  ]);
});

test.each([
  [{ OS: "linux", NODE: 18 }, "build (linux, 18)"],
  [{ TEXT: "a\n\u202eb" }, "build (a b)"],
  [{ TEXT: "x".repeat(81) }, "build (4)"],
  [{}, "build (4)"],
])("the task of %j is called %s", (values, name) => {
  expect(wayName("build", 4, values as Record<string, string | number>)).toBe(name);
});
