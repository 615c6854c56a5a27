// The engine on a real store and the FAKE runner, where the store or the moment is against it.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobManifest } from "@mflow/core/schema/job";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { RetryableStartError, type Runner } from "../runners/runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import {
  aDefinition,
  aJob,
  aNewRun,
  aNewTask,
  anEffect,
  aRun,
  aTask,
  LEASE,
} from "../store/testing/records.ts";
import { type Clock, systemClock } from "./clock.ts";
import { RunningEngine } from "./engine.ts";
import type { EngineOptions } from "./options.ts";

const scope = { domain: "default", namespace: "default" };
const actor = { name: "ana", operator: true };

let folder: string;
let store: Store;
let closeLogs: () => Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-engine-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
});
afterEach(async () => {
  await closeLogs();
  await store.close();
  await rm(folder, { recursive: true });
});

async function startEngine(
  clock: Clock = systemClock,
  runner = createFakeRunner(),
  more: Partial<EngineOptions> = {},
): Promise<RunningEngine> {
  const logs = await openFileLogStore(join(folder, "logs"));
  closeLogs = () => logs.close();
  const engine = new RunningEngine({
    store,
    logs,
    keys: createKeys({ current: randomBytes(32) }),
    runners: [runner],
    maxTasks: 4,
    groupMembers: () => [],
    newId,
    mflowUrl: () => "http://127.0.0.1",
    log: { warn: () => undefined },
    clock,
    ...more,
  });
  await engine.start();
  return engine;
}

function runAlone(engine: RunningEngine, spec: Partial<JobManifest["spec"]>) {
  const job: JobManifest = {
    kind: "Job",
    metadata: { name: "work" },
    spec: { runnerType: "FAKE", runnerSpec: {}, ...spec },
  };
  return engine.runJob({ request: { documents: [job] }, scope, actor });
}

/** Resolves with the first event that is wanted, once `then` was called within its commit. */
function onEvent(engine: RunningEngine, isIt: (event: HistoryEvent) => boolean, then: () => void) {
  return new Promise<void>((resolve) => {
    const unsubscribe = engine.subscribe((event) => {
      if (!isIt(event)) return;
      unsubscribe();
      then();
      resolve();
    });
  });
}

/** A FAKE runner with some of it replaced; the rest goes on as it is. */
function withReplaced(replaced: Partial<Runner>): Runner {
  const runner = createFakeRunner();
  return {
    type: runner.type,
    open: (host) => runner.open(host),
    start: (request) => runner.start(request),
    stop: (ref, options) => runner.stop(ref, options),
    list: () => runner.list(),
    release: (aggregateId) => runner.release(aggregateId),
    close: () => runner.close(),
    ...replaced,
  };
}

/** A clock on which a stop waits for nothing. */
const hastyClock: Clock = {
  now: systemClock.now,
  setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms === 2_000 ? 0 : ms),
};

/** A clock of real time that knows how many timers are set. */
function countingClock(): Clock & { readonly set: number } {
  const timers = new Set<object>();
  return {
    now: systemClock.now,
    setTimeout(callback, ms) {
      const timer = {};
      timers.add(timer);
      const cancel = systemClock.setTimeout(() => {
        timers.delete(timer);
        callback();
      }, ms);
      return () => {
        timers.delete(timer);
        cancel();
      };
    },
    get set() {
      return timers.size;
    },
  };
}

test("a start carries out all effects that an earlier life left, however many", async () => {
  const run = aRun(1, { stage: "SUCCEEDED" });
  const effects = Array.from({ length: 1200 }, (_, n) => anEffect(n, run.id, { kind: "RELEASE" }));
  await store.runs.commit([aNewRun(run, [], { effects })], LEASE);
  const engine = await startEngine();
  await engine.settled();
  expect(await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  await engine.stop();
});

test("the engine stops while another program locks the database", async () => {
  const engine = await startEngine();
  const other = new DatabaseSync(join(folder, "mflow.db"));
  const locked = onEvent(
    engine,
    ({ type, stage }) => type === "TASK_STAGE" && stage === "SUCCEEDED",
    () => other.exec("BEGIN IMMEDIATE"),
  );
  const { task } = await runAlone(engine, {});
  await locked;
  await engine.stop();
  other.close();
  const left = await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10);
  expect(left.map(({ kind, taskId }) => [kind, taskId])).toEqual([["RELEASE", task.id]]);
});

