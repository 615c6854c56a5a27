// The engine on a real store and the FAKE runner, where the store or the moment is against it.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobManifest } from "@mflow/core/schema/job";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { aNewRun, anEffect, aRun, LEASE } from "../store/testing/records.ts";
import { type Clock, systemClock } from "./clock.ts";
import { RunningEngine } from "./engine.ts";

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

async function startEngine(clock: Clock = systemClock): Promise<RunningEngine> {
  const logs = await openFileLogStore(join(folder, "logs"));
  closeLogs = () => logs.close();
  const engine = new RunningEngine({
    store,
    logs,
    keys: createKeys({ current: randomBytes(32) }),
    runners: [createFakeRunner()],
    maxTasks: 4,
    groupMembers: () => [],
    newId,
    mflowUrl: () => "http://127.0.0.1",
    log: { warn: () => undefined },
    clock,
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
