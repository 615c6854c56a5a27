// What lint learns of a condition: the names that it uses, and whether it always answers the same.

import { expect, test } from "vitest";
import { SCOPE } from "../testing/conditions.ts";
import { alwaysValue } from "./always.ts";
import { compileCondition, MAX_KEPT } from "./compile.ts";
import { referencesOf } from "./references.ts";

test("all names that a condition uses are found, once each and in their order", () => {
  const source = `params.B == "x" && params["A"] != params.B && has(envs.TAG) && "LATE" in envs
    && tasks["build-it"].outputs["IMAGE"] == "a" && tasks.test.outputs.OS.exists(o, o == params.C)
    && "URL" in tasks.build.outputs && run.labels.team == trigger.by && "deploy" in tasks`;
  expect(referencesOf(source)).toEqual({
    params: ["B", "A", "C"],
    envs: ["TAG", "LATE"],
    tasks: ["build-it", "test", "build", "deploy"],
    outputs: [
      { task: "build-it", name: "IMAGE" },
      { task: "test", name: "OS" },
      { task: "build", name: "URL" },
    ],
  });
});

test("a condition that cannot be read uses no names", () => {
  expect(referencesOf("params.A ==")).toEqual({ params: [], envs: [], tasks: [], outputs: [] });
});

const ALWAYS: [source: string, value: boolean | undefined][] = [
  ["true", true],
  ["false", false],
  ["1 > 2", false],
  ['"a" in ["a", "b"]', true],
  ['params.NAME == "a" && false', false],
  ['false && params.NAME == "a"', false],
  ['params.NAME == "a" || !false', true],
  ['[1, 2].exists(n, n == 2 || params.NAME == "a")', true],
  ['params.TARGET == "prod"', false],
  ['"prod" == params.TARGET', false],
  ['params.TARGET != "prod"', true],
  ['params.TARGET in ["prod", "test"]', false],
  ['params.TARGET in ["prod", "staging"]', undefined],
  ['params.TARGET == "staging"', undefined],
  ['params.TARGET == "prod" || params.NAME == "a"', undefined],
  ['params.TARGET == "prod" && params.NAME == "a"', false],
  ['tasks.build.stage == "DONE"', false],
  ['run.stage == "FAILED"', false],
  ["params.DRY_RUN", undefined],
  ["has(envs.TAG)", undefined],
  ["params.NAME == params.NAME", undefined],
  ["1 / 0 == 1", undefined],
  ["1", undefined],
  ["true &&", undefined],
];

test.each(ALWAYS)("%s is always %s", (source, value) => {
  expect(alwaysValue(source, SCOPE)).toBe(value);
});

test("without a scope only what needs no variable is known", () => {
  expect(alwaysValue('params.TARGET == "prod"')).toBeUndefined();
  expect(alwaysValue("1 > 2")).toBe(false);
});

test("a condition is read once, and a bounded number of them is kept", () => {
  const first = compileCondition("1 == 1");
  expect(compileCondition("1 == 1")).toBe(first);
  for (let n = 0; n < MAX_KEPT - 1; n++) compileCondition(`${n} == 0`);
  expect(compileCondition("1 == 1")).toBe(compileCondition("1 == 1"));
  for (let n = 0; n < MAX_KEPT; n++) compileCondition(`${n} == 0`);
  expect(compileCondition("0 == 0")).toBe(compileCondition("0 == 0"));
  const again = compileCondition("1 == 1 ");
  for (let n = 0; n < MAX_KEPT; n++) compileCondition(`${n} == 1`);
  expect(compileCondition("1 == 1 ")).not.toBe(again);
});
