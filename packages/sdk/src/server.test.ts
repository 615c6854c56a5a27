// The client against the real server: what the two agree on.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineManifest, TaskSpec } from "@mflow/core/schema/pipeline";
import { type RunningServer, readConfig, startServer } from "@mflow/server/index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, createClient, eachItem } from "./index.ts";

let folder: string;
let server: RunningServer;
let client: Client;

async function start(): Promise<void> {
  server = await startServer(readConfig({ data: folder, port: "0", logLevel: "silent" }, {}));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-sdk-"));
  await start();
  const token = (await readFile(join(folder, "local.token"), "utf8")).trim();
  client = createClient({ url: () => server.address, token });
  await client.manifests.apply({
    documents: [
      job("greet"),
      pipeline("wait", "greet", { audit: { auditors: ["@everyone"], allowSelf: true } }),
    ],
  });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function job(
  name: string,
  runnerSpec: Record<string, unknown> = { duration: "20ms", log: ["one", "two"] },
): JobManifest {
  return { kind: "Job", publish: true, metadata: { name }, spec: { runnerType: "FAKE", runnerSpec } };
}

function pipeline(name: string, jobName: string, more: Partial<TaskSpec> = {}): PipelineManifest {
  const tasks = [{ name: "first", job: jobName, ...more }];
  return {
    kind: "Pipeline",
    metadata: { name },
    spec: { isParallel: true, stages: [{ name: "only", tasks }] },
  };
}

/** Stages of the events of a run, up to its end. */
async function stagesOf(id: string): Promise<string[]> {
  const stages: string[] = [];
  for await (const event of client.events({ pipelineTaskId: id, after: 0 })) {
    stages.push(`${event.type} ${event.stage}`);
    if (event.type === "RUN_STAGE" && ["SUCCEEDED", "CANCELED", "FAILED"].includes(event.stage ?? "")) break;
  }
  return stages;
}

test("jobs are created, listed page by page, patched on a known revision, and deleted", async () => {
  for (const name of ["a", "b", "c"]) {
    const { publish: _publish, ...draft } = job(name);
    await client.jobs.create({ ...draft, metadata: { name, labels: { of: "list" } } });
  }
  const names: string[] = [];
  for await (const one of eachItem((cursor) => client.jobs.list({ label: ["of=list"], limit: 2, cursor }))) {
    names.push(`${one.name} ${one.stage}`);
  }
  expect(names).toEqual(["c DRAFT", "b DRAFT", "a DRAFT"]);
  const { revision } = await client.jobs.get("a:v1");
  const patched = await client.jobs.patch("a:v1", { metadata: { description: "new" } }, { revision });
  expect(patched).toMatchObject({ description: "new", revision: revision + 1 });
  await expect(
    client.jobs.patch("a:v1", { metadata: { description: "newer" } }, { revision }),
  ).rejects.toMatchObject({ name: "ApiError", status: 412, code: "STALE_REVISION" });
  await client.jobs.remove("a:v1");
  await expect(client.jobs.get("a:v1")).rejects.toMatchObject({ status: 404, code: "NOT_FOUND" });
});

test("what is wrong with manifests comes as details", async () => {
  const { problems } = await client.manifests.lint({ documents: [pipeline("p", "nowhere")] });
  expect(problems).toEqual([
    {
      path: "/documents/0/spec/stages/0/tasks/0/job",
      message: expect.stringContaining("nowhere"),
      severity: "error",
    },
  ]);
  await expect(client.manifests.apply({ documents: [pipeline("p", "nowhere")] })).rejects.toMatchObject({
    code: "INVALID_DOCUMENT",
    details: problems,
    requestId: expect.stringMatching(/./),
  });
});

test("a run is started once per idempotency key, and followed to its end", async () => {
  const request = { spec: pipeline("x", "greet").spec, labels: { of: "sdk" } };
  const first = await client.runs.start(request, { idempotencyKey: "once" });
  const again = await client.runs.start(request, { idempotencyKey: "once" });
  expect([again.run.id, again.repeated]).toEqual([first.run.id, true]);
  expect(await stagesOf(first.run.id)).toEqual([
    "RUN_STAGE ACTIVE",
    "TASK_STAGE CREATING",
    "TASK_STAGE ACTIVE",
    "TASK_STAGE SUCCEEDED",
    "RUN_STAGE SUCCEEDED",
  ]);
  const { items } = await client.runs.list({ label: ["of=sdk"], stage: ["SUCCEEDED"] });
  expect(items.map((run) => run.id)).toEqual([first.run.id]);
  const { run, tasks } = await client.runs.get(first.run.id);
  expect({ stage: run.status.stage, tasks: tasks.map((task) => task.status.stage) }).toEqual({
    stage: "SUCCEEDED",
    tasks: ["SUCCEEDED"],
  });
  await client.runs.remove(run.id);
  await expect(client.runs.get(run.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a log is followed from a task's start to its end, and read in pages and as text", async () => {
  const { task } = await client.tasks.run({ job: "greet" });
  const lines: string[] = [];
  for await (const line of client.logs.follow(task.id)) lines.push(`${line.line} ${line.text}`);
  expect(lines).toEqual(["1 one", "2 two"]);
  const page = await client.logs.page(task.id, { limit: 1 });
  expect({ texts: page.lines.map((line) => line.text), nextFrom: page.nextFrom }).toEqual({
    texts: ["one"],
    nextFrom: 2,
  });
  expect(await client.logs.text(task.id)).toMatch(/^\S+Z .*one\n\S+Z .*two\n$/);
});

test("events go on without gap or duplicate over a restart of the server at another address", async () => {
  const { run } = await client.runs.start({ pipelineId: "wait" });
  const stages: string[] = [];
  const connection: string[] = [];
  const events = client.events({
    pipelineTaskId: run.id,
    after: 0,
    onConnection: (state) => connection.push(state),
  });
  let isRestarted = false;
  for await (const event of events) {
    stages.push(`${event.type} ${event.stage}`);
    if (event.type === "AUDIT_WAITING" && !isRestarted) {
      isRestarted = true;
      await server.close();
      await start();
      await client.runs.cancel(run.id);
    }
    if (event.type === "RUN_STAGE" && event.stage === "CANCELED") break;
  }
  expect({ unique: new Set(stages).size, last: stages.at(-1), connection }).toEqual({
    unique: stages.length,
    last: "RUN_STAGE CANCELED",
    connection: ["lost", "back"],
  });
});

test("all events up to now are read without waiting for more", async () => {
  const until = await client.newestEvent();
  let last = 0;
  for await (const event of client.events({ after: 0, until, taskId: "task-nobody" })) last = event.seq;
  expect(last).toBe(0);
  for await (const event of client.events({ after: 0, until })) last = event.seq;
  expect(last).toBe(until);
});

test("artifacts are sent as bytes or streams of any length, listed, read and removed", async () => {
  await client.manifests.apply({ documents: [job("endless", { outcome: "NONE" })] });
  const { task } = await client.tasks.run({ job: "endless" });
  await expect.poll(async () => (await client.tasks.get(task.id)).status.stage).toBe("ACTIVE");
  const piece = new Uint8Array(1024 * 1024).fill(7);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let n = 0; n < 5; n++) controller.enqueue(piece);
      controller.close();
    },
  });
  const large = await client.artifacts.upload(task.id, "large", stream, { path: "out/large.bin" });
  expect(large).toMatchObject({
    taskId: task.id,
    kind: "FILE",
    path: "out/large.bin",
    size: 5 * 1024 * 1024,
  });
  const known = await client.artifacts.upload(task.id, "known", new Uint8Array(3 * 1024 * 1024));
  const small = await client.artifacts.upload(task.id, "small", new TextEncoder().encode("small"));
  expect(await client.artifacts.ofTask(task.id)).toEqual({ items: [known, large, small] });
  const response = await client.artifacts.download(task.id, "small");
  expect([await response.text(), response.headers.get("etag")]).toEqual(["small", `"${small.sha256}"`]);
  await client.artifacts.remove(task.id, "small");
  await expect(client.artifacts.download(task.id, "small")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await client.caches.list()).toEqual({ items: [] });
  expect(await client.caches.clear()).toEqual({ removed: 0 });
  await client.tasks.cancel(task.id);
});

