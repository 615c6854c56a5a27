// Every file of examples/ does what it says: run through a real server with the SHELL runner, as readers run it.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lint } from "@mflow/core/lint";
import { type ParsedDocument, parseManifests, type ScopedManifest } from "@mflow/core/manifest";
import type { JobTaskView, PipelineTaskView } from "@mflow/core/schema/api";
import type { Message } from "@mflow/core/schema/message";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { type Client, createClient } from "@mflow/sdk";
import { type RunningServer, readConfig, startServer } from "@mflow/server/index";
import { Receiver } from "@mflow/server/listeners/testing/receiver";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = join(import.meta.dirname, "..", "examples");

async function documentsOf(...names: string[]): Promise<ParsedDocument[]> {
  const documents: ParsedDocument[] = [];
  for (const name of names) {
    const parsed = parseManifests(await readFile(join(folder, name)), { file: name });
    expect(parsed.problems).toEqual([]);
    documents.push(...parsed.documents);
  }
  return documents;
}

let data: string;
let server: RunningServer;
let client: Client;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "mflow-examples-"));
  const allowed = { allowRootSteps: process.getuid?.() === 0, allowTarget: ["127.0.0.1"] };
  const flags = { data, port: "0", logLevel: "warn", ...allowed };
  server = await startServer(readConfig(flags, {}));
  const token = (await readFile(join(data, "local.token"), "utf8")).trim();
  client = createClient({ url: server.address, token });
});

afterAll(async () => {
  await server?.close();
  await rm(data, { recursive: true, force: true, maxRetries: 10 });
});

/** Starts the pipeline of an example, with the documents of its file laid over the stored ones. */
async function start(
  name: string,
  runParams: Record<string, string> = {},
  change: (text: string) => string = (text) => text,
  pipelineId?: string,
): Promise<string> {
  const text = JSON.stringify((await documentsOf(name)).map(({ manifest }) => manifest));
  const documents = JSON.parse(change(text)) as ScopedManifest[];
  return (await client.runs.start({ documents, runParams, pipelineId })).run.id;
}

/** The run once it has ended, or once all that is left waits for the gate of a task with this name. */
async function reached(id: string, gate?: string): Promise<PipelineTaskView> {
  const events = client.events({ pipelineTaskId: id, after: 0 });
  for await (const { type, stage, name } of events) {
    const isEnding =
      type === "RUN_STAGE" && stage !== undefined && stage !== "ACTIVE" && stage !== "CANCELING";
    if (isEnding || (gate !== undefined && type.endsWith("_WAITING") && name === gate)) break;
  }
  return client.runs.get(id);
}

function taskIn({ tasks }: PipelineTaskView, name: string): JobTaskView {
  const task = tasks.find((each) => each.name === name);
  if (!task) throw new Error(`the run has no task ${name}`);
  return task;
}

function stagesOf({ run, tasks }: PipelineTaskView): Record<string, string> {
  const stages = tasks.map(({ name, status }): [string, string] => [name, status.stage]);
  return { run: run.status.stage, ...Object.fromEntries(stages) };
}

async function logOf(view: PipelineTaskView, name: string): Promise<string[]> {
  const { lines } = await client.logs.page(taskIn(view, name).id);
  return lines.map(({ text }) => text);
}

test("all examples together have no problem, and can be stored together", async () => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml"));
  const documents = await documentsOf(...names);
  expect(lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined })).toEqual([]);
  const applied = await client.manifests.apply({ documents: documents.map(({ manifest }) => manifest) });
  expect(applied.warnings).toEqual([]);
  expect(applied.documents).toHaveLength(documents.length);
});

test("hello.yaml greets whom the run names", async () => {
  const view = await reached(await start("hello.yaml", { NAME: "Ada" }));
  expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", hello: "SUCCEEDED" });
  expect(await logOf(view, "hello")).toEqual(["Hello, Ada!"]);
});

