// An engine on a durable database in a folder of its own, with one runner: what the benchmarks within this process
// drive.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineSpec, StageSpec } from "@mflow/core/schema/pipeline";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { createKeys, type Keys } from "@mflow/server/auth/keys";
import { RunningEngine } from "@mflow/server/engine/engine";
import { type OpenListeners, openListeners } from "@mflow/server/listeners/open-listeners";
import { openFileLogStore } from "@mflow/server/logs/file-log-store";
import { newId } from "@mflow/server/new-id";
import { createFakeRunner } from "@mflow/server/runners/fake/fake-runner";
import type { Runner } from "@mflow/server/runners/runner";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import type { Store } from "@mflow/server/store/store";

/** The job that the tasks of the benchmarks run: it ends as soon as it is started. */
export const noop: JobManifest = {
  kind: "Job",
  metadata: { name: "noop" },
  spec: { runnerType: "FAKE", runnerSpec: {} },
};

/** A stage of tasks of the job `noop`. */
export function noopStage(tasks: number, isParallel = false): StageSpec {
  return {
    name: "work",
    isParallel,
    tasks: Array.from({ length: tasks }, (_, index) => ({ name: `t${index}`, job: "noop" })),
  };
}

export interface RigOptions {
  maxTasks: number;
  /** The job named `noop`; that of the FAKE runner when it is left out. */
  job?: JobManifest;
  /** The runner of that job. */
  runner?: (parts: RunnerParts) => Runner;
}

/** Of the rig, for its runner. */
export interface RunnerParts {
  dataFolder: string;
  store: Store;
  keys: Keys;
}

export interface EngineRig {
  engine: RunningEngine;
  store: Store;
  /** They may send to this machine. */
  listeners: OpenListeners;
  /** Runs a nameless pipeline; resolves when the run has ended. */
  run(spec: PipelineSpec): Promise<void>;
  close(): Promise<void>;
}

export async function openEngineRig({
  maxTasks,
  job = noop,
  runner = () => createFakeRunner(),
}: RigOptions): Promise<EngineRig> {
  const folder = await mkdtemp(join(tmpdir(), "mflow-bench-"));
  const store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  const keys = createKeys({ current: new Uint8Array(32) });
  const log = { warn: (message: string, error?: unknown) => console.error(message, error) };
  const listeners = await openListeners({
    ...{ store, logs, keys, newId, log, version: "bench", language: "en", allowedTargets: ["127.0.0.1"] },
    addressesOf: () => ({}),
    languageOf: () => undefined,
    publicUrl: () => "http://127.0.0.1",
  });
  const engine = new RunningEngine({
    store,
    logs,
    runners: [runner({ dataFolder: folder, store, keys })],
    keys,
    maxTasks,
    groupMembers: () => [],
    listeners: listeners.hub,
    newId,
    mflowUrl: () => "http://127.0.0.1",
    log,
  });
  const ended = new Map<string, () => void>();
  const over = new Map<string, string>();
  engine.subscribe(({ type, stage, pipelineTaskId }) => {
    if (type !== "RUN_STAGE" || !stage || stage === "ACTIVE" || pipelineTaskId === undefined) return;
    over.set(pipelineTaskId, stage);
    ended.get(pipelineTaskId)?.();
  });
  await engine.start();
  await listeners.dispatcher.start();
  return {
    engine,
    store,
    listeners,
    async run(spec) {
      const request = { spec, documents: [job] };
      const actor = { name: "bench", operator: true };
      const { run } = await engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor });
      if (!over.has(run.id)) await new Promise<void>((resolve) => ended.set(run.id, resolve));
      ended.delete(run.id);
      const stage = over.get(run.id);
      over.delete(run.id);
      if (stage === "SUCCEEDED") return;
      const tasks = await store.runs.tasksOfRun(run.id);
      const messages = new Set(tasks.map(({ status }) => status.message ?? status.stage));
      throw new Error(`run ${run.id} ended ${stage}: ${[...messages].join("; ")}`);
    },
    async close() {
      await engine.stop();
      await listeners.close();
      await store.close();
      await logs.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
