// Runs in line, groups, limits and pauses through a whole engine on a real store, restarts included.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobManifest, JobSpec } from "@mflow/core/schema/job";
import type { PipelineManifest, PipelineSpec } from "@mflow/core/schema/pipeline";
import type { RunPipelineRequest } from "@mflow/core/schema/request";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { systemClock } from "./clock.ts";
import { RunningEngine } from "./engine.ts";

const scope = { domain: "default", namespace: "default" };
const actor = { name: "ana", operator: true };
const current = randomBytes(32);

let folder: string;
let store: Store;
let engine: RunningEngine;
let events: HistoryEvent[];
let closeLogs: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-queue-"));
  events = [];
  await open();
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

async function open(makeId = newId, clock = systemClock): Promise<void> {
  store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  closeLogs = () => logs.close();
  engine = new RunningEngine({
    store,
    logs,
    keys: createKeys({ current }),
    runners: [createFakeRunner()],
    maxTasks: 4,
    groupMembers: () => [],
    newId: makeId,
    clock,
    mflowUrl: () => "http://127.0.0.1",
    log: { warn: () => undefined },
  });
  engine.subscribe((event) => events.push(event));
  await engine.start();
}

async function close(): Promise<void> {
  await engine.stop();
  await closeLogs();
  await store.close();
}

/** The engine is gone, and what it knew; another one takes up the rows. */
async function restart(): Promise<void> {
  await close();
  await open();
}

/** Work that goes on until somebody says its stage; the FAKE runner forgets it with its server. */
const LONG = { runnerSpec: { duration: "1h" } };
const WORK = { name: "work", job: "work" };

/** A pipeline whose tasks run until somebody says their stage. */
function documents(name: string, spec: Partial<PipelineSpec> = {}, job: Partial<JobSpec> = {}) {
  const work: JobManifest = {
    kind: "Job",
    metadata: { name: "work" },
    spec: { runnerType: "FAKE", runnerSpec: {}, manualUpdateStatus: true, ...job },
  };
  const pipeline: PipelineManifest = {
    kind: "Pipeline",
    metadata: { name },
    spec: { stages: [{ name: "main", tasks: [WORK] }], ...spec },
  };
  return [work, pipeline];
}

async function run(
  name: string,
  request: Partial<RunPipelineRequest> = {},
  spec: Partial<PipelineSpec> = {},
  job: Partial<JobSpec> = {},
): Promise<string> {
  const asked = { pipelineId: name, documents: documents(name, spec, job), ...request };
  return (await engine.runPipeline({ request: asked, scope, actor })).run.id;
}

async function stageOf(runId: string): Promise<string | undefined> {
  return (await store.runs.run(runId))?.status.stage;
}

async function stagesOf(...runIds: string[]): Promise<(string | undefined)[]> {
  await engine.settled();
  return Promise.all(runIds.map(stageOf));
}

async function taskOf(runId: string, name = "work") {
  const task = (await store.runs.tasksOfRun(runId)).find((each) => each.name === name);
  if (!task) throw new Error(`${runId} has no task ${name}`);
  return task;
}

async function succeed(runId: string, name?: string): Promise<void> {
  await expect.poll(async () => (await taskOf(runId, name)).status.stage).toMatch(/CREATING|ACTIVE/);
  await engine.updateStatus((await taskOf(runId, name)).id, { stage: "SUCCEEDED" }, actor);
  await engine.settled();
}

async function waitOf(runId: string): Promise<string | undefined> {
  const found = await store.runs.run(runId);
  return found && engine.runWaitsFor(found);
}

test("runs wait in line in their order, by priority first, and a restart keeps it", async () => {
  const first = await run("p");
  const queued = { queue: true };
  const [a, b] = [await run("p", queued), await run("p", queued)];
  const urgent = await run("p", { ...queued, priority: 5 });
  expect(await stagesOf(first, a, b, urgent)).toEqual(["ACTIVE", "PENDING", "PENDING", "PENDING"]);
  const line = `waits for the sequence lock of pipeline \`p\`, held by ${first}`;
  const lines = async () => Promise.all([urgent, a, b].map(waitOf));
  const expected = [
    `${line}, 0 before it in line`,
    `${line}, 1 before it in line`,
    `${line}, 2 before it in line`,
  ];
  expect(await lines()).toEqual(expected);
  await restart();
  expect(await lines()).toEqual(expected);
  expect(engine.waitOf(b)).toMatchObject({
    kind: "SEQUENCE_LOCK",
    key: "sequence/default/default/p",
    limit: 1,
    holders: [first],
    place: 2,
  });
  await succeed(first);
  expect(await stagesOf(urgent, a, b)).toEqual(["ACTIVE", "PENDING", "PENDING"]);
  await succeed(urgent);
  await restart();
  await succeed(a);
  expect(await stagesOf(first, urgent, a, b)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "ACTIVE"]);
  const begun = events.filter(({ type, stage }) => type === "RUN_STAGE" && stage === "ACTIVE");
  expect(begun.map(({ pipelineTaskId }) => pipelineTaskId)).toEqual([first, urgent, a, b]);
});

