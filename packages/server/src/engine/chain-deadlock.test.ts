// Runs that others wait for, in line: what would wait for ever is refused, and what waits for a while goes on.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineManifest, PipelineSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { createManualRunner } from "../runners/manual/manual-runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { RunningEngine } from "./engine.ts";

const scope = { domain: "default", namespace: "default" };
const actor = { name: "ana", operator: true };
const current = randomBytes(32);

let folder: string;
let store: Store;
let engine: RunningEngine;
let closeLogs: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-chain-"));
  await open();
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true });
});

async function open(): Promise<void> {
  store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  closeLogs = () => logs.close();
  engine = new RunningEngine({
    ...{ store, logs, newId, maxTasks: 1 },
    keys: createKeys({ current }),
    runners: [createFakeRunner(), createManualRunner()],
    groupMembers: () => [],
    mflowUrl: () => "http://127.0.0.1",
    log: { warn: () => undefined },
  });
  await engine.start();
}

async function close(): Promise<void> {
  await engine.stop();
  await closeLogs();
  await store.close();
}

const job = (name: string, spec: Partial<JobManifest["spec"]>): JobManifest => ({
  kind: "Job",
  metadata: { name },
  spec: { runnerType: "FAKE", runnerSpec: {}, ...spec },
});

const pipeline = (
  name: string,
  task: Partial<TaskSpec>,
  spec: Partial<PipelineSpec> = {},
): PipelineManifest => ({
  kind: "Pipeline",
  metadata: { name },
  spec: { isParallel: true, stages: [{ name: "s", tasks: [{ name: "t", job: "noop", ...task }] }], ...spec },
});

/** `whole` runs `child` as a task. */
function documents(
  whole: { task?: Partial<TaskSpec>; spec?: Partial<PipelineSpec> },
  child: { task?: Partial<TaskSpec>; spec?: Partial<PipelineSpec>; queue?: boolean },
) {
  const { queue = false } = child;
  return [
    job("noop", {}),
    job("wait", { runnerType: "MANUAL" }),
    job("call", { runnerType: "PIPELINE", runnerSpec: { pipeline: "child", queue } }),
    pipeline("whole", { job: "call", ...whole.task }, whole.spec),
    pipeline("child", child.task ?? {}, child.spec),
  ];
}

async function run(pipelineId: string, given: ReturnType<typeof documents>): Promise<string> {
  const { run: made } = await engine.runPipeline({ request: { pipelineId, documents: given }, scope, actor });
  return made.id;
}

async function once(id: string, isIt: (run: PipelineTask) => boolean): Promise<PipelineTask> {
  const look = async () => {
    const found = await store.runs.run(id);
    return found !== undefined && isIt(found);
  };
  await expect.poll(look, { timeout: 10_000 }).toBe(true);
  return (await store.runs.run(id)) as PipelineTask;
}

async function taskOf(id: string) {
  const [task] = await store.runs.tasksOfRun(id);
  if (!task) throw new Error(`${id} has no task`);
  return task;
}

const group = { group: "db" };
const hasEnded = ({ status }: PipelineTask) => ["SUCCEEDED", "FAILED", "CANCELED"].includes(status.stage);

test.each([
  [
    "run of pipeline `child`",
    { spec: { concurrency: group } },
    { spec: { concurrency: group }, queue: true },
  ],
  ["task `t` of pipeline `child`", { spec: { concurrency: group } }, { task: { concurrency: group } }],
  ["run of pipeline `child`", { task: { concurrency: group } }, { spec: { concurrency: group } }],
  ["task `t` of pipeline `child`", { task: { concurrency: group } }, { task: { concurrency: group } }],
  [
    "run of pipeline `child`",
    { spec: { concurrency: { ...group, limit: 2 } } },
    { spec: { concurrency: { ...group, limit: 2, cancelInProgress: true } } },
  ],
])("a %s that needs what is held above it is refused: %j, %j", async (who, whole, child) => {
  const id = await run("whole", documents(whole, child));
  await once(id, hasEnded);
  const { status, id: taskId } = await taskOf(id);
  const holder = "task" in whole ? taskId : id;
  expect(status).toEqual({
    stage: "FAILED",
    reason: "START_ERROR",
    message: `a ${who} needs a place in the concurrency group \`db\`, which ${holder} above it holds until it has ended: both would wait for ever`,
  });
});

