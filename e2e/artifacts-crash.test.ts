// A server that is killed while a task keeps files loses none of them and keeps none twice: whoever hears that the task
// SUCCEEDED finds its artifacts, and the next task fetches them.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@mflow/sdk";
import { afterAll, expect, test } from "vitest";

const ROUNDS = Number(process.env.ARTIFACT_CRASH_ROUNDS ?? 6);

const folder = mkdtempSync(join(tmpdir(), "mflow-artifact-crash-"));
const data = join(folder, "data");
const command = join(import.meta.dirname, "..", "bin", "mflow.js");

const manifests = `
kind: Job
metadata: { name: make }
publish: true
spec:
  runnerType: SHELL
  runParams: [{ name: GO, required: true }]
  cache: { key: { prefix: made }, paths: [made] }
  artifacts: [{ name: made, path: made }, { name: note, path: note.txt }]
  runnerSpec:
    steps:
      - name: make
        run: |
          until [ -e "$GO" ]; do sleep 0.02; done
          mkdir -p made
          for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/urandom > "made/$i"; done
          cat made/? | sha256sum | cut -c1-64 > note.txt
---
kind: Job
metadata: { name: use }
publish: true
spec:
  runnerType: SHELL
  runnerSpec: { steps: [{ name: use, run: 'cat made/? | sha256sum | cut -c1-64; cat note.txt' }] }
---
kind: Pipeline
metadata: { name: crash }
spec:
  isParallel: true
  stages:
    - { name: make, tasks: [{ name: make, job: make }] }
    - name: use
      tasks: [{ name: use, job: use, fetch: [{ from: make, name: made }, { from: make, name: note }] }]
`;

interface Server {
  process: ChildProcess;
  client: Client;
}

async function startServer(): Promise<Server> {
  const args = [command, "server", "--data", data, "--port", "0", "--allow-root-steps"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const record = join(data, "server.json");
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (Date.now() > deadline) throw new Error("the server did not get ready");
    const { address, pid } = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
    if (pid === child.pid && address) {
      const token = readFileSync(join(data, "local.token"), "utf8").trim();
      const client = createClient({ url: address, token, retries: 0 });
      if (await client.ready().then(Boolean, () => false)) return { process: child, client };
    }
    await delay(10);
  }
}

async function kill({ process: child }: Server): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

let server: Server | undefined;
afterAll(async () => {
  if (server) await kill(server);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

/** Files below a folder. */
function filesIn(path: string): string[] {
  if (!existsSync(path)) return [];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(path, name)).isFile());
}

test(
  "a server that is killed while a task keeps files loses none and keeps none twice",
  async () => {
    server = await startServer();
    await server.client.manifests.apply({ manifests });
    for (let round = 0; round < ROUNDS; round++) {
      const go = join(folder, `go-${round}`);
      const { run } = await server.client.runs.start({ pipelineId: "crash", runParams: { GO: go } });
      const { id } = run;
      const make = () => server?.client.runs.get(id).then(({ tasks }) => tasks[0]?.status.stage);
      await expect.poll(make, { timeout: 30_000 }).toBe("ACTIVE");
      writeFileSync(go, "");
      // From the steps' end over packing and storing to the report, and beyond.
      await delay(Math.random() * 1200);
      await kill(server);
      server = await startServer();
      const stage = () => server?.client.runs.get(id).then((view) => view.run.status.stage);
      await expect.poll(stage, { timeout: 60_000 }).toBe("SUCCEEDED");

      const { tasks } = await server.client.runs.get(id);
      const [maker, user] = tasks as [(typeof tasks)[0], (typeof tasks)[0]];
      const { items } = await server.client.artifacts.ofRun(id);
      expect(items.map(({ name, taskId }) => [name, taskId])).toEqual([
        ["made", maker.id],
        ["note", maker.id],
      ]);
      for (const { taskId, name, sha256, size } of items) {
        const response = await server.client.artifacts.download(taskId, name);
        const bytes = Buffer.from(await response.arrayBuffer());
        expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([size, sha256]);
      }
      const lines = (await server.client.logs.page(user.id)).lines.filter(
        ({ stream }) => stream === "stdout",
      );
      expect(lines).toHaveLength(2);
      expect(lines[0]?.text).toBe(lines[1]?.text);
      // No bytes are left of a put that broke off, or that was made again.
      const stored = filesIn(join(data, "artifacts", "bytes", "artifacts", id));
      expect(stored).toHaveLength(2);
    }
    expect(filesIn(join(data, "artifacts", "bytes", ".incoming"))).toEqual([]);
  },
  ROUNDS * 60_000,
);