test("a run that is refused names the one that is before it, also while all that there is waits", async () => {
  await engine.pause({ ...scope, pipeline: "p" }, { message: "no releases today" }, actor);
  const waiting = await run("p");
  expect(await stagesOf(waiting)).toEqual(["PENDING"]);
  await expect(run("p")).rejects.toMatchObject({
    code: "PIPELINE_IS_RUNNING",
    message: expect.stringContaining(`is running as ${waiting}`),
  });
});

test("very many runs in line keep their places over a restart, and are canceled together", async () => {
  const first = await run("p");
  const spec = { queue: { maxLength: 1000 } };
  const ids = await Promise.all(Array.from({ length: 300 }, () => run("p", {}, spec)));
  await restart();
  expect(engine.waitOf(ids[299] as string)?.place).toBe(299);
  const canceled = await engine.cancelQueue(scope, "p", { message: "not today" }, actor);
  expect(canceled.map(({ id }) => id)).toEqual(ids);
  expect(await stagesOf(first, ids[0] as string, ids[299] as string)).toEqual([
    "ACTIVE",
    "CANCELED",
    "CANCELED",
  ]);
  expect(await store.runs.pending()).toEqual([]);
});

test("a pipeline has as many runs, and tasks, under way as it says", async () => {
  const spec = { isParallel: true, maxRuns: 2 };
  const ids = [await run("p", {}, spec), await run("p", {}, spec), await run("p", {}, spec)];
  expect(await stagesOf(...ids)).toEqual(["ACTIVE", "ACTIVE", "PENDING"]);
  expect(await waitOf(ids[2] as string)).toBe(
    `waits: at most 2 runs of pipeline \`p\` at once, held by ${ids[0]}, ${ids[1]}, 0 before it in line`,
  );
  await succeed(ids[1] as string);
  expect(await stagesOf(...ids)).toEqual(["ACTIVE", "SUCCEEDED", "ACTIVE"]);

  const tasks = { isParallel: true, maxTasks: 1 };
  const [one, two] = [await run("q", {}, tasks, LONG), await run("q", {}, tasks, LONG)];
  expect(await stagesOf(one, two)).toEqual(["ACTIVE", "ACTIVE"]);
  expect((await taskOf(two)).status.stage).toBe("SCHEDULING");
  expect(engine.waitingFor(await taskOf(two))).toBe(
    "waits: at most 1 task of pipeline `q` at once; 0 before it in line",
  );
  await succeed(one);
  await succeed(two);
});

test("a job has as many tasks under way as it says, in whatever pipeline", async () => {
  const job = { ...LONG, maxTasks: 1 };
  const [one, two] = [await run("p", {}, {}, job), await run("q", {}, {}, job)];
  await engine.settled();
  expect(engine.waitingFor(await taskOf(two))).toBe(
    "waits: at most 1 task of job `work` at once; 0 before it in line",
  );
  await succeed(one);
  await succeed(two);
});

test("limits of admins hold at once, and over restarts", async () => {
  const limit = {
    name: "scope/default/default",
    createdBy: "ana",
    createdAt: "",
    updatedAt: "",
    revision: 1,
  };
  await store.limits.put({ ...limit, spec: { maxTasks: 1 } }, 0);
  await restart();
  const [one, two] = [await run("p", {}, {}, LONG), await run("q", {}, {}, LONG)];
  await engine.settled();
  const sentence =
    "waits: at most 1 task of namespace `default.default` at once, by the limit of an admin; 0 before it in line";
  expect(engine.waitingFor(await taskOf(two))).toBe(sentence);
  engine.setLimit("scope/default/default", undefined);
  await succeed(two);
  engine.setLimit("runner/FAKE", 1);
  const three = await run("r", {}, {}, LONG);
  await engine.settled();
  expect(engine.waitingFor(await taskOf(three))).toBe(
    "waits: at most 1 task of runner type `FAKE` at once, by the limit of an admin; 0 before it in line",
  );
  await succeed(one);
  await succeed(three);
});