test("a group with room for both keeps nobody waiting", async () => {
  const concurrency = { ...group, limit: 2 };
  const id = await run("whole", documents({ spec: { concurrency } }, { spec: { concurrency } }));
  expect((await once(id, hasEnded)).status.stage).toBe("SUCCEEDED");
});

test("a run waits in line when its task says so, and its task says for what", async () => {
  const given = documents({}, { spec: { isParallel: false }, task: { job: "wait" }, queue: true });
  const first = await run("child", given);
  const id = await run("whole", given);
  const child = async () => (await taskOf(id)).status.child?.runId ?? "";
  await once(id, () => true);
  await expect.poll(async () => (await taskOf(id)).status.stage, { timeout: 10_000 }).toBe("ACTIVE");
  const childId = await child();
  const waiting = await once(childId, ({ status }) => status.stage === "PENDING");
  expect(engine.waitingFor(await taskOf(id))).toBe(
    `waits for run ${childId}, which waits for the sequence lock of pipeline \`child\`, held by ${first}, 0 before it in line`,
  );
  expect(waiting.parent?.runId).toBe(id);
  for (const each of [first, childId]) {
    await once(each, ({ status }) => status.stage === "ACTIVE");
    await expect.poll(async () => (await taskOf(each)).status.stage, { timeout: 10_000 }).toBe("ACTIVE");
    await engine.updateStatus((await taskOf(each)).id, { stage: "SUCCEEDED" }, actor);
  }
  expect((await once(id, hasEnded)).status.stage).toBe("SUCCEEDED");
});

const call = (pipelineId: string) =>
  ({ runnerType: "PIPELINE", runnerSpec: { pipeline: pipelineId, queue: true } }) as const;

/** Two tasks one after the other: the first waits for a status call. */
const waitThen = (then: Partial<TaskSpec>, more: Partial<PipelineSpec> = {}): Partial<PipelineSpec> => ({
  ...more,
  stages: [
    {
      name: "s",
      tasks: [
        { name: "t", job: "wait" },
        { name: "u", job: "noop", ...then },
      ],
    },
  ],
});

/** Starts both and ends what they wait for: one after the other, or at the very same moment. */
async function runBoth(given: ReturnType<typeof documents>, isAtOnce: boolean): Promise<[string, string]> {
  const ids: [string, string] = [await run("one", given), await run("two", given)];
  for (const id of ids) {
    await expect.poll(async () => (await taskOf(id)).status.stage, { timeout: 10_000 }).toBe("ACTIVE");
  }
  const end = async (id: string) => engine.updateStatus((await taskOf(id)).id, { stage: "SUCCEEDED" }, actor);
  if (isAtOnce) await Promise.all(ids.map(end));
  else {
    await end(ids[0]);
    const second = async () => (await store.runs.tasksOfRun(ids[0]))[1]?.status.stage;
    await expect.poll(second, { timeout: 10_000 }).not.toBe("PENDING");
    await end(ids[1]);
  }
  return ids;
}

/** Each pipeline holds the group that a task of the other one needs. */
function groupsCrosswise() {
  const inGroup = (own: string, other: string) =>
    waitThen({ concurrency: { group: other } }, { isParallel: true, concurrency: { group: own } });
  return [
    job("noop", {}),
    job("wait", { runnerType: "MANUAL" }),
    pipeline("one", {}, inGroup("a", "b")),
    pipeline("two", {}, inGroup("b", "a")),
  ];
}