test("schedule.yaml starts nothing by itself, and writes its report when it is asked to", async () => {
  await client.manifests.apply({
    documents: (await documentsOf("schedule.yaml")).map(({ manifest }) => manifest),
  });
  const { status } = await client.schedules.get("nightly-report");
  expect(status).toMatchObject({ stage: "PAUSED", nextTimes: [] });
  const { run } = await client.schedules.trigger("nightly-report");
  expect(run.labels).toMatchObject({ occasion: "night", "mflow.schedule": "nightly-report" });
  const view = await reached(run.id);
  expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", write: "SUCCEEDED" });
  expect(taskIn(view, "write").status.markdownOutput).toBe("# Report\n\nAll is well.\n");
});

describe("params.yaml", () => {
  test("fills params from all levels, keeps what is read only, and shows no secret", async () => {
    const view = await reached(await start("params.yaml", { REGION: "asia", REPLICAS: "5", REGISTRY: "x" }));
    expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", "by-default": "SUCCEEDED", large: "SUCCEEDED" });
    const same = [
      "registry registry.example.com, owner the platform team, literal ${TEAM}",
      "the token has 15 characters and is shown as ***",
    ];
    expect(await logOf(view, "by-default")).toEqual(["region asia, replicas 5, verbose false", ...same]);
    expect(await logOf(view, "large")).toEqual(["region asia, replicas 9, verbose true", ...same]);
    expect(taskIn(view, "large").labels).toEqual({ REGION: "asia" });
  });

  test("refuses an option that there is not", async () => {
    await expect(start("params.yaml", { REGION: "moon" })).rejects.toMatchObject({
      code: "INVALID_PARAMS",
      message: expect.stringContaining("must be one of: europe, asia"),
    });
  });
});

