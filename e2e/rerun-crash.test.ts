// A rerun survives the death of the server right after its answer: what it keeps does not run, what it runs does, once.

import type { JobTaskView } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = 6;
const place = new CrashPlace("rerun");

const manifests = `
kind: Job
publish: true
metadata: { name: work }
spec:
  runnerType: SHELL
  runParams: [{ name: LEDGER }, { name: BROKEN }]
  runnerSpec:
    steps:
      - { name: work, run: 'echo "$PIPELINE_TASK_ID $JOB_TASK_ID" >> "$LEDGER"; [ -z "$BROKEN" ]' }
---
kind: Pipeline
metadata: { name: busy }
spec:
  with: { LEDGER: "${place.ledger}" }
  stages:
    - { name: one, tasks: [{ name: a, job: work }] }
    - { name: two, isParallel: true, tasks: [{ name: b, job: work }, { name: c, job: work }] }
`;

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

async function ended(id: string) {
  const look = () => place.client.runs.get(id);
  await expect
    .poll(async () => (await look()).run.status.stage, { timeout: 60_000 })
    .toMatch(/SUCCEEDED|FAILED|CANCELED/);
  return look();
}

test("a rerun that was answered before kill -9 goes on after it, and starts each task once", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const runParams = [{ name: "BROKEN", value: "yes", scope: { task: "c" } }];
    const first = await place.client.runs.start({ pipelineId: "busy", runParams });
    const old = await ended(first.run.id);
    expect(old.run.status.stage).toBe("FAILED");
    const { run } = await place.client.runs.rerun(old.run.id, {
      runParams: [{ name: "BROKEN", value: "", scope: { task: "c" } }],
    });
    await place.kill();
    await place.start();
    const again = await ended(run.id);
    expect(again.tasks.map(summary)).toEqual(["a SUCCEEDED kept", "b SUCCEEDED kept", "c SUCCEEDED"]);
    const ran = place.lines().filter((line) => line.startsWith(run.id));
    expect(ran).toEqual([`${run.id} ${again.tasks[2]?.id}`]);
  }
}, 240_000);

function summary({ name, status, keptFrom }: JobTaskView): string {
  return `${name} ${status.stage}${keptFrom ? " kept" : ""}`;
}