test("a group is held by one run at a time, of whatever pipeline, and by one task until its confirm is decided", async () => {
  const concurrency = { group: "${ENV}" };
  const prod = { runParams: { ENV: "prod" } };
  const [one, two, other] = [
    await run("p", prod, { concurrency }),
    await run("q", prod, { concurrency }),
    await run("r", { runParams: { ENV: "test" } }, { concurrency }),
  ];
  expect(await stagesOf(one, two, other)).toEqual(["ACTIVE", "PENDING", "ACTIVE"]);
  expect(await waitOf(two)).toBe(
    `waits for its turn in the concurrency group \`prod\`, held by ${one}, 0 before it in line`,
  );
  const stages = [{ name: "main", tasks: [{ ...WORK, concurrency: { group: "test" } }] }];
  const tasked = await run("t", {}, { stages });
  expect((await taskOf(tasked)).status.stage).toBe("SCHEDULING");
  await succeed(other);
  await succeed(tasked);
  await succeed(one);
  expect(await stagesOf(two)).toEqual(["ACTIVE"]);

  const confirm = { checkers: ["ann"] };
  const held = [{ name: "main", tasks: [{ ...WORK, confirm, concurrency: { group: "site" } }] }];
  const [first, second] = [await run("u", {}, { stages: held }), await run("v", {}, { stages: held })];
  await succeed(first);
  expect((await taskOf(first)).status).toMatchObject({ stage: "ACTIVE", reported: { stage: "SUCCEEDED" } });
  expect((await taskOf(second)).status.stage).toBe("SCHEDULING");
  await engine.confirm((await taskOf(first)).id, { verdict: "PASS" }, { name: "ann", operator: false });
  await succeed(second);
});

test("a newer run of a group cancels the older ones, running and waiting, and then begins", async () => {
  const spec = { concurrency: { group: "deploy", cancelInProgress: true } };
  const first = await run("p", {}, spec);
  await engine.pauseRun(first, {}, actor);
  const [second, third] = [await run("p", {}, spec), await run("p", {}, spec)];
  await expect.poll(() => stagesOf(first, second, third)).toEqual(["CANCELED", "CANCELED", "ACTIVE"]);
  expect((await store.runs.run(first))?.status.message).toMatch(
    new RegExp(`^gives way to (${second}|${third}), which is newer in the concurrency group \`deploy\`$`),
  );
  await succeed(third);
});

const frozen = { ...systemClock, now: () => Date.UTC(2026, 0, 1) };

test.each([
  ["", systemClock],
  [" and both came in one millisecond", frozen],
])("of a group the run gives way that came earlier, also when its id was made later%s", async (_, clock) => {
  await close();
  const ids = ["run-01m8qjkmgz0000000000000002", "run-01m8qjkmgz0000000000000001"];
  await open((prefix) => (prefix === "run" && ids.shift()) || newId(prefix), clock);
  const spec = { isParallel: true, concurrency: { group: "preview", cancelInProgress: true } };
  const first = await run("p", {}, spec);
  await expect.poll(async () => (await taskOf(first)).status.stage).toBe("CREATING");
  const second = await run("p", {}, spec);
  await expect.poll(() => stagesOf(first, second)).toEqual(["CANCELED", "ACTIVE"]);
});

test("a newer task of a group cancels those of older runs", async () => {
  const tasks = [{ ...WORK, concurrency: { group: "site", cancelInProgress: true } }];
  const spec = { stages: [{ name: "main", tasks }] };
  const [older, newer] = [await run("p", {}, spec), await run("q", {}, spec)];
  await expect.poll(() => stagesOf(older)).toEqual(["CANCELED"]);
  await succeed(newer);
  expect(await stagesOf(newer)).toEqual(["SUCCEEDED"]);
});

