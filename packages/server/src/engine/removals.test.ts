// What may not be deleted yet, and that deleting takes all that a run owns.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { makeState, type RunState } from "@mflow/core/state";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import {
  aCommit,
  aDefinition,
  aNewRun,
  aRun,
  aTaskOf,
  idOf,
  LEASE,
  type RunOverrides,
} from "../store/testing/records.ts";
import { Removals, type RemovalsParts } from "./removals.ts";

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-removals-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

function open(parts: Partial<RemovalsParts> = {}): Removals {
  return new Removals({
    runs: store.runs,
    logs: { remove: async () => undefined },
    files: undefined,
    runnerOf: () => undefined,
    standing: async () => "OVER",
    now: () => 0,
    tell: () => undefined,
    ...parts,
  });
}

async function stored(
  n: number,
  overrides: RunOverrides & Partial<PipelineTask> = {},
): Promise<PipelineTask> {
  const run = aRun(n, { stage: "SUCCEEDED", ...overrides });
  await store.runs.commit([aNewRun(run, [aTaskOf(run, 1, n)])], LEASE);
  return run;
}

/** A rollback in which one task goes back to this run. */
function rollback(stage: PipelineTask["status"]["stage"], runId: string): RunState {
  const run = aRun(9, { stage, mode: "ROLLBACK" });
  const backTo: Partial<JobTask> = {
    rollback: { lastSuccess: { runId, taskId: idOf("task", 1) }, params: [] },
  };
  const task = { ...aTaskOf(run, 1, 9, { stage: stage === "SUCCEEDED" ? stage : "PENDING" }), ...backTo };
  return makeState(run.id, run, { ...aDefinition(), pipeline: ONE }, [task]);
}

const ONE = { stages: [{ name: "main", tasks: [{ name: "build", job: "compile" }] }] };

test("a run stays as long as the task above it does not know how it ended", async () => {
  const run = await stored(1, { parent: { taskId: idOf("task", 5), attempt: 1, runId: idOf("run", 5) } });
  await expect(open({ standing: async () => "AT_WORK" }).remove(run.id)).rejects.toMatchObject({
    code: "CONFLICT",
    message: `task ${idOf("task", 5)} has still to be told how ${run.id} ended; try again`,
  });
  await open().remove(run.id);
  expect(await store.runs.run(run.id)).toBeUndefined();
});

test("a run stays as long as a rollback that goes back to it has not ended, also one in line", async () => {
  const removals = open();
  const run = await stored(1);
  removals.note(rollback("PENDING", run.id));
  await expect(removals.remove(run.id)).rejects.toMatchObject({
    code: "CONFLICT",
    message: `rollback ${idOf("run", 9)} goes back to ${run.id}; delete it once that has ended`,
  });
  removals.note(rollback("SUCCEEDED", run.id));
  await removals.remove(run.id, undefined, "more than 1");
  expect(removals.counts).toEqual({ request: 0, retention: 1 });
});

test("nothing is made of a run while it is being deleted; when that fails it is there again", async () => {
  const run = await stored(1);
  const seen: unknown[] = [];
  const removals: Removals = open({
    files: {
      removeOf: async (id: string) => {
        try {
          removals.hold(id);
        } catch (error) {
          seen.push((error as Error).message);
        }
        throw new Error("the bucket is away");
      },
    },
  });
  await expect(removals.remove(run.id)).rejects.toThrow("the bucket is away");
  expect(seen).toEqual([`run ${run.id} is just being deleted`]);
  removals.hold(run.id)();
  expect(await store.runs.run(run.id)).toEqual(run);
});

test("a run stays while something is made of it, also by several at once", async () => {
  const removals = open();
  const run = await stored(1);
  const letGo = [removals.hold(run.id), removals.hold(run.id)];
  for (const each of letGo) {
    await expect(removals.remove(run.id)).rejects.toMatchObject({
      code: "CONFLICT",
      message: `${run.id} is just being run again; try again`,
    });
    each();
  }
  await removals.remove(run.id);
  expect(await store.runs.run(run.id)).toBeUndefined();
});

test("a run that follows another one stays until that knows of it: else it would be started again", async () => {
  const pipeline = "deploy";
  const status: PipelineTask["status"] = {
    stage: "SUCCEEDED",
    progress: { tasks: 1, open: 0, ended: 1 },
    next: { pipeline },
  };
  const before = await stored(1, { status });
  const run = await stored(2, { previous: { runId: before.id } });
  await expect(open().remove(run.id)).rejects.toMatchObject({
    code: "CONFLICT",
    message: `run ${before.id}, which ${run.id} follows, has still to be told that it has; try again`,
  });
  const knows = { ...before, revision: 2, status: { ...status, next: { pipeline, runId: run.id } } };
  await store.runs.commit([aCommit(before.id, 1, { run: knows })], LEASE);
  await open().remove(run.id);
  expect(await store.runs.run(run.id)).toBeUndefined();
});
