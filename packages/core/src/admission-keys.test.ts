// What tasks must hold, by what does their work.

import { expect, test } from "vitest";
import { heldByTask, needsOfTask } from "./admission-keys.ts";
import { playPipeline } from "./testing/start.ts";

test.each([
  ["SHELL", ["scope/default/default", "scope/default", "runner/SHELL", "slots"]],
  ["K8S_JOB", ["scope/default/default", "scope/default", "runner/K8S_JOB"]],
  // It does nothing while it waits, and what it waits for may be work of the same scope.
  ["MANUAL", ["runner/MANUAL"]],
  ["PIPELINE", []],
] as const)("a %s task needs a place in limits of job and pipeline, and in %j", (runnerType, limits) => {
  const play = playPipeline("a", { jobs: { noop: { runnerType } } });
  const { run, definition } = play.state;
  const task = play.task("a");
  const keys = needsOfTask(task, run, definition).map(({ key }) => key);
  expect(keys).toEqual(["job/default/default/noop", "pipeline-tasks/default/default/p", ...limits]);
  expect(task.status.stage).toBe("CREATING");
  expect(heldByTask(task, run, definition).map(({ key }) => key)).toEqual(keys);
});
