import { expect, test } from "vitest";
import { nextStep, type Step, widthOf } from "./plan.ts";
import type { Cursor } from "./schema/pipeline-task.ts";
import { pipelineOf } from "./testing/documents.ts";

const { stages } = pipelineOf("a b > [c d e]/2 > [f g]");
const open = (index: number): Step => ({ do: "open", index });

const cases: [string, Cursor, Step][] = [
  ["opens the first task of a serial stage", { stage: 0, next: 0, open: 0 }, open(0)],
  ["waits in a serial stage while a task is open", { stage: 0, next: 1, open: 1 }, { do: "wait" }],
  ["opens the next task of a serial stage once none is open", { stage: 0, next: 1, open: 0 }, open(1)],
  ["waits for the last task of a stage", { stage: 0, next: 2, open: 1 }, { do: "wait" }],
  ["goes on to the next stage once all have ended", { stage: 0, next: 2, open: 0 }, { do: "nextStage" }],
  ["opens tasks of a parallel stage up to `maxParallel`", { stage: 1, next: 1, open: 1 }, open(1)],
  ["waits when `maxParallel` tasks are open", { stage: 1, next: 2, open: 2 }, { do: "wait" }],
  ["opens another one when one of them has ended", { stage: 1, next: 2, open: 1 }, open(2)],
  ["opens all tasks of a parallel stage without `maxParallel`", { stage: 2, next: 1, open: 1 }, open(1)],
  ["ends after the last stage", { stage: 3, next: 0, open: 0 }, { do: "end" }],
];

test.each(cases)("the plan %s", (_rule, cursor, step) => {
  expect(nextStep(stages, cursor)).toEqual(step);
});

test("a stage is as wide as it says, and a serial one is one task wide whatever it says", () => {
  const serial = { name: "s", tasks: [], maxParallel: 7 };
  expect([...stages, serial].map(widthOf)).toEqual([1, 2, Number.POSITIVE_INFINITY, 1]);
});
