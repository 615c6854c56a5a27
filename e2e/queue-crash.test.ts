// No run in line is forgotten, none begins twice, and their order is kept: the server is killed with SIGKILL at random
// moments while runs wait for one lock, some are canceled, and newer ones cancel older ones of their group. Every task
// leaves a line in a ledger of its own when its work begins and when it ends, so that the proof does not rest on what
// mflow says of itself.

import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type Client, ConnectionError } from "@mflow/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 8);
const RUNS_A_ROUND = 5;

const place = new CrashPlace("queue");

const manifests = `
kind: Job
metadata: { name: work }
publish: true
spec:
  runnerType: SHELL
  runParams: [{ name: LEDGER, required: true }]
  runnerSpec:
    steps:
      - { name: begin, run: 'echo "begin $PIPELINE_TASK_ID" >> "$LEDGER"' }
      - { name: work, run: sleep 0.05 }
      - { name: end, run: 'echo "end $PIPELINE_TASK_ID" >> "$LEDGER"' }
---
kind: Job
metadata: { name: long }
publish: true
spec: { runnerType: SHELL, runnerSpec: { steps: [{ name: long, run: sleep 600 }] } }
---
kind: Pipeline
metadata: { name: line }
spec:
  queue: { maxLength: 1000 }
  with: { LEDGER: "${place.ledger}" }
  stages: [{ name: main, tasks: [{ name: work, job: work }] }]
---
kind: Pipeline
metadata: { name: newest }
spec:
  concurrency: { group: newest, cancelInProgress: true }
  stages: [{ name: main, tasks: [{ name: long, job: long }] }]
`;

/** What was acknowledged, in order; a request without an answer is sent again with its key. */
const inLine: string[] = [];
const newest: string[] = [];
const canceledInLine = new Set<string>();
const unanswered: { key: string; pipelineId: string }[] = [];

async function start(client: Client, pipelineId: string, key: string): Promise<void> {
  unanswered.push({ key, pipelineId });
  const { run } = await client.runs.start({ pipelineId }, { idempotencyKey: key });
  unanswered.pop();
  (pipelineId === "line" ? inLine : newest).push(run.id);
}

/** Starts runs until the server vanishes under it. */
async function keepBusy(client: Client, round: number): Promise<void> {
  try {
    await start(client, "newest", `newest-${round}`);
    for (let index = 0; index < RUNS_A_ROUND; index++) await start(client, "line", `line-${round}-${index}`);
    const last = inLine.at(-1) as string;
    const { status } = await client.runs.cancel(last, { message: "not this one" });
    if (status.stage === "CANCELED") canceledInLine.add(last);
  } catch (error) {
    if (error instanceof ApiError && error.code === "CONFLICT") return;
    if (!(error instanceof ConnectionError)) throw error;
  }
}

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

test(
  `after ${ROUNDS} kills every run in line had its turn once, in order, and of a group only the newest goes on`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const busy = keepBusy(place.client, round);
      await delay(Math.random() * 500);
      await place.kill();
      await busy;
      await place.start();
      for (const { key, pipelineId } of unanswered.splice(0)) await start(place.client, pipelineId, key);
    }
    const { client } = place;
    await expect
      .poll(() => place.unendedRuns(), { timeout: 120_000, interval: 100 })
      .toEqual(newest.slice(-1));

    const lines = place.lines();
    const begun = lines
      .filter((line) => line.startsWith("begin "))
      .map((line) => line.slice("begin ".length));
    // One at a time: each ends, or was stopped, before the next one begins.
    for (const [index, line] of lines.entries()) {
      if (line.startsWith("end ")) expect(lines[index - 1]).toBe(`begin ${line.slice("end ".length)}`);
    }
    expect(new Set(begun).size).toBe(begun.length);
    expect(begun).toEqual([...begun].sort());
    // Whoever was answered CANCELED had not begun, and never does.
    expect(begun.filter((id) => canceledInLine.has(id))).toEqual([]);
    expect([...new Set(inLine)].length).toBe(inLine.length);
    for (const id of inLine) {
      const { run, tasks } = await client.runs.get(id);
      if (run.status.stage === "CANCELED") continue;
      expect([id, run.status.stage, tasks[0]?.status.message]).toEqual([id, "SUCCEEDED", undefined]);
      expect(lines.filter((line) => line.endsWith(id))).toEqual([`begin ${id}`, `end ${id}`]);
    }
    for (const id of newest.slice(0, -1)) {
      const { run } = await client.runs.get(id);
      expect([id, run.status.stage, run.status.canceledBy]).toEqual([id, "CANCELED", "cancelInProgress"]);
    }
    expect(newest.length).toBe(ROUNDS);
    await client.runs.cancel(newest.at(-1) as string);
  },
  Math.max(600_000, ROUNDS * 20_000),
);