test("a stopped engine leaves no timer behind, though work went on while it stopped", async () => {
  const clock = countingClock();
  const engine = await startEngine(clock);
  let stopping: Promise<void> | undefined;
  const begun = onEvent(
    engine,
    ({ type, stage }) => type === "TASK_STAGE" && stage === "CREATING",
    () => {
      stopping = engine.stop();
    },
  );
  const { task } = await runAlone(engine, { runnerSpec: { outcome: "NONE" }, timeout: "1h" });
  await begun;
  await stopping;
  expect((await store.runs.task(task.id))?.status.stage).toBe("ACTIVE");
  expect(clock.set).toBe(0);
});

test("a run whose rows the database refuses does not fail those that are committed with it", async () => {
  const engine = await startEngine();
  const other = new DatabaseSync(join(folder, "mflow.db"));
  other.exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON tasks WHEN NEW.name = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  other.close();
  const run = (name: string) => {
    const job: JobManifest = {
      kind: "Job",
      metadata: { name },
      spec: { runnerType: "FAKE", runnerSpec: {} },
    };
    return engine.runJob({ request: { documents: [job] }, scope, actor });
  };
  const outcomes = await Promise.allSettled([run("good"), run("bad"), run("fine")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await engine.stop();
});

test.each([
  ["may help", () => new RetryableStartError("the runner is closed")],
  ["says nothing of the attempt", () => new Error("aborted")],
])(
  "a start that ends only when the runner is closed does not keep the engine from stopping, and another try %s",
  async (_, ended) => {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const runner = withReplaced({
      async start() {
        begun.resolve();
        await closed.promise;
        throw ended();
      },
      close: async () => closed.resolve(),
    });
    const engine = await startEngine(hastyClock, runner);
    const { task } = await runAlone(engine, {});
    await begun.promise;
    await engine.stop();
    expect((await store.runs.task(task.id))?.status.stage).toBe("CREATING");
    const left = await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10);
    expect(left.map(({ kind, taskId }) => [kind, taskId])).toEqual([["START", task.id]]);
  },
);

test("a stop that ends only when the runner is closed does not keep the engine from stopping", async () => {
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const runner = withReplaced({
    start: async () => ({ state: "STARTED" }),
    async stop() {
      begun.resolve();
      await closed.promise;
      throw new Error("the runner is closed");
    },
    close: async () => closed.resolve(),
  });
  const engine = await startEngine(hastyClock, runner);
  const { task } = await runAlone(engine, {});
  await engine.settled();
  await engine.cancelTask(task.id, {}, actor);
  await begun.promise;
  await engine.stop();
  const left = await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10);
  expect(left.map(({ kind, taskId }) => [kind, taskId])).toEqual([["STOP", task.id]]);
});

test("what keeps a runner from starting or stopping a task is why it waits, until it went well", async () => {
  let isAway = true;
  const runner = withReplaced({
    async start() {
      if (isAway) throw new RetryableStartError("nobody is there");
      return { state: "STARTED" };
    },
    async stop() {
      if (isAway) throw new Error("nobody is there");
      return "GONE";
    },
  });
  const engine = await startEngine(systemClock, runner);
  const { task } = await runAlone(engine, {});
  const why = async () =>
    (await engine.why(task.id)).causes.map(({ kind, sentence }) => `${kind} ${sentence}`);
  await expect.poll(why).toEqual(["CREATING cannot be started yet: nobody is there; it is tried again"]);
  isAway = false;
  await expect.poll(why).toEqual(["CREATING is being created"]);
  isAway = true;
  await engine.cancelTask(task.id, {}, actor);
  const stopping = "waits for its work to stop, which went wrong and is tried again: nobody is there";
  await expect
    .poll(why)
    .toEqual([expect.stringMatching(new RegExp(`^STOPPING was canceled by .*; ${stopping}$`))]);
  isAway = false;
  await expect.poll(why).toEqual([]);
  await engine.stop();
});

