// `mflow status-call` as a process: by hand, and for somebody outside who has the printed command alone.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, stable, until, type Workplace } from "../testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
publish: true
metadata: { name: wait }
spec: { runnerType: MANUAL, runnerSpec: { message: the ticket is closed } }
---
kind: Job
publish: true
metadata: { name: call }
spec: { runnerType: PIPELINE, runnerSpec: { pipeline: ticket } }
---
kind: Pipeline
metadata: { name: ticket }
spec: { isParallel: true, stages: [{ name: s, tasks: [{ name: wait, job: wait }] }] }
---
kind: Pipeline
metadata: { name: whole }
spec: { stages: [{ name: s, tasks: [{ name: tickets, job: call }] }] }
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace({ "file.yaml": FILE });
  expect((await place.mflow(["apply", "-f", "file.yaml"])).exitCode).toBe(0);
});
afterAll(() => place.remove());

async function document(...args: string[]) {
  return JSON.parse((await place.mflow([...args, "-o", "json"])).stdout);
}

/** Starts the pipeline and answers with its only task once it waits. */
async function waiting(): Promise<string> {
  const run = (await place.mflow(["run", "ticket", "--detach"])).stdout.trim();
  return until("task that waits", async () => {
    const { tasks } = await document("describe", "run", run);
    return tasks[0].status.stage === "ACTIVE" ? tasks[0].id : undefined;
  });
}

test("ends a task by hand, with a sentence and a value", async () => {
  const task = await waiting();
  const { stdout } = await place.mflow([
    ...["status-call", task, "succeeded"],
    ...["-m", "the ticket is closed", "-e", "TICKET=42"],
  ]);
  expect(stable(stdout)).toBe("task-ID wait SUCCEEDED\n");
  expect((await document("describe", "task", task)).status).toMatchObject({
    stage: "SUCCEEDED",
    message: "the ticket is closed",
    runtimeEnvs: { TICKET: "42" },
  });
  const again = await place.mflow(["status-call", task, "FAILED"]);
  expect([again.exitCode, stable(again.stderr)]).toEqual([
    2,
    expect.stringContaining("has ended SUCCEEDED; it cannot become FAILED"),
  ]);
});

test("prints the call for somebody outside, who needs nothing else, and the history says so", async () => {
  const task = await waiting();
  const { stdout, stderr } = await place.mflow(["status-call", task]);
  expect(stable(stderr)).toBe(
    "mflow: whoever runs this ends attempt 1 of task-ID; that you have it is in its history\n",
  );
  await promisify(execFile)("sh", ["-c", stdout]);
  expect((await document("describe", "task", task)).status.stage).toBe("SUCCEEDED");
  const events = (await place.mflow(["events", "--task", task])).stdout;
  expect(events).toMatch(/ task wait status-call-given to \S+\n/);
});

test("refuses what makes no sense before it calls", async () => {
  const calls = [
    ["task-1", "DONE"],
    ["task-1", "-m", "why"],
    ["task-1", "SUCCEEDED", "-e", "TICKET"],
  ];
  const answers = await Promise.all(calls.map((args) => place.mflow(["status-call", ...args])));
  expect(answers.map(({ exitCode, stderr }) => [exitCode, stderr.split("\n")[0]])).toEqual([
    [
      2,
      "mflow: DONE is no stage that a status call can say; it is one of SUCCEEDED, FAILED, CANCELED, ACTIVE",
    ],
    [2, "mflow: --message and --env are of a call that is made here; name the stage too"],
    [2, "mflow: --env TICKET: write NAME=VALUE"],
  ]);
});

test("the lines of a run name the runs of its tasks", async () => {
  const running = place.start(["run", "whole"]);
  const child = await until("child", async () => {
    const { items } = await document("get", "runs");
    return items.find((each: { name: string; parent?: object }) => each.name === "ticket" && each.parent)?.id;
  });
  const task = await until("task that waits", async () => {
    const { tasks } = await document("describe", "run", child);
    return tasks[0].status.stage === "ACTIVE" ? tasks[0].id : undefined;
  });
  await place.mflow(["status-call", task, "SUCCEEDED"]);
  const { stdout, exitCode } = await running.ended;
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`task s/tickets ACTIVE its work is run ${child} of pipeline \`ticket\`\n`);
});