test("chain.yaml runs a pipeline as a task, waits for somebody, and is followed by another", async () => {
  const id = await start("chain.yaml", { VERSION: "1.4.0" }, undefined, "chain-release");
  const waiting = async () => taskIn(await client.runs.get(id), "ticket");
  await expect.poll(async () => (await waiting()).status.stage, { timeout: 30_000 }).toBe("ACTIVE");
  const ticket = await waiting();
  expect(ticket.waitingFor).toBe("waits for a status call: the ticket for shop:1.4.0 is closed");
  const { statusUrl, outputUrl, updateToken } = await client.tasks.statusCall(ticket.id);
  const post = (url: string, body: object) =>
    fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${updateToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect((await post(outputUrl, { runtimeEnvs: { TICKET: "42" } })).status).toBe(200);
  expect((await post(statusUrl, { stage: "SUCCEEDED" })).status).toBe(200);
  expect(stagesOf(await reached(id))).toEqual({ run: "SUCCEEDED", builds: "SUCCEEDED", ticket: "SUCCEEDED" });
  const nextOf = async () => (await client.runs.get(id)).run.status.next?.runId;
  await expect.poll(nextOf, { timeout: 30_000 }).toMatch(/^run-/);
  const deploy = await reached((await nextOf()) ?? "");
  expect(stagesOf(deploy)).toEqual({ run: "SUCCEEDED", deploy: "SUCCEEDED" });
  expect(await logOf(deploy, "deploy")).toEqual(["deploy shop:1.4.0, by ticket 42"]);
});

describe("parallel.yaml", () => {
  test("goes on after a failure that may happen", async () => {
    const view = await reached(await start("parallel.yaml", { SECONDS_TO_WORK: "0" }));
    expect(stagesOf(view)).toEqual({
      run: "SUCCEEDED",
      lint: "SUCCEEDED",
      flaky: "FAILED",
      a: "SUCCEEDED",
      b: "SUCCEEDED",
      c: "SUCCEEDED",
      pack: "SUCCEEDED",
      publish: "SUCCEEDED",
    });
  });

  test("stops at a failure, siblings included", async () => {
    const id = await start("parallel.yaml", { BROKEN: "b", SECONDS_TO_WORK: "0" });
    const view = await reached(id);
    const { run, b, c, pack, publish } = stagesOf(view);
    expect({ run, b, c, pack, publish }).toEqual({
      run: "FAILED",
      b: "FAILED",
      c: expect.stringMatching(/SUCCEEDED|CANCELED|SKIPPED/),
      pack: "SKIPPED",
      publish: "SKIPPED",
    });
  });
});

describe("reuse.yaml", () => {
  const run = async (pipelineId: string) => {
    const documents = (await documentsOf("reuse.yaml")).map(({ manifest }) => manifest) as ScopedManifest[];
    return reached((await client.runs.start({ documents, pipelineId })).run.id);
  };

  test("makes the shop's pipeline from the template, with a stage and values of its own", async () => {
    const view = await run("shop");
    expect(stagesOf(view)).toEqual({
      run: "SUCCEEDED",
      test: "SUCCEEDED",
      pack: "SUCCEEDED",
      smoke: "SUCCEEDED",
      publish: "SUCCEEDED",
    });
    expect(await logOf(view, "test")).toEqual(["1.2.0 works on shop with many checks"]);
    expect(await logOf(view, "pack")).toEqual(["1.2.0 works on shop with few checks"]);
    expect(await logOf(view, "smoke")).toEqual(["1.0.0 works on shop"]);
  });

  test("leaves out of the docs' pipeline what it does not want", async () => {
    expect(stagesOf(await run("docs"))).toEqual({ run: "SUCCEEDED", test: "SUCCEEDED" });
  });
});

test("outputs.yaml hands values on, also those of many lines, and shows them to people", async () => {
  const view = await reached(await start("outputs.yaml"));
  expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", measure: "SUCCEEDED", announce: "SUCCEEDED" });
  const changes = "- counts what is there\n- says so in several lines";
  const { runtimeEnvs, markdownOutput } = taskIn(view, "measure").status;
  const files = runtimeEnvs?.FILES;
  expect(runtimeEnvs).toEqual({
    FILES: expect.stringMatching(/^[1-9][0-9]*$/),
    CHANGES: changes,
    measured_at: expect.stringMatching(/^\d{4}-/),
  });
  expect(markdownOutput).toBe("The root folder was measured.\n");
  expect(taskIn(view, "announce").status.markdownOutput).toBe(`There are ${files} files.\n\n${changes}\n`);
  expect(await logOf(view, "announce")).toEqual([`There are ${files} files.`, "", ...changes.split("\n")]);
});

describe("order.yaml", () => {
  test("runs tasks by what they need, and tidies up", async () => {
    const view = await reached(await start("order.yaml"));
    expect(stagesOf(view)).toEqual({
      run: "SUCCEEDED",
      web: "SUCCEEDED",
      api: "SUCCEEDED",
      "test-web": "SUCCEEDED",
      "test-api": "SUCCEEDED",
      licences: "SUCCEEDED",
      release: "SUCCEEDED",
      tidy: "SUCCEEDED",
      report: "SKIPPED",
    });
  });

  test("tidies up and reports also when something fails", async () => {
    const view = await reached(await start("order.yaml", { BROKEN: "api" }));
    expect(stagesOf(view)).toMatchObject({
      run: "FAILED",
      api: "FAILED",
      "test-api": "SKIPPED",
      release: "SKIPPED",
      tidy: "SUCCEEDED",
      report: "SUCCEEDED",
    });
  });
});

test("matrix.yaml runs a task for each combination, also of those that an earlier task finds out", async () => {
  const view = await reached(await start("matrix.yaml"));
  expect(stagesOf(view)).toEqual({
    run: "SUCCEEDED",
    "test (linux, 18)": "SUCCEEDED",
    "test (linux, 20)": "SUCCEEDED",
    "test (mac, 20)": "SUCCEEDED",
    "test (windows, 20)": "SUCCEEDED",
    find: "SUCCEEDED",
    "deploy (eu, 2)": "SUCCEEDED",
    "deploy (asia, 1)": "SUCCEEDED",
  });
  expect(await logOf(view, "deploy (eu, 2)")).toEqual([
    'deploys ["linux-18","linux-20","mac-20","windows-20"] to eu, 2 times',
  ]);
});

test("retry.yaml tries again until it succeeds, each attempt with its log", async () => {
  const view = await reached(await start("retry.yaml"));
  expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", fetch: "SUCCEEDED", done: "SUCCEEDED" });
  const { id, attempt, pastAttempts } = taskIn(view, "fetch");
  expect([attempt, pastAttempts?.map(({ isRetried, status }) => [isRetried, status.reason])]).toEqual([
    3,
    [
      [true, "EXIT_CODE"],
      [true, "EXIT_CODE"],
    ],
  ]);
  const logs = await Promise.all([1, 2, 3].map((number) => client.logs.page(id, { attempt: number })));
  expect(logs.map(({ lines }) => lines.map(({ text }) => text))).toEqual([["try 1"], ["try 2"], ["try 3"]]);
});

test.each([
  [{}, { announce: "SKIPPED", smoke: "SUCCEEDED" }],
  [
    { TARGET: "production", SMOKE: "no" },
    { announce: "SUCCEEDED", smoke: "SKIPPED" },
  ],
])("conditions.yaml runs what is wanted with %o", async (runParams, stages) => {
  const view = await reached(await start("conditions.yaml", runParams));
  expect(stagesOf(view)).toEqual({ run: "SUCCEEDED", build: "SUCCEEDED", deploy: "SUCCEEDED", ...stages });
});

describe("manual-status.yaml", () => {
  test.each(["SUCCEEDED", "FAILED"])("ends as the worker says: %s", async (result) => {
    const view = await reached(await start("manual-status.yaml", { NODE: process.execPath, RESULT: result }));
    expect(stagesOf(view)).toEqual({ run: result, work: result });
    const { message, runtimeEnvs, markdownOutput } = taskIn(view, "work").status;
    expect({ message, runtimeEnvs, markdownOutput }).toEqual({
      message: `the worker says ${result}`,
      runtimeEnvs: { TICKET: "42" },
      markdownOutput: "Ticket 42 is done.",
    });
  });
});

test("listeners.yaml tells one web service of the run, and another of what failed", async () => {
  const receiver = await Receiver.open();
  const here = (text: string) => text.replaceAll(/https:\/\/\w+\.example\.com/g, receiver.url(""));
  await start("listeners.yaml", { BROKEN: "yes" }, here);
  const received = await receiver.has(3);
  await receiver.close();

  const [, secret = ""] =
    /secret: (whsec_\S+)/.exec(await readFile(join(folder, "listeners.yaml"), "utf8")) ?? [];
  const told = received.map(({ path, body, headers }) => {
    const message = new Webhook(secret).verify(body, headers as Record<string, string>) as Message;
    return [path, message.type, message.task?.name, headers["x-team"]];
  });
  expect(told.filter(([path]) => path === "/mflow")).toEqual([
    ["/mflow", "ACTIVE", undefined, "payments"],
    ["/mflow", "FAILED", undefined, "payments"],
  ]);
  expect(told.filter(([path]) => path !== "/mflow")).toEqual([["/failed", "FAILED", "compile", undefined]]);
});

test("push-back.yaml runs again what is pushed back, with the reason, and asks others in time", async () => {
  const id = await start("push-back.yaml", {}, (text) =>
    text.replace('"2h"', '"1s"').replace('"30m"', '"1h"'),
  );
  const check = taskIn(await reached(id, "check"), "check");
  expect(check.status.markdownOutput).toBe("## Notes\nmany small things\n");
  const comment = "name the breaking change";
  await client.tasks.confirm(check.id, { verdict: "PUSH_BACK", pushBackTo: "draft", comment });
  const after = await reachedAgain(id, check.id);
  expect(after.status.markdownOutput).toBe(`## Notes\n${comment}\n`);
  await client.tasks.confirm(check.id, { verdict: "PASS", digest: after.confirm?.digest });
  for await (const { type, name } of client.events({ pipelineTaskId: id, after: 0 })) {
    if (type === "AUDIT_ESCALATED") {
      expect(name).toBe("publish");
      break;
    }
  }
  await client.runs.cancel(id);
});

/** The task once its confirm waits in its second attempt. */
async function reachedAgain(runId: string, taskId: string): Promise<JobTaskView> {
  let waited = 0;
  for await (const { type, taskId: about } of client.events({ pipelineTaskId: runId, after: 0 })) {
    if (type === "CONFIRM_WAITING" && about === taskId && ++waited === 2) break;
  }
  return client.tasks.get(taskId);
}

// The last one: with users the local token no longer counts.
test("gates.yaml waits for everybody who must decide", async () => {
  const people: Record<string, Client> = {};
  for (const name of ["admin", "starter", "alice", "bob", "carol"]) {
    const maker = people.admin ?? client;
    const role = name === "admin" ? "admin" : "operator";
    const made = await maker.users.create({ name, token: "test", grants: [{ role }] });
    people[name] = createClient({ url: server.address, token: made.token?.token });
  }
  const { admin, starter, alice, bob, carol } = people as Record<string, Client> & typeof people;
  if (!admin || !starter || !alice || !bob || !carol) throw new Error("a user is missing");
  await admin.groups.put("dba", ["alice", "bob", "carol"]);

  client = starter;
  const id = await start("gates.yaml");
  const staging = taskIn(await reached(id, "migrate-staging"), "migrate-staging");
  expect(staging.status).toMatchObject({
    stage: "ACTIVE",
    reported: { stage: "SUCCEEDED" },
    markdownOutput: "| table | rows |\n|---|---|\n| orders | 1200 |\n",
  });
  await starter.tasks.confirm(staging.id, { verdict: "PASS", digest: staging.confirm?.digest });

  const production = taskIn(await reached(id, "migrate-production"), "migrate-production");
  await expect(starter.tasks.audit(production.id, { verdict: "PASS" })).rejects.toMatchObject({
    code: "NOT_LISTED",
  });
  await alice.tasks.audit(production.id, { verdict: "PASS" });
  expect((await starter.tasks.get(production.id)).status.stage).toBe("PENDING");
  await bob.tasks.audit(production.id, { verdict: "PASS" });
  await carol.tasks.confirm(await confirmOf(id, production.id), { verdict: "PASS" });
  expect(stagesOf(await reached(id))).toEqual({
    run: "SUCCEEDED",
    "migrate-staging": "SUCCEEDED",
    "migrate-production": "SUCCEEDED",
  });
});

/** Answers with the task once its confirm waits. */
async function confirmOf(runId: string, taskId: string): Promise<string> {
  for await (const { type, taskId: about } of client.events({ pipelineTaskId: runId, after: 0 })) {
    if (type === "CONFIRM_WAITING" && about === taskId) break;
  }
  return taskId;
}

test("artifacts.yaml hands a folder on, keeps a report, and finds its cache in the next run", async () => {
  const first = await reached(await start("artifacts.yaml"));
  expect(stagesOf(first)).toEqual({
    run: "SUCCEEDED",
    lock: "SUCCEEDED",
    build: "SUCCEEDED",
    check: "SUCCEEDED",
  });
  const log = await logOf(first, "check");
  expect(log).toEqual([expect.stringMatching(/^fetched artifact `site` of `build` \(\d+ bytes\)$/), "2"]);
  const { items } = await client.artifacts.ofRun(first.run.id);
  expect(items.map(({ name, kind, path }) => [name, kind, path]).sort()).toEqual([
    ["report", "FILE", "report.txt"],
    ["site", "FOLDER", "out/site"],
  ]);
  const report = await client.artifacts.download(taskIn(first, "check").id, "report");
  expect(await report.text()).toBe("2\n");
  const second = await reached(await start("artifacts.yaml"));
  expect(await logOf(second, "build")).toEqual([
    expect.stringMatching(/^cache packages-[0-9a-f]{40}: restored$/),
    "packages are there already",
  ]);
});
