// Runs that start other runs survive SIGKILL: at random moments a server is killed while tasks run other pipelines and
// runs are followed by others. Every run leaves a line in a ledger when its work begins, so that the proof that each was
// started once does not rest on what mflow says of itself.

import { setTimeout as delay } from "node:timers/promises";
import type { PipelineTaskView } from "@mflow/core/schema/api";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { ConnectionError } from "@mflow/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.CHAIN_CRASH_ROUNDS ?? 8);
const RUNS_PER_ROUND = 2;

const place = new CrashPlace("chain");

const manifests = `
kind: Job
metadata: { name: work }
publish: true
spec:
  runnerType: SHELL
  runParams: [{ name: LEDGER, required: true }, { name: FROM }]
  runnerSpec:
    steps: [{ run: 'echo "$PIPELINE_TASK_ID" >> "$LEDGER"; echo "FROM=$PIPELINE_TASK_ID" >> "$MFLOW_OUTPUT"' }]
---
kind: Job
metadata: { name: call }
publish: true
spec: { runnerType: PIPELINE, runnerSpec: { pipeline: child } }
---
kind: Job
metadata: { name: wait }
publish: true
spec: { runnerType: MANUAL, runnerSpec: {} }
---
kind: Pipeline
metadata: { name: child }
spec:
  isParallel: true
  with: { LEDGER: "${place.ledger}" }
  stages: [{ name: s, tasks: [{ name: work, job: work }] }]
---
kind: Pipeline
metadata: { name: after }
spec:
  isParallel: true
  with: { LEDGER: "${place.ledger}" }
  stages: [{ name: s, tasks: [{ name: work, job: work }] }]
---
kind: Pipeline
metadata: { name: whole }
spec:
  isParallel: true
  nextPipeline: { pipeline: after, runParams: { FROM: "\${FROM}" } }
  stages:
    - { name: call, isParallel: true, tasks: [{ name: one, job: call }, { name: two, job: call }] }
    - { name: wait, tasks: [{ name: wait, job: wait }] }
`;

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

/** Ends the tasks that wait, until told to stop; the server may vanish under it. */
async function endWaiting(signal: AbortSignal): Promise<void> {
  const { client } = place;
  while (!signal.aborted) {
    try {
      const { items } = await client.tasks.list({ stage: ["ACTIVE"], job: "wait", limit: 200 });
      for (const { id } of items) await client.tasks.updateStatus(id, { stage: "SUCCEEDED" });
    } catch (error) {
      if (error instanceof ConnectionError) return;
      throw error;
    }
    await delay(30, undefined, { signal }).catch(() => {});
  }
}

async function runsOf(pipeline: string): Promise<PipelineTask[]> {
  const { items } = await place.client.runs.list({ pipeline, limit: 500 });
  return items;
}

test(`after ${ROUNDS} kills every run was started once, and every task knows how its run ended`, async () => {
  const started: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    for (let index = 0; index < RUNS_PER_ROUND; index++) {
      const { run } = await place.client.runs.start({ pipelineId: "whole" });
      started.push(run.id);
    }
    const stop = new AbortController();
    const ending = endWaiting(stop.signal);
    await delay(Math.random() * 400);
    await place.kill();
    stop.abort();
    await ending;
    await place.start();
  }
  const stop = new AbortController();
  const ending = endWaiting(stop.signal);
  const unfinished = async () => {
    const views = await Promise.all(started.map((id) => place.client.runs.get(id)));
    const withoutNext = views
      .filter(({ run }) => run.status.next?.runId === undefined)
      .map(({ run }) => run.id);
    return [...(await place.unendedRuns()), ...withoutNext];
  };
  await expect.poll(unfinished, { timeout: 120_000, interval: 100 }).toEqual([]);
  stop.abort();
  await ending;
  await verify(started);
}, 300_000);

async function verify(started: readonly string[]): Promise<void> {
  const wholes: PipelineTaskView[] = await Promise.all(started.map((id) => place.client.runs.get(id)));
  const [children, followers] = [await runsOf("child"), await runsOf("after")];
  const tasks = wholes.flatMap((view) => view.tasks.filter(({ job }) => job.name === "call"));
  expect(tasks.map(({ status, attempt }) => [status.stage, attempt])).toEqual(
    tasks.map(() => ["SUCCEEDED", 1]),
  );
  expect(new Set(children.map(({ id }) => id))).toEqual(
    new Set(tasks.map(({ status }) => status.child?.runId)),
  );
  expect(children.map(({ parent }) => parent?.taskId).sort()).toEqual(tasks.map(({ id }) => id).sort());
  expect(followers.map(({ previous }) => previous?.runId).sort()).toEqual([...started].sort());
  expect(wholes.map(({ run }) => run.status.next?.runId).sort()).toEqual(
    followers.map(({ id }) => id).sort(),
  );
  expect(place.lines().sort()).toEqual([...children, ...followers].map(({ id }) => id).sort());
}
