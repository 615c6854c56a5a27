// The page about conditions is true: its examples pass the checks, and it names every function that there is.

import { alwaysValue } from "@mflow/core/condition/always";
import { checkCondition } from "@mflow/core/condition/check";
import { LOOPS } from "@mflow/core/condition/expression";
import { functionNames } from "@mflow/core/condition/functions";
import type { ConditionScope } from "@mflow/core/condition/scope";
import { expect, test } from "vitest";
import { blocksOf, markdownFiles } from "./markdown.ts";

const page = markdownFiles().find(({ path }) => path === "docs/how-to/conditions.md");
const examples = (page ? blocksOf(page) : [])
  .filter(({ language }) => language === "cel")
  .flatMap(({ text }) => text.trim().split("\n"));

/** Where the page's examples stand: after a matrix; the one that asks for the outcome in a `finally` stage. */
function scopeOf(example: string): ConditionScope {
  return {
    params: new Map([["TARGET", { valueType: "ENUM", options: ["staging", "production"] }]]),
    env: (name) => (name === "OSES" ? "LIST" : "TEXT"),
    tasks: new Map([["test", { isMatrix: true }]]),
    isFinally: example.includes("run.stage"),
  };
}

test("the examples of conditions pass the checks, and depend on the run", () => {
  const found = examples.map((example) => ({
    example,
    problems: checkCondition(example, scopeOf(example)),
    always: alwaysValue(example, scopeOf(example)),
  }));
  expect(found.length).toBeGreaterThan(5);
  expect(found).toEqual(examples.map((example) => ({ example, problems: [], always: undefined })));
});

test("the page names every function of conditions", () => {
  const missing = [
    ...functionNames(true).map((name) => `.${name}(`),
    ...LOOPS.map((name) => `.${name}(`),
    ...["size(", "bool(", "int(", "double(", "string(", "has(", ".matches("],
  ].filter((name) => !page?.text.includes(name));
  expect(missing).toEqual([]);
});