describe.each([
  ["one after the other", false],
  ["at the very same moment", true],
])("two that would wait for each other for ever, %s", (_when, isAtOnce) => {
  test("are found when they call each other: the run that came last gives up, and the others go on", async () => {
    const sequence = { isParallel: false };
    const given = [
      job("wait", { runnerType: "MANUAL" }),
      job("call-one", call("one")),
      job("call-two", call("two")),
      pipeline("one", {}, waitThen({ job: "call-two" }, sequence)),
      pipeline("two", {}, waitThen({ job: "call-one" }, sequence)),
    ];
    const ids = await runBoth(given, isAtOnce);
    const secondOf = async (id: string) => (await store.runs.tasksOfRun(id))[1];
    await expect
      .poll(async () => (await Promise.all(ids.map(secondOf))).map((task) => task?.status.stage).sort(), {
        timeout: 10_000,
      })
      .toEqual(["ACTIVE", "FAILED"]);
    const tasks = await Promise.all(ids.map(secondOf));
    const at = tasks.findIndex((task) => task?.status.stage === "FAILED");
    const [loser, winner] = at === 0 ? ids : ([ids[1], ids[0]] as const);
    const [lost, won] = at === 0 ? tasks : [tasks[1], tasks[0]];
    const names = at === 0 ? ["two", "one"] : ["one", "two"];
    const refused = await once(lost?.status.child?.runId ?? "", hasEnded);
    const going = won?.status.child?.runId ?? "";
    const message = `waits for the sequence lock of pipeline \`${names[0]}\`, held by ${winner}, which waits for ${won?.id}, which waits for ${going}, which waits for the sequence lock of pipeline \`${names[1]}\`, held by ${loser}, which waits for ${lost?.id}, which waits for this: all would wait for ever`;
    expect(refused.status).toMatchObject({ stage: "FAILED", reason: "DEADLOCK", message });
    expect((await taskOf(refused.id)).status).toMatchObject({ stage: "SKIPPED", reason: "RUN_FAILED" });
    expect(lost?.status).toMatchObject({
      reason: "CHILD_FAILED",
      message: `run ${refused.id} of pipeline \`${names[0]}\` FAILED (DEADLOCK): ${message}`,
    });
    await once(loser, ({ status }) => status.stage === "FAILED");
    // The other one gets its turn then.
    await once(going, ({ status }) => status.stage === "ACTIVE");
  });

  test("are found when each holds the group that a task of the other needs", async () => {
    const ids = await runBoth(groupsCrosswise(), isAtOnce);
    const ended = await Promise.all(ids.map((id) => once(id, hasEnded)));
    expect(ended.map(({ status }) => status.stage)).toEqual(["SUCCEEDED", "FAILED"]);
    const [first, second] = await Promise.all(ids.map(async (id) => (await store.runs.tasksOfRun(id))[1]));
    expect(second?.status).toMatchObject({
      stage: "FAILED",
      reason: "DEADLOCK",
      message: `waits for the concurrency group \`a\`, held by ${ids[0]}, which waits for ${first?.id}, which waits for the concurrency group \`b\`, held by ${ids[1]}, which waits for this: all would wait for ever`,
    });
  });
});

test("those who wait for each other are found by the next life of a server, too", async () => {
  const ids = await runBoth(groupsCrosswise(), true);
  await close();
  const stages = async () => {
    const tasks = await Promise.all(ids.map((id) => store.runs.tasksOfRun(id)));
    return tasks.map(([, second]) => second?.status.stage);
  };
  store = await openSqliteStore(join(folder, "mflow.db"));
  expect(await stages()).toEqual(["SCHEDULING", "SCHEDULING"]);
  await store.close();
  await open();
  await expect.poll(stages, { timeout: 10_000 }).toEqual(["SUCCEEDED", "FAILED"]);
});

test("a task is canceled at once while its run waits in line", async () => {
  const given = documents({}, { spec: { isParallel: false }, task: { job: "wait" }, queue: true });
  const first = await run("child", given);
  const id = await run("whole", given);
  await expect.poll(async () => (await taskOf(id)).status.stage, { timeout: 10_000 }).toBe("ACTIVE");
  await engine.cancelRun(id, {}, actor);
  expect((await once(id, hasEnded)).status.stage).toBe("CANCELED");
  await once((await taskOf(id)).status.child?.runId ?? "", ({ status }) => status.stage === "CANCELED");
  await engine.cancelRun(first, {}, actor);
});

test("a task that cancels what is older in its group leaves the task that waits for its run alone", async () => {
  const concurrency = { group: "db", limit: 3 };
  const older = await run("child", documents({}, { task: { job: "wait", concurrency } }));
  const hasty = { task: { concurrency: { ...concurrency, cancelInProgress: true } } };
  const id = await run("whole", documents({ task: { concurrency } }, hasty));
  expect((await once(older, hasEnded)).status.stage).toBe("CANCELED");
  expect((await once(id, hasEnded)).status.stage).toBe("SUCCEEDED");
});