test("a start is tried again in time also when timers ring early, as they may", async () => {
  const early: Clock = {
    now: systemClock.now,
    setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms > 100 ? ms - 50 : ms),
  };
  let tries = 0;
  const runner = withReplaced({
    async start() {
      if (++tries === 1) throw new RetryableStartError("nobody is there");
      return { state: "STARTED" };
    },
  });
  const engine = await startEngine(early, runner);
  await runAlone(engine, {});
  await expect.poll(() => tries).toBe(2);
  await engine.stop();
});

test("what waits for another effect of its task is not begun once the runners are closed", async () => {
  const closed = Promise.withResolvers<void>();
  const called: string[] = [];
  const runner = withReplaced({
    async start() {
      called.push("start");
      await closed.promise;
      throw new RetryableStartError("the runner is closed");
    },
    async stop() {
      called.push("stop");
      return "GONE";
    },
    close: async () => closed.resolve(),
  });
  const engine = await startEngine(hastyClock, runner);
  const { task } = await runAlone(engine, {});
  await expect.poll(() => called).toEqual(["start"]);
  await engine.cancelTask(task.id, {}, actor);
  await engine.stop();
  expect(called).toEqual(["start"]);
  const left = await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10);
  expect(left.map(({ kind }) => kind).sort()).toEqual(["START", "STOP"]);
});

test("is busy until what follows a run is started, also after a restart, and says so when it is", async () => {
  let isAway = true;
  const rightsOf = () => {
    if (isAway) throw new MflowError("STORE_BUSY", "the database is locked");
    return "RUNS" as const;
  };
  const keys = createKeys({ current: randomBytes(32) });
  const open = () => startEngine(systemClock, createFakeRunner(), { keys, rightsOf });
  const pipeline = (name: string, more: object = {}) => ({
    ...{ kind: "Pipeline" as const, metadata: { name } },
    spec: { ...more, stages: [{ name: "main", tasks: [{ name: "work", job: "work" }] }] },
  });
  const documents = [
    {
      ...{ kind: "Job" as const, metadata: { name: "work" } },
      spec: { runnerType: "FAKE" as const, runnerSpec: {} },
    },
    pipeline("first", { nextPipeline: { pipeline: "second" } }),
    pipeline("second"),
  ];
  let engine = await open();
  const request = { pipelineId: "first", documents };
  const { run } = await engine.runPipeline({ request, scope, actor });
  const next = async () => (await store.runs.run(run.id))?.status.next;
  await expect.poll(next).toEqual({ pipeline: "second" });
  await engine.settled();
  expect([engine.counts.unfinished, engine.busy()]).toEqual([0, true]);
  await engine.stop();
  await closeLogs();
  engine = await open();
  await engine.settled();
  expect([engine.counts.unfinished, engine.busy()]).toEqual([0, true]);
  isAway = false;
  const isIdle = Promise.withResolvers<void>();
  engine.subscribe(() => !engine.busy() && isIdle.resolve());
  await isIdle.promise;
  expect(await next()).toEqual({ pipeline: "second", runId: expect.any(String) });
  const { items } = await store.runs.listRuns({ limit: 10 });
  expect(items.map(({ name, status }) => [name, status.stage])).toEqual([
    ["second", "SUCCEEDED"],
    ["first", "SUCCEEDED"],
  ]);
  await engine.stop();
});

test("of a deleted task the runner keeps nothing, and what it cannot let go keeps the task", async () => {
  const discarded: string[] = [];
  let isFull = true;
  const runner = withReplaced({
    async discard(taskId) {
      if (isFull) throw new Error("no space");
      discarded.push(taskId);
    },
  });
  const engine = await startEngine(systemClock, runner);
  const { task } = await runAlone(engine, {});
  await expect.poll(async () => (await store.runs.task(task.id))?.status.stage).toBe("SUCCEEDED");
  await expect(engine.remove(task.id, actor)).rejects.toThrow("no space");
  expect((await store.runs.task(task.id))?.id).toBe(task.id);
  isFull = false;
  await engine.remove(task.id, actor);
  expect(discarded).toEqual([task.id]);
  expect(await store.runs.task(task.id)).toBeUndefined();
  await engine.stop();
});

