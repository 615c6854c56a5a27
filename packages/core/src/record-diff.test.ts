import { expect, test } from "vitest";
import { changesBetween, markSecret } from "./record-diff.ts";

const stages = (...names: string[]) => names.map((name) => ({ name, tasks: [{ name: "t", job: "j" }] }));

test.each([
  ["nothing", { a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, []],
  ["a field that is left out in two ways", { a: undefined }, {}, []],
  ["a field that is new", {}, { a: { b: 1 } }, ['ADDED a undefined {"b":1}']],
  ["a field that is gone", { a: { b: [1] } }, { a: {} }, ["REMOVED a.b [1] undefined"]],
  ["a value of another type", { a: "1" }, { a: 1 }, ['CHANGED a "1" 1']],
  ["a list of plain values", { a: [1, 2] }, { a: [2] }, ["CHANGED a [1,2] [2]"]],
  [
    "an item without a name",
    { a: [{ b: 1 }] },
    { a: [{ b: 2 }, { c: 3 }] },
    ["CHANGED a[0].b 1 2", 'ADDED a[1] undefined {"c":3}'],
  ],
  ["a key that is no word", { a: { "b.c/d": 1 } }, { a: { "b.c/d": 2 } }, ['CHANGED a["b.c/d"] 1 2']],
  [
    "what has a name, wherever it stands",
    { stages: stages("one", "two") },
    { stages: [...stages("new"), ...stages("one"), { name: "two", tasks: [{ name: "t", job: "k" }] }] },
    [
      'CHANGED stages.two.tasks.t.job "j" "k"',
      'ADDED stages.new undefined {"name":"new","tasks":[{"name":"t","job":"j"}]}',
    ],
  ],
  [
    "the order of what has a name",
    { stages: stages("a", "b", "c") },
    { stages: stages("c", "a", "d") },
    [
      'REMOVED stages.b {"name":"b","tasks":[{"name":"t","job":"j"}]} undefined',
      'ADDED stages.d undefined {"name":"d","tasks":[{"name":"t","job":"j"}]}',
      'CHANGED stages (order) ["a","c"] ["c","a"]',
    ],
  ],
  [
    "items of the same name",
    {
      a: [
        { name: "x", v: 1 },
        { name: "x", v: 2 },
      ],
    },
    {
      a: [
        { name: "x", v: 1 },
        { name: "x", v: 3 },
      ],
    },
    ["CHANGED a[1].v 2 3"],
  ],
  ["a secret that is the same", { a: markSecret("x") }, { a: markSecret("x") }, []],
  ["another secret", { a: markSecret("x") }, { a: markSecret("y") }, ['CHANGED a "***" "***"']],
  ["a new secret", {}, { a: [markSecret("y")] }, ['ADDED a undefined ["***"]']],
])("%s", (_what, before, after, expected) => {
  const told = changesBetween(before, after).map(({ op, path, ...values }) =>
    [op, path, JSON.stringify(values.before), JSON.stringify(values.after)].join(" "),
  );
  expect(told).toEqual(expected.map((line) => line.replace(/ undefined(?= |$)/g, " ")));
});
