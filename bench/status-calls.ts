// Status calls of tasks over HTTP, on a schedule that does not wait for answers: a call that the server keeps
// waiting delays no later one, and its time counts from when it should have been sent.

import { Agent, request } from "node:http";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import { createKeys } from "@mflow/server/auth/keys";
import { secretFromFile } from "@mflow/server/auth/secret-key";
import { type Benchmark, percentile } from "./benchmark.ts";
import { noop, noopStage } from "./engine-rig.ts";
import { openRawCommits } from "./raw-commits.ts";
import { inFolder, onServer, type StartedServer } from "./server-process.ts";

const CALLS_PER_SECOND = 200;
const EVERY_MS = 1000 / CALLS_PER_SECOND;
const RUNS = 100;

/** A task that runs until its status calls say that it has ended. */
const reporting: JobManifest = {
  ...noop,
  spec: { runnerType: "FAKE", runnerSpec: { outcome: "NONE" }, manualUpdateStatus: true },
};

interface StatusCall {
  taskId: string;
  token: string;
}

/** Starts runs of parallel tasks, and answers with the calls that end all of these, each one task. */
async function startRuns(
  dataFolder: string,
  { client }: StartedServer,
  calls: number,
): Promise<StatusCall[]> {
  const keys = createKeys({ current: secretFromFile(join(dataFolder, "secret.key")) });
  const spec = { stages: [noopStage(calls / RUNS, true)] };
  const runs: StatusCall[][] = [];
  for (let index = 0; index < RUNS; index++) {
    const { tasks } = await client.runs.start({ spec, documents: [reporting] });
    runs.push(tasks.map(({ id }) => ({ taskId: id, token: keys.updateToken(id, 1) })));
  }
  // One call of each run after the other.
  return Array.from({ length: calls }, (_, n) => runs[n % RUNS]?.[Math.floor(n / RUNS)] as StatusCall);
}

function send(address: string, agent: Agent, { taskId, token }: StatusCall): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ stage: "SUCCEEDED" });
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": body.length,
    };
    const path = `/api/v1/job-tasks/${taskId}/status`;
    const sent = request(address + path, { method: "POST", agent, headers }, (response) => {
      response.setEncoding("utf8");
      let answer = "";
      response.on("data", (text: string) => {
        answer += text;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status of ${taskId}: ${response.statusCode} ${answer}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Resolves at that moment of `performance.now()`; timers alone are late by up to 1 ms. */
function until(moment: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => (performance.now() >= moment ? resolve() : setImmediate(look));
    setTimeout(look, Math.max(0, moment - performance.now() - 1.5));
  });
}

/** Milliseconds of each call, from the moment it was due. */
async function callOnSchedule(
  address: string,
  agent: Agent,
  calls: readonly StatusCall[],
): Promise<number[]> {
  const times: Promise<number>[] = [];
  const start = performance.now();
  for (const [index, call] of calls.entries()) {
    const due = start + index * EVERY_MS;
    await until(due);
    times.push(send(address, agent, call).then(() => performance.now() - due));
  }
  return Promise.all(times);
}

/** Milliseconds of each of so many bare durable commits, from the moment it was due on the same schedule. */
async function commitOnSchedule(commit: () => void, count: number): Promise<number[]> {
  const times: number[] = [];
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const due = start + index * EVERY_MS;
    await until(due);
    commit();
    times.push(performance.now() - due);
  }
  return times;
}

/** Makes the calls, and as many bare commits: a second of these, a second of those, so that both meet the same machine. */
async function callsAndCommits(address: string, calls: readonly StatusCall[]) {
  const agent = new Agent({ keepAlive: true });
  const raw = openRawCommits();
  const callTimes: number[] = [];
  const commitTimes: number[] = [];
  for (let first = 0; first < calls.length; first += CALLS_PER_SECOND) {
    const second = calls.slice(first, first + CALLS_PER_SECOND);
    callTimes.push(...(await callOnSchedule(address, agent, second)));
    commitTimes.push(...(await commitOnSchedule(raw.commit, second.length)));
  }
  raw.close();
  agent.destroy();
  return { callTimes, commitTimes };
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "api.status",
    work: `status calls over HTTP, ${CALLS_PER_SECOND} per second for 20 s (quick: 5 s): the 99th of 100`,
    unit: "ms",
    referenceIs: "a bare durable commit on the same schedule: the 99th of 100, ms",
    goal: "at most 10x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 10,
    pass: ({ quick }) =>
      inFolder((folder) =>
        onServer(folder, ["--max-tasks", "10000"], async (server) => {
          const calls = await startRuns(folder, server, CALLS_PER_SECOND * (quick ? 5 : 20));
          const { callTimes, commitTimes } = await callsAndCommits(server.address, calls);
          return { value: percentile(callTimes, 0.99), reference: percentile(commitTimes, 0.99) };
        }),
      ),
  },
];