test("a task is not run again while it is being deleted", async () => {
  const runner = withReplaced({ discard: async () => again() });
  const engine = await startEngine(systemClock, runner);
  const refusals: unknown[] = [];
  const { task } = await runAlone(engine, {});
  const again = async () => {
    await engine
      .runJob({ request: { id: task.id }, scope, actor })
      .catch((error: Error) => refusals.push(error.message));
  };
  await expect.poll(async () => (await store.runs.task(task.id))?.status.stage).toBe("SUCCEEDED");
  await engine.remove(task.id, actor);
  expect(refusals).toEqual([`task ${task.id} is just being deleted`]);
  expect(await store.runs.task(task.id)).toBeUndefined();
  expect([engine.counts, engine.busy()]).toEqual([{ unfinished: 0, slotsHeld: 0, slotsWaiting: 0 }, false]);
  await engine.stop();
});

test("what a lone task is to let go after a crash stays, when it has been run again and works already", async () => {
  const task = aTask(1, { stage: "ACTIVE", attempt: 2, runnerType: "FAKE" });
  const effects = [anEffect(1, task.id, { kind: "RELEASE", taskId: task.id, attempt: 0 })];
  const job = { ...aJob(1), spec: { runnerType: "FAKE" as const, runnerSpec: {} } };
  const definition = { ...aDefinition(), jobs: { [job.id]: job } };
  await store.runs.commit([aNewTask(task, { definition, effects })], LEASE);
  const released: string[] = [];
  const runner = withReplaced({
    list: async () => [{ taskId: task.id, attempt: 2 }],
    release: async (aggregateId) => void released.push(aggregateId),
  });
  const engine = await startEngine(systemClock, runner);
  await engine.settled();
  expect(released).toEqual([]);
  expect(await store.outbox.claim(LEASE, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
  await engine.stop();
});

test("a dry run shows what the runner would make, sensitive values masked whatever they became", async () => {
  const runner = withReplaced({ tryOut: async ({ spec }) => ({ kind: "Job", spec }) });
  const engine = await startEngine(systemClock, runner);
  const job: JobManifest = {
    kind: "Job",
    metadata: { name: "work" },
    spec: {
      runnerType: "FAKE",
      runnerSpec: { log: ["the ${KEY} it is"], exitCode: "${N}", on: true },
      runParams: [
        { name: "KEY", usageType: "TEMPLATE", sensitive: true, value: "k3y-value" },
        { name: "N", usageType: "TEMPLATE", valueType: "NUMBER", sensitive: true, value: 42 },
      ],
    },
  };
  const { rendered } = await engine.runJob({
    request: { documents: [job], dryRun: true },
    scope,
    actor,
  });
  expect(rendered?.made).toEqual({
    kind: "Job",
    spec: { log: ["the *** it is"], exitCode: "***", on: true },
  });
  await engine.stop();
});

test("a task that waits for a slot says who holds them, and what a runner says of an attempt is told too", async () => {
  const sentence = "waits for one of 2 places in the cluster; 0 before it in line";
  // It takes the work, and nothing of it is there yet.
  const runner = withReplaced({ start: async () => ({ state: "STARTED" }), waitingFor: () => sentence });
  const engine = await startEngine(systemClock, runner);
  const started = [];
  for (let index = 0; index < 6; index++) {
    started.push(await runAlone(engine, { runnerType: "FAKE", runnerSpec: { outcome: "NONE" } }));
  }
  await engine.settled();
  const ids = started.map(({ task }) => task.id);
  const last = ids.at(-1) ?? "";
  const first = ids[0] ?? "";
  expect(await engine.why(first)).toEqual({
    id: first,
    name: "work",
    stage: "CREATING",
    causes: [{ kind: "CREATING", sentence, message: sentence }],
  });
  expect(await engine.why(last)).toEqual({
    id: last,
    name: "work",
    stage: "SCHEDULING",
    causes: [
      {
        kind: "IN_LINE",
        sentence: "waits for one of 4 task slots; 1 before it in line",
        key: "slots",
        limit: 4,
        held: 4,
        holders: ids.slice(0, 4),
        place: 1,
        since: expect.stringMatching(/Z$/),
      },
    ],
  });
  await expect(engine.why("task-x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  await engine.stop();
});
