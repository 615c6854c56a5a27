// Nothing is lost and nothing runs twice: a busy server is killed with SIGKILL at random moments, in some rounds
// its supervisor too, and started again. Every task leaves a line in a ledger of its own when its work begins,
// so that the proof does not rest on what mflow says of itself.

import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskView } from "@mflow/core/schema/api";
import { TRANSITIONS } from "@mflow/core/transitions";
import { ApiError, type Client, ConnectionError } from "@mflow/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 20);
/** In every so many rounds the supervisor is killed as well. */
const SUPERVISOR_EVERY = Number(process.env.CRASH_SUPERVISOR_EVERY ?? 5);
/** Tasks that run at once. */
const MAX_TASKS = 6;
const LINES = 40;
const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);

const place = new CrashPlace("busy", ["--max-tasks", `${MAX_TASKS}`]);

const manifests = `
kind: Job
metadata: { name: work }
publish: true
spec:
  runnerType: SHELL
  runParams: [{ name: LEDGER, required: true }, { name: SEEN }]
  runnerSpec:
    steps:
      - name: begin
        run: echo "$JOB_TASK_ID" >> "$LEDGER"
      - name: work
        run: |
          i=1; while [ $i -le ${LINES} ]; do echo "line $i"; i=$((i + 1)); [ $((i % 20)) -ne 0 ] || sleep 0.1; done
          echo "SEEN=$JOB_TASK_ID" >> "$MFLOW_OUTPUT"
---
kind: Pipeline
metadata: { name: busy }
spec:
  isParallel: true
  with: { LEDGER: "${place.ledger}" }
  stages:
    - name: first
      isParallel: true
      tasks: [{ name: a, job: work }, { name: b, job: work, ignoreFailed: true }]
    - name: gated
      tasks: [{ name: c, job: work, audit: { auditors: ["@everyone"], allowSelf: true } }]
    - name: last
      tasks: [{ name: d, job: work, confirm: { checkers: ["@everyone"], allowSelf: true } }]
`;

let killedSupervisors = 0;

/** What the server acknowledged, by key of the request; a request without an answer is asked again. */
const acknowledged = {
  runs: new Map<string, string>(),
  audits: new Set<string>(),
  confirms: new Set<string>(),
};

/** Starts runs and decides gates until told to stop; the server may vanish under any of it. */
async function keepBusy(
  client: Client,
  round: number,
  signal: AbortSignal,
  isBusy: () => void,
): Promise<void> {
  for (let index = 0; !signal.aborted; index++) {
    try {
      if (index < 4) {
        const key = `round-${round}-${index}`;
        const { run } = await client.runs.start({ pipelineId: "busy" }, { idempotencyKey: key });
        acknowledged.runs.set(key, run.id);
        isBusy();
      }
      await decideGates(client);
    } catch (error) {
      // What was not acknowledged may have happened or not.
      if (error instanceof ConnectionError) return;
      throw error;
    }
    await delay(20, undefined, { signal }).catch(() => {});
  }
}

async function decideGates(client: Client): Promise<void> {
  const { items } = await client.tasks.list({ stage: ["PENDING", "ACTIVE"], limit: 200 });
  for (const task of items) {
    if (task.audit?.stage === "WAITING")
      await decide(acknowledged.audits, task.id, client.tasks.audit(task.id, { verdict: "PASS" }));
    if (task.confirm?.stage === "WAITING")
      await decide(acknowledged.confirms, task.id, client.tasks.confirm(task.id, { verdict: "PASS" }));
  }
}

/** Notes a decision once it is acknowledged. A gate may have closed since it was listed: a task that is LOST ends the run. */
async function decide(noted: Set<string>, taskId: string, decision: Promise<unknown>): Promise<void> {
  try {
    await decision;
    noted.add(taskId);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "GATE_NOT_OPEN")) throw error;
  }
}

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

test(
  `after ${ROUNDS} kills nothing is lost and nothing has run twice`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const stop = new AbortController();
      const { promise: isBusy, resolve } = Promise.withResolvers<void>();
      const busy = keepBusy(place.client, round, stop.signal, resolve);
      await Promise.race([isBusy, busy]);
      await delay(Math.random() * 600);
      const withSupervisor = round % SUPERVISOR_EVERY === 0;
      if (withSupervisor && Math.random() < 0.5) killedSupervisors += place.killSupervisor();
      await place.kill();
      if (withSupervisor) killedSupervisors += place.killSupervisor();
      stop.abort();
      await busy;
      await place.start();
    }
    await finishAll();
    await verify();
  },
  Math.max(600_000, ROUNDS * 20_000),
);

/** Decides all gates until every run has ended. */
async function finishAll(): Promise<void> {
  const unended = async () => {
    await decideGates(place.client);
    return place.unendedRuns();
  };
  await expect.poll(unended, { timeout: 240_000 }).toEqual([]);
}

