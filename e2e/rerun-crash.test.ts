// A rerun survives the death of the server right after its answer: what it keeps does not run, what it runs does, once.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskView } from "@mflow/core/schema/api";
import { type Client, createClient } from "@mflow/sdk";
import { afterAll, expect, test } from "vitest";

const ROUNDS = 6;
const folder = mkdtempSync(join(tmpdir(), "mflow-rerun-"));
const data = join(folder, "data");
const ledger = join(folder, "ledger");
const command = join(import.meta.dirname, "..", "bin", "mflow.js");

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
  with: { LEDGER: "${ledger}" }
  stages:
    - { name: one, tasks: [{ name: a, job: work }] }
    - { name: two, isParallel: true, tasks: [{ name: b, job: work }, { name: c, job: work }] }
`;

interface Server {
  process: ChildProcess;
  client: Client;
}

let server: Server | undefined;

async function startServer(): Promise<Server> {
  const args = [command, "server", "--data", data, "--port", "0", "--allow-root-steps"];
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const deadline = Date.now() + 60_000;
  for (; ; await delay(10)) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error("the server did not get ready");
    const record = join(data, "server.json");
    const { address, pid } = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
    if (pid !== child.pid || !address) continue;
    const token = readFileSync(join(data, "local.token"), "utf8").trim();
    const client = createClient({ url: address, token });
    const isReady = await client.ready().then(
      () => true,
      () => false,
    );
    if (isReady) return { process: child, client };
  }
}

async function kill({ process: child }: Server, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

afterAll(async () => {
  if (server) await kill(server, "SIGTERM");
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function ended(client: Client, id: string) {
  const look = () => client.runs.get(id);
  await expect
    .poll(async () => (await look()).run.status.stage, { timeout: 60_000 })
    .toMatch(/SUCCEEDED|FAILED|CANCELED/);
  return look();
}

test("a rerun that was answered before kill -9 goes on after it, and starts each task once", async () => {
  writeFileSync(ledger, "");
  server = await startServer();
  await server.client.manifests.apply({ manifests });
  for (let round = 0; round < ROUNDS; round++) {
    const runParams = [{ name: "BROKEN", value: "yes", scope: { task: "c" } }];
    const first = await server.client.runs.start({ pipelineId: "busy", runParams });
    const old = await ended(server.client, first.run.id);
    expect(old.run.status.stage).toBe("FAILED");
    const { run } = await server.client.runs.rerun(old.run.id, {
      runParams: [{ name: "BROKEN", value: "", scope: { task: "c" } }],
    });
    await kill(server, "SIGKILL");
    server = await startServer();
    const again = await ended(server.client, run.id);
    expect(again.tasks.map(summary)).toEqual(["a SUCCEEDED kept", "b SUCCEEDED kept", "c SUCCEEDED"]);
    const lines = readFileSync(ledger, "utf8").trim().split("\n");
    const ran = lines.filter((line) => line.startsWith(run.id));
    expect(ran).toEqual([`${run.id} ${again.tasks[2]?.id}`]);
  }
}, 240_000);

function summary({ name, status, keptFrom }: JobTaskView): string {
  return `${name} ${status.stage}${keptFrom ? " kept" : ""}`;
}
