// Status calls of tasks over HTTP, on a schedule that does not wait for answers: a call that the server keeps
// waiting delays no later one, and its time counts from when it should have been sent.

import { Agent, request } from "node:http";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import { createKeys } from "@mflow/server/auth/keys";
import { secretFromFile } from "@mflow/server/auth/secret-key";
import { type Benchmark, percentile } from "./benchmark.ts";
import { noop, noopStage } from "./engine-rig.ts";
import { rawCommitTimes } from "./raw-commits.ts";
import { inFolder, onServer, type StartedServer } from "./server-process.ts";

const CALLS_PER_SECOND = 200;
const RUNS = 100;
const RAW_COMMITS = 2000;

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
async function callOnSchedule(address: string, calls: readonly StatusCall[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const times: Promise<number>[] = [];
  const start = performance.now() + 10;
  for (const [index, call] of calls.entries()) {
    const due = start + (index * 1000) / CALLS_PER_SECOND;
    await until(due);
    times.push(send(address, agent, call).then(() => performance.now() - due));
  }
  const all = await Promise.all(times);
  agent.destroy();
  return all;
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "api.status",
    work: `status calls over HTTP, ${CALLS_PER_SECOND} per second for 20 s (quick: 5 s): the 99th of 100`,
    unit: "ms",
    referenceIs: "a bare durable commit, the 99th of 100, ms",
    goal: "at most 10x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 10,
    pass: ({ quick }) =>
      inFolder((folder) =>
        onServer(folder, ["--max-tasks", "10000"], async (server) => {
          const calls = await startRuns(folder, server, CALLS_PER_SECOND * (quick ? 5 : 20));
          const reference = percentile(rawCommitTimes(RAW_COMMITS), 0.99);
          return { value: percentile(await callOnSchedule(server.address, calls), 0.99), reference };
        }),
      ),
  },
];