test("users, groups and tokens are managed, and another's token is somebody else", async () => {
  expect(await client.whoami()).toMatchObject({ local: true });
  const { token } = await client.users.create({ name: "alice" });
  const alice = createClient({ url: server.address, token: token?.token });
  await expect(client.whoami()).rejects.toMatchObject({ status: 401 });
  await alice.users.create({ name: "bob", grants: [{ role: "viewer", namespace: "web" }] });
  expect(await alice.users.setGrants("bob", [{ role: "operator" }])).toMatchObject({
    name: "bob",
    grants: [{ role: "operator", domain: "*", namespace: "*" }],
  });
  await alice.groups.put("ops", ["alice", "bob"]);
  expect(await alice.groups.get("ops")).toEqual({ name: "ops", members: ["alice", "bob"] });
  const made = await alice.tokens.create({ user: "bob", name: "laptop", expiresIn: "1d" });
  const bob = createClient({ url: server.address, token: made.token });
  expect(await bob.whoami()).toMatchObject({ name: "bob", local: false });
  await alice.tokens.remove(made.id);
  await expect(bob.whoami()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  await alice.groups.remove("ops");
  await alice.users.remove("bob");
  expect((await alice.users.list()).items.map((user) => user.name)).toEqual(["alice"]);
});

test("health and readiness are known without a token", async () => {
  const stranger = createClient({ url: server.address });
  expect([(await stranger.health()).status, (await stranger.ready()).status]).toEqual(["ok", "ready"]);
});
