// `mflow cancel` on work that runs: of a stage, and by force.

import type { HistoryEvent } from "@mflow/core/schema/event";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, stable, type Workplace } from "../testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
publish: true
metadata: { name: stubborn }
spec:
  runnerType: SHELL
  runnerSpec:
    steps: [{ run: "trap '' TERM; echo ready; sleep 3000" }]
---
kind: Job
publish: true
metadata: { name: hang }
spec: { runnerType: FAKE, runnerSpec: { outcome: NONE } }
---
kind: Job
publish: true
metadata: { name: quick }
spec: { runnerType: FAKE, runnerSpec: {} }
---
kind: Pipeline
metadata: { name: stubborn }
spec:
  stages:
    - { name: work, tasks: [{ name: hold, job: stubborn }] }
    - { name: tidy, finally: true, tasks: [{ name: tidy, job: hang }] }
---
kind: Pipeline
metadata: { name: staged }
spec:
  stages:
    - { name: try, isParallel: true, ignoreFailed: true, tasks: [{ name: one, job: hang }, { name: two, job: hang }] }
    - { name: ship, tasks: [{ name: ship, job: quick }] }
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace({ "all.yaml": FILE });
  const { exitCode, stderr } = await place.mflow(["apply", "-f", "all.yaml"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});
afterAll(() => place.remove());

/** What the command says, without what differs from call to call. */
async function cancel(...args: string[]) {
  const { stdout, stderr, exitCode } = await place.mflow(["cancel", ...args]);
  return { stdout: stable(stdout), stderr: stable(stderr), exitCode };
}

/** Starts the pipeline; resolves with the run and who watches it, once this is seen. */
async function started(pipeline: string, seen: RegExp) {
  const { stdout } = await place.mflow(["run", pipeline, "--detach"]);
  const id = stdout.trim();
  const watching = place.start(["watch", id]);
  await watching.says(seen);
  return { id, watching };
}

/** Between this event of the run and the end of the task, milliseconds. */
async function timeToEnd(
  run: string,
  task: string,
  isAsked: (event: HistoryEvent) => boolean,
): Promise<number> {
  const { stdout } = await place.mflow(["events", "--run", run, "-o", "json"]);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as HistoryEvent);
  const asked = events.find(isAsked);
  const ended = events.find(({ name, stage }) => name === task && stage === "CANCELED");
  return Date.parse(ended?.at ?? "") - Date.parse(asked?.at ?? "");
}

/** Between SIGTERM and SIGKILL of a stop that is not forced, milliseconds. */
const GRACE_MS = 10_000;

test("by force kills work at once that ignores SIGTERM, and what is to run in the end still runs", async () => {
  const { id, watching } = await started("stubborn", /task work\/hold ACTIVE/);
  expect(await cancel(id, "--force", "-m", "enough")).toEqual({
    stdout: "run-ID stubborn CANCELING\n",
    stderr: "",
    exitCode: 0,
  });
  await watching.says(/task tidy\/tidy ACTIVE/);
  expect(await timeToEnd(id, "hold", ({ stage }) => stage === "CANCELING")).toBeLessThan(GRACE_MS);
  expect(await cancel(id, "--force")).toMatchObject({ exitCode: 0 });
  const { stdout, exitCode } = await watching.ended;
  expect({ last: stable(stdout).trimEnd().split("\n").slice(-2), exitCode }).toEqual({
    last: ["TIME task tidy/tidy CANCELED", "TIME run run-ID stubborn CANCELED enough"],
    exitCode: 3,
  });
});

test("by force hurries what is being canceled already, and leaves out what would run in the end", async () => {
  const { id, watching } = await started("stubborn", /task work\/hold ACTIVE/);
  expect(await cancel(id, "-m", "enough")).toMatchObject({ exitCode: 0 });
  expect(await cancel(id, "--force")).toMatchObject({ exitCode: 0 });
  const { stdout, exitCode } = await watching.ended;
  expect({ last: stable(stdout).trimEnd().split("\n").slice(-3), exitCode }).toEqual({
    last: [
      "TIME task tidy/tidy CANCELED",
      "TIME task work/hold CANCELED the run is canceled",
      "TIME run run-ID stubborn CANCELED enough",
    ],
    exitCode: 3,
  });
  expect(await timeToEnd(id, "hold", ({ type }) => type === "RUN_STATUS")).toBeLessThan(GRACE_MS);
});

test("of a stage cancels its tasks alone; a stage that may fail lets the run go on", async () => {
  const { id, watching } = await started("staged", /task try\/two ACTIVE/);
  expect(await cancel(id, "--stage", "tryy")).toEqual({
    stdout: "",
    stderr:
      "mflow: run run-ID has no stage `tryy`; it has try, ship; did you mean `try`?\nCheck the id or name and the scope.\n",
    exitCode: 2,
  });
  expect(await cancel(id, "--stage", "try", "--force")).toEqual({
    stdout: "run-ID staged ACTIVE\n",
    stderr: "",
    exitCode: 0,
  });
  const { stdout, exitCode } = await watching.ended;
  expect({ last: stable(stdout).trimEnd().split("\n").slice(-4), exitCode }).toEqual({
    last: [
      "TIME task try/two CANCELED",
      "TIME task ship/ship CREATING",
      "TIME task ship/ship SUCCEEDED",
      "TIME run run-ID staged SUCCEEDED",
    ],
    exitCode: 0,
  });
});

test("of a stage is not for tasks", async () => {
  expect(await cancel("task-01m839vdegbxzhfe6bmyfsy0k3", "--stage", "try")).toEqual({
    stdout: "",
    stderr: "mflow: --stage is of a run, and task-ID is a task\nLeave one of them out.\n",
    exitCode: 2,
  });
});