test("while the server is drained new runs and tasks wait, what runs ends, and all goes on in order after", async () => {
  const stages = [{ name: "main", tasks: [WORK, { ...WORK, name: "next" }] }];
  const running = await run("p", {}, { stages });
  await engine.pause("server", { message: "upgrade at noon" }, actor);
  const waiting = await run("q");
  await succeed(running);
  expect(await stagesOf(running, waiting)).toEqual(["ACTIVE", "PENDING"]);
  await restart();
  const pause = engine.pauseOf("server");
  expect(pause).toEqual({ key: "server", by: "ana", at: expect.any(String), message: "upgrade at noon" });
  const sentence = `waits: the server is drained by ana since ${pause?.at}: upgrade at noon`;
  expect([await waitOf(waiting), engine.waitingFor(await taskOf(running, "next"))]).toEqual([
    sentence,
    sentence,
  ]);
  expect(await engine.resume("server", actor)).toBe(true);
  expect(await engine.resume("server", actor)).toBe(false);
  await succeed(running, "next");
  await succeed(waiting);
  expect(await stagesOf(running, waiting)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  const told = events.filter(({ type }) => type.startsWith("SERVER_"));
  expect(told.map(({ type, actor: by, message }) => [type, by, message])).toEqual([
    ["SERVER_PAUSED", "ana", "upgrade at noon"],
    ["SERVER_RESUMED", "ana", undefined],
  ]);
});

test("what several people pause and resume at the same moment is done in their order, and told once", async () => {
  const pause = () => engine.pause("server", {}, actor);
  const resume = () => engine.resume("server", actor);
  const [, first, second, again] = await Promise.all([pause(), resume(), resume(), pause(), pause()]);
  expect([first, second, engine.pauseOf("server")]).toEqual([true, false, again]);
  expect(events.map(({ type }) => type)).toEqual(["SERVER_PAUSED", "SERVER_RESUMED", "SERVER_PAUSED"]);
  await restart();
  expect(engine.pauseOf("server")).toEqual(again);
});

test("a paused run waits, also over a restart, and one in line lets those behind it pass", async () => {
  const stages = [{ name: "main", tasks: [WORK, { ...WORK, name: "next" }] }];
  const first = await run("p", {}, { stages });
  const [second, third] = [await run("p", { queue: true }), await run("p", { queue: true })];
  await engine.pauseRun(first, {}, actor);
  await engine.pauseRun(second, { message: "later" }, actor);
  await succeed(first);
  await restart();
  const paused = (await store.runs.run(first))?.status.paused;
  expect(engine.waitingFor(await taskOf(first, "next"))).toBe(
    `waits: the run is paused by ana since ${paused?.at}`,
  );
  expect(await waitOf(first)).toBe(`is paused by ana since ${paused?.at}`);
  await engine.resumeRun(first, actor);
  await succeed(first, "next");
  expect(await stagesOf(second, third)).toEqual(["PENDING", "ACTIVE"]);
  await engine.resumeRun(second, actor);
  await succeed(third);
  expect(await stagesOf(second)).toEqual(["ACTIVE"]);
});

test("a run that let its lock go waits for it again before it goes on, also over a restart", async () => {
  const audit = { auditors: ["ann"] };
  const stages = [{ name: "main", tasks: [WORK, { ...WORK, name: "next", audit }] }];
  const first = await run("p", {}, { stages, holdLock: false });
  await succeed(first);
  const second = await run("p");
  const third = await run("p", { queue: true });
  expect(await stagesOf(first, second, third)).toEqual(["ACTIVE", "ACTIVE", "PENDING"]);
  await engine.audit((await taskOf(first, "next")).id, { verdict: "PASS" }, { name: "ann", operator: false });
  await restart();
  expect(engine.waitingFor(await taskOf(first, "next"))).toBe(
    "waits until its run has the sequence lock again",
  );
  expect(await waitOf(first)).toBe(
    `waits for the sequence lock of pipeline \`p\`, held by ${second}, 0 before it in line`,
  );
  await succeed(second);
  await succeed(first, "next");
  expect(await stagesOf(first, third)).toEqual(["SUCCEEDED", "ACTIVE"]);
});

test("a run that ends in the moment in which it begins lets its lock go", async () => {
  const stages = [{ name: "main", tasks: [{ ...WORK, when: "1 > 2" }] }];
  const [first, second] = [await run("p", {}, { stages }), await run("p", {}, { stages })];
  expect(await stagesOf(first, second, await run("p"))).toEqual(["SUCCEEDED", "SUCCEEDED", "ACTIVE"]);
});

test("a run that is canceled in the moment in which it has its lock back lets it go again", async () => {
  const audit = { auditors: ["ann"] };
  const stages = [{ name: "main", tasks: [WORK, { ...WORK, name: "next", audit }] }];
  const first = await run("p", {}, { stages, holdLock: false });
  await succeed(first);
  const second = await run("p");
  await engine.audit((await taskOf(first, "next")).id, { verdict: "PASS" }, { name: "ann", operator: false });
  const canceled = Promise.withResolvers<void>();
  engine.subscribe(({ type, stage, pipelineTaskId }) => {
    if (type !== "RUN_STAGE" || stage !== "SUCCEEDED" || pipelineTaskId !== second) return;
    // Its turn has come by this very commit: both are in the next one.
    queueMicrotask(() => engine.cancelRun(first, {}, actor).then(() => canceled.resolve(), canceled.reject));
  });
  await succeed(second);
  await canceled.promise;
  expect(events.filter(({ type }) => type === "RUN_LOCK_TAKEN")).toHaveLength(1);
  expect(await stagesOf(first, second, await run("p"))).toEqual(["CANCELED", "SUCCEEDED", "ACTIVE"]);
});