async function verify(): Promise<void> {
  const { client } = place;
  const begun = new Map<string, number>();
  for (const id of place.lines()) begun.set(id, (begun.get(id) ?? 0) + 1);
  const twice = [...begun].filter(([, times]) => times > 1).map(([id]) => id);
  expect(twice, await story(client, twice)).toEqual([]);

  const tasks: JobTaskView[] = [];
  expect(acknowledged.runs.size).toBeGreaterThanOrEqual(ROUNDS);
  for (const [key, runId] of acknowledged.runs) {
    const view = await client.runs.get(runId);
    const repeated = await client.runs.start({ pipelineId: "busy" }, { idempotencyKey: key });
    expect(repeated.run.id).toBe(runId);
    tasks.push(...view.tasks);
  }
  const odd = tasks.filter((task) => !isExpected(task)).map(({ id }) => id);
  expect(odd, await story(client, odd)).toEqual([]);

  for (const task of tasks) {
    try {
      if (workOf(task).stage === "SUCCEEDED") await verifySucceeded(client, task, begun);
      if (acknowledged.audits.has(task.id)) expect(task.audit?.decisions).toHaveLength(1);
      if (acknowledged.confirms.has(task.id)) expect(task.confirm?.decisions).toHaveLength(1);
    } catch (error) {
      throw new Error(`${String(error)}\n${await story(client, [task.id])}`, { cause: error });
    }
  }
  const lost = tasks.filter((task) => workOf(task).reason === "LOST").length;
  const succeeded = tasks.filter((task) => workOf(task).stage === "SUCCEEDED").length;
  // Only a killed supervisor loses work, and no more than ran; most rounds kill the server alone.
  expect(lost + cutLogs).toBeLessThanOrEqual(killedSupervisors * MAX_TASKS);
  await verifyHistory(client);
  if (process.env.CRASH_REPORT) {
    appendFileSync(
      process.env.CRASH_REPORT,
      `${ROUNDS} rounds, ${killedSupervisors} supervisors killed: ${succeeded} tasks succeeded, ${lost} LOST, ${cutLogs} logs cut\n`,
    );
  }
}

/** How the work ended: a confirm that is passed makes a task SUCCEEDED whatever was reported, LOST included. */
function workOf({ status }: JobTaskView): { stage: string; reason?: string } {
  return status.reported ?? status;
}

function isExpected(task: JobTaskView): boolean {
  const { stage, reason } = workOf(task);
  // All confirms are passed.
  if (task.status.reported && task.status.stage !== "SUCCEEDED") return false;
  return stage === "SUCCEEDED" || stage === "SKIPPED" || (stage === "FAILED" && reason === "LOST");
}

/** All that is known of tasks, for the message of a failure. */
async function story(client: Client, ids: string[]): Promise<string> {
  if (ids.length === 0) return "";
  const history = new Map<string, string[]>(ids.map((id) => [id, []]));
  for await (const event of client.events({ after: 0, until: await client.newestEvent() })) {
    const { at, type, stage, reason, message, taskId = "" } = event;
    history.get(taskId)?.push([at, type, stage, reason, message].filter(Boolean).join(" "));
  }
  const tasks = ids.map(async (id) => {
    const { name, status } = await client.tasks.get(id);
    const { lines } = await client.logs.page(id, { limit: 1000 });
    return {
      id,
      name,
      status,
      said: lines.filter(({ stream }) => stream === "mflow").map(({ line, text }) => `${line}: ${text}`),
      history: history.get(id),
    };
  });
  return JSON.stringify(await Promise.all(tasks), null, 2);
}

/** Logs that say that output may be missing. */
let cutLogs = 0;

async function verifySucceeded(client: Client, task: JobTaskView, begun: Map<string, number>): Promise<void> {
  expect([task.id, begun.get(task.id)]).toEqual([task.id, 1]);
  expect(task.status.runtimeEnvs).toEqual({ SEEN: task.id });
  const { lines } = await client.logs.page(task.id, { limit: 1000 });
  const written = lines.filter((line) => line.stream === "stdout").map((line) => line.text);
  const all = Array.from({ length: LINES }, (_, index) => `line ${index + 1}`);
  // What was in the pipe of a supervisor that was killed is gone, and the log says so at that place.
  const mayMiss = lines.some(
    (line) => line.stream === "mflow" && line.text.includes("output may be missing"),
  );
  if (mayMiss) cutLogs++;
  expect([task.id, written]).toEqual([task.id, mayMiss ? all.filter((line) => written.includes(line)) : all]);
  expect(lines.map((line) => line.line)).toEqual(lines.map((_, index) => index + 1));
}

/** The stream has no gap that a client could see, and every task moved by the table into one ending. */
async function verifyHistory(client: Client): Promise<void> {
  const stages = new Map<string, string>();
  const endings = new Map<string, number>();
  let last = 0;
  for await (const event of client.events({ after: 0, until: await client.newestEvent() })) {
    expect(event.seq).toBeGreaterThan(last);
    last = event.seq;
    if (event.type !== "TASK_STAGE" || !event.taskId || !event.stage) continue;
    const from = (stages.get(event.taskId) ?? "PENDING") as keyof typeof TRANSITIONS;
    expect([event.taskId, event.from]).toEqual([event.taskId, from]);
    expect(Object.values(TRANSITIONS[from])).toContain(event.stage);
    stages.set(event.taskId, event.stage);
    if (FINAL.has(event.stage)) endings.set(event.taskId, (endings.get(event.taskId) ?? 0) + 1);
  }
  expect([...stages.values()].filter((stage) => !FINAL.has(stage))).toEqual([]);
  expect([...endings.values()].filter((times) => times !== 1)).toEqual([]);
}
