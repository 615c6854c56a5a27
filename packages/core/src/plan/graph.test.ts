import { describe, expect, test } from "vitest";
import { pipelineOf } from "../testing/documents.ts";
import { PlanGraph } from "./graph.ts";
import { planProblems } from "./problems.ts";

/** The graph of a shape; `needs` by task name, `finally` names stages. */
function graph(shape: string, needs: Record<string, string[]> = {}, ...finallyStages: string[]): PlanGraph {
  const tasks = Object.fromEntries(Object.entries(needs).map(([name, names]) => [name, { needs: names }]));
  const { stages } = pipelineOf(shape, tasks);
  return new PlanGraph({
    stages: stages.map((stage) => (finallyStages.includes(stage.name) ? { ...stage, finally: true } : stage)),
  });
}

const names = (of: PlanGraph, nodes: Iterable<number>) =>
  [...nodes].sort((a, b) => a - b).map((node) => of.node(node).spec.name);
const named = (of: PlanGraph, name: string) => of.named(name) as number;

describe("what a task waits for in its stage", () => {
  test.each([
    ["the one before it, in a serial stage", "a b c", {}, "c", ["b"]],
    ["nothing, in a parallel stage", "[a b c]", {}, "c", []],
    ["all before it that do not wait for each other", "a b c", { b: [] }, "c", ["a", "b"]],
    ["what it needs alone", "a b c", { c: ["a"] }, "c", ["a"]],
    ["nothing, when it needs nothing", "a > b", { b: [] }, "b", []],
    ["a task of a later stage, when it needs that", "[a b] > [c d]", { a: ["d"], d: [] }, "a", ["d"]],
  ])("%s", (_rule, shape, needs, name, expected) => {
    const made = graph(shape, needs as Record<string, string[]>);
    expect(names(made, made.node(named(made, name)).after)).toEqual(expected);
  });
});

describe("what comes before and after a task", () => {
  test.each([
    ["stages", "a > [b c] > d", {}, [], "b", ["a"], ["d"]],
    ["needs that jump over a stage", "a > [b c] > d", { d: ["a"] }, [], "b", ["a"], []],
    ["needs that reach on", "[a b] > c > d", { c: ["a"] }, [], "a", [], ["c", "d"]],
    [
      "a stage waits for those of an earlier one that have needs",
      "[a b] > c",
      { b: ["a"] },
      [],
      "c",
      ["a", "b"],
      [],
    ],
    ["finally stages come after all others", "a > b > z", { b: [] }, ["s3"], "z", ["a", "b"], []],
    ["and before nothing but each other", "a > z > y", {}, ["s2", "s3"], "z", ["a"], ["y"]],
    ["also those that need nothing", "a > z y", { y: [] }, ["s2"], "y", ["a"], []],
    ["wherever they are written", "z > a", {}, ["s1"], "a", [], ["z"]],
  ])("%s", (_rule, shape, needs, last, name, before, after) => {
    const made = graph(shape, needs as Record<string, string[]>, ...(last as string[]));
    const node = named(made, name as string);
    expect([names(made, made.ancestors(node)), names(made, made.descendants(node))]).toEqual([before, after]);
  });
});

describe("a cycle", () => {
  const cycleIn = (of: PlanGraph) => of.findCycle()?.map((node) => of.node(node).spec.name);

  test.each([
    ["of a task with itself", "[a b]", { a: ["a"] }, ["a"]],
    ["of two tasks", "[a b]", { a: ["b"], b: ["a"] }, ["a", "b"]],
    ["through the order of the stages", "a > b", { a: ["b"] }, ["a", "b"]],
    ["through the order of a serial stage", "a b", { a: ["b"] }, ["a", "b"]],
    ["that is none: needs of the same stage", "[a b c]", { a: ["b"], b: ["c"] }, undefined],
    ["that is none: a later stage whose task needs nothing", "a > [b c]", { a: ["b"], b: [] }, undefined],
  ])("%s", (_rule, shape, needs, cycle) => {
    expect(cycleIn(graph(shape, needs as Record<string, string[]>))).toEqual(cycle);
  });

  test("is found in a pipeline of ten thousand tasks at once", () => {
    const all = Array.from({ length: 5000 }, (_, index) => `t${index}`);
    const later = all.map((name) => `u${name}`);
    const made = graph(`[${all.join(" ")}] > [${later.join(" ")}]`, { t7: ["ut9"] });
    expect(cycleIn(made)).toEqual(["t7", "ut9"]);
  });
});

test("a pipeline without any task is refused as that", () => {
  expect(planProblems({ stages: [{ name: "s", tasks: [] }] })).toEqual([
    {
      code: "NOTHING_TO_RUN",
      path: "/stages",
      message: "there is no task, so there is nothing to run; add one",
    },
  ]);
});
