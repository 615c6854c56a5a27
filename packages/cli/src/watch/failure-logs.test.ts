import type { LogLineBody } from "@mflow/core/schema/api";
import type { StepStatus } from "@mflow/core/schema/job-task";
import { expect, test } from "vitest";
import { taskOf } from "../testing/watched-run.ts";
import { failureLog } from "./failure-logs.ts";

function lines(...texts: [step: string, text: string, stream?: LogLineBody["stream"]][]): LogLineBody[] {
  return texts.map(([step, text, stream = "stdout"], index) => ({
    line: index + 1,
    time: 0,
    stream,
    step,
    text,
  }));
}

function shown(steps: StepStatus[] | undefined, log: LogLineBody[]) {
  const task = taskOf({ name: "compile", stage: "FAILED" }, "build", 1);
  const { step, lines: last } = failureLog({ ...task, status: { ...task.status, steps } }, log);
  return { step, texts: last.map((line) => line.text) };
}

test("the lines of the step that failed are shown, with what mflow says, not those of others", () => {
  const log = lines(
    ["install", "fine"],
    ["test", "bad"],
    ["test", "output was cut", "mflow"],
    ["cleanup", "gone"],
  );
  const steps = [
    { name: "install", exitCode: 0 },
    { name: "test", exitCode: 2 },
    { name: "cleanup", exitCode: 0 },
  ];
  expect(shown(steps, log)).toEqual({ step: "test", texts: ["bad", "output was cut"] });
});

test("a step that timed out or was killed has failed too", () => {
  const log = lines(["slow", "still here"], ["next", "never"]);
  expect(shown([{ name: "slow", timedOut: true }], log).texts).toEqual(["still here"]);
  expect(shown([{ name: "slow", signal: "SIGKILL" }], log).texts).toEqual(["still here"]);
});

test("of containers, which run at once, the first that failed counts: the others went with it", () => {
  const task = taskOf({ name: "compile", stage: "FAILED" }, "build", 1);
  const steps = [
    { name: "main", exitCode: 2, endAt: "2026-01-01T00:00:01.000Z" },
    { name: "side", exitCode: 137, endAt: "2026-01-01T00:00:11.000Z" },
  ];
  const log = lines(["main", "no such table"], ["side", "still here"]);
  const { step } = failureLog({ ...task, runnerType: "K8S_JOB", status: { ...task.status, steps } }, log);
  expect(step).toBe("main");
});

test("when the failed step is not known or wrote nothing, the last lines of all are shown", () => {
  const log = lines(
    ...Array.from({ length: 14 }, (_, index) => ["a", `line ${index + 1}`] as [string, string]),
  );
  const last = Array.from({ length: 10 }, (_, index) => `line ${index + 5}`);
  expect(shown(undefined, log)).toEqual({ step: undefined, texts: last });
  expect(shown([{ name: "silent", exitCode: 1 }], log)).toEqual({ step: "silent", texts: last });
});
