import { expect, test } from "vitest";
import { shownTasks } from "./rendered-tasks.ts";

const task = { name: "work", job: "work@default.default:v1", params: [] };
const spec = { spec: { template: {} } };
const made = { kind: "Job", spec: { backoffLimit: 0, template: {} } };

test("what the runner would make stands for the spec, where the runner says it", () => {
  expect(
    shownTasks([
      { ...task, spec, made },
      { ...task, spec },
    ]),
  ).toEqual([
    { ...task, made },
    { ...task, spec },
  ]);
});

test("a lone task is shown by itself, and nothing as an empty list", () => {
  expect(shownTasks({ ...task, spec, made })).toEqual({ ...task, made });
  expect(shownTasks(undefined)).toEqual([]);
});
