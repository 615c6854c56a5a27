import { describe, expect, test } from "vitest";
import { checkParams, numberOf } from "./check-params.ts";
import { mergeParams, type ParamLevel } from "./params.ts";
import type { RunParam } from "./schema/param.ts";

function merge(declared: RunParam[], levels: ParamLevel[] = []) {
  return mergeParams({ declared, levels, place: { taskName: "compile" } });
}

describe("checkParams", () => {
  test("all missing required params and all values that do not parse are named at once", () => {
    const declared: RunParam[] = [
      { name: "VERSION", required: true },
      { name: "REPLICAS", valueType: "NUMBER" },
      { name: "DRY", valueType: "BOOLEAN" },
      { name: "TARGET", valueType: "ENUM", enumOptions: ["dev", { value: " prod ", label: "Production" }] },
      { name: "REGION", required: true },
      { name: "FINE", valueType: "ENUM", enumOptions: ["x"], required: true },
      { name: "OPTIONAL", valueType: "NUMBER" },
    ];
    const { params } = merge(declared, [
      {
        setBy: "TASK",
        values: [
          { name: "REPLICAS", value: "three" },
          { name: "DRY", value: "yes" },
        ],
      },
      {
        setBy: "RUN",
        values: [
          { name: "TARGET", value: "prdo" },
          { name: "FINE", value: "x" },
          { name: "REGION", value: " " },
        ],
      },
    ]);
    expect(checkParams(declared, params)).toEqual([
      { path: "/runParams/VERSION", message: "param VERSION is required and has no value" },
      {
        path: "/runParams/REPLICAS",
        message:
          'param REPLICAS (set by TASK) is "three", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991',
      },
      {
        path: "/runParams/DRY",
        message: 'param DRY (set by TASK) is "yes", but must be one of: true, false',
      },
      {
        path: "/runParams/TARGET",
        message: 'param TARGET (set by RUN) is "prdo", but must be one of: dev, prod',
      },
      { path: "/runParams/REGION", message: "param REGION is required and has no value" },
    ]);
  });

  test("values that parse are no problem, and system names are not the caller's to give", () => {
    const declared: RunParam[] = [
      { name: "N", valueType: "NUMBER", value: -1.5e3 },
      { name: "B", valueType: "BOOLEAN", value: true },
      { name: "E", valueType: "ENUM", enumOptions: ["a", { value: "prod" }], value: "prod" },
      { name: "H", valueType: "HTTP_ENUM", value: "anything" },
      { name: "JOB_ID", required: true },
    ];
    expect(checkParams(declared, merge(declared).params)).toEqual([]);
  });

  test("no message shows a sensitive value, be it the param's own or one inside another value", () => {
    const declared: RunParam[] = [
      { name: "PIN", valueType: "NUMBER", sensitive: true, value: "hunter2" },
      { name: "MODE", valueType: "ENUM", enumOptions: ["a"], value: "with-hunter2" },
    ];
    expect(checkParams(declared, merge(declared).params).map((problem) => problem.message)).toEqual([
      "param PIN (set by JOB) is ***, but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991",
      'param MODE (set by JOB) is "with-***", but must be one of: a',
    ]);
  });

  test("long values and long lists of options are cut", () => {
    const enumOptions = Array.from({ length: 40 }, (_, index) => `o${index}`);
    const declared: RunParam[] = [{ name: "E", valueType: "ENUM", enumOptions, value: "v".repeat(1000) }];
    expect(checkParams(declared, merge(declared).params)).toEqual([
      {
        path: "/runParams/E",
        message: `param E (set by JOB) is "${"v".repeat(80)}…", but must be one of: ${enumOptions.slice(0, 32).join(", ")} and 8 more`,
      },
    ]);
  });

  test("an ENUM without options and an environment variable with a NUL character are refused", () => {
    const declared: RunParam[] = [
      { name: "E", valueType: "ENUM", value: "x" },
      { name: "NUL", value: "a\0b" },
      { name: "TEMPLATE_NUL", usageType: "TEMPLATE", value: "a\0b" },
    ];
    expect(checkParams(declared, merge(declared).params).map((problem) => problem.message)).toEqual([
      'param E (set by JOB) is "x", but the job declares no enumOptions for it, so no value is valid',
      'param NUL (set by JOB) is "a\\u0000b", but an environment variable cannot hold a NUL character',
    ]);
  });

  test.each([
    ["0", 0],
    ["-1", -1],
    ["+1", 1],
    ["007", 7],
    ["1.", 1],
    [".5", 0.5],
    ["1e3", 1000],
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", undefined],
    ["1e999", undefined],
    ["0x10", undefined],
    ["Infinity", undefined],
    ["NaN", undefined],
    ["1 2", undefined],
    ["1,5", undefined],
    [".", undefined],
    ["-", undefined],
    ["", undefined],
  ])("%j as a number is %s", (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });
});
