// Random runs on a whole engine that is stopped and started at random: whatever happens, no limit is exceeded, as the
// history tells it, no place leaks, and once all that waits may go everything ends.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { RunningEngine } from "./engine.ts";

const MAX_TASKS = 3;
const GROUP_LIMIT = 2;
const actor = { name: "ana", operator: true };
const current = randomBytes(32);

type Move =
  | { do: "run"; pipeline: "line" | "group" | "tasks" | "newest"; priority: number }
  | { do: "restart" }
  | { do: "pause" | "resume"; what: "server" | "line" | "group" }
  | { do: "cancel"; which: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("run" as const),
      pipeline: fc.constantFrom("line", "group", "tasks", "newest"),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("pause" as const, "resume" as const),
      what: fc.constantFrom("server", "line", "group"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(30) }) },
) as fc.Arbitrary<Move>;

const job: JobManifest = {
  kind: "Job",
  metadata: { name: "work" },
  spec: { runnerType: "FAKE", runnerSpec: { duration: "2ms" } },
};

function pipeline(name: string): PipelineManifest {
  const task = { name: "a", job: "work" };
  const shared = { ...task, concurrency: { group: "shared", limit: GROUP_LIMIT } };
  const stage = (tasks: (typeof task)[]) => [{ name: "main", isParallel: true, tasks }];
  const metadata = { name };
  switch (name) {
    case "line":
      return {
        kind: "Pipeline",
        metadata,
        spec: { queue: {}, stages: stage([task, { ...task, name: "b" }]) },
      };
    case "group":
      return {
        kind: "Pipeline",
        metadata,
        spec: {
          isParallel: true,
          concurrency: { group: "shared", limit: GROUP_LIMIT },
          stages: stage([task]),
        },
      };
    case "newest":
      return {
        kind: "Pipeline",
        metadata,
        spec: { concurrency: { group: "newest", cancelInProgress: true }, stages: stage([task]) },
      };
    default:
      return {
        kind: "Pipeline",
        metadata,
        spec: { isParallel: true, maxTasks: 1, stages: stage([shared, { ...shared, name: "b" }]) },
      };
  }
}

class Play {
  readonly #folder: string;
  readonly #runs: string[] = [];
  store!: Store;
  engine!: RunningEngine;
  #closeLogs!: () => Promise<void>;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(): Promise<void> {
    this.store = await openSqliteStore(join(this.#folder, "mflow.db"));
    const logs = await openFileLogStore(join(this.#folder, "logs"));
    this.#closeLogs = () => logs.close();
    this.engine = new RunningEngine({
      store: this.store,
      logs,
      keys: createKeys({ current }),
      runners: [createFakeRunner()],
      maxTasks: MAX_TASKS,
      groupMembers: () => [],
      newId,
      mflowUrl: () => "http://127.0.0.1",
      log: { warn: () => undefined },
    });
    await this.engine.start();
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.#closeLogs();
    await this.store.close();
  }

  async perform(move: Move): Promise<void> {
    switch (move.do) {
      case "run": {
        const request = {
          pipelineId: move.pipeline,
          documents: [job, pipeline(move.pipeline)],
          priority: move.priority,
        };
        const { run } = await this.engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor });
        this.#runs.push(run.id);
        return;
      }
      case "restart":
        await this.close();
        await this.open();
        return;
      case "pause":
        await this.engine.pause(pausable(move.what), {}, actor);
        return;
      case "resume":
        await this.engine.resume(pausable(move.what), actor);
        return;
      case "cancel": {
        const id = this.#runs[move.which % Math.max(this.#runs.length, 1)];
        // One that has ended cannot be canceled, and that is fine.
        if (id !== undefined) await this.engine.cancelRun(id, {}, actor).catch(() => undefined);
      }
    }
  }

  /** Lets all go on that is paused, and waits until everything has ended. */
  async finish(): Promise<void> {
    for (const what of ["server", "line", "group"] as const) await this.engine.resume(pausable(what), actor);
    await expect.poll(() => this.engine.busy(), { timeout: 20_000, interval: 2 }).toBe(false);
  }

  /** What the history tells of how many were under way at once. */
  async verify(): Promise<void> {
    const { items } = await this.store.runs.listRuns({ limit: 500 });
    const nameOf = new Map(items.map(({ id, name }) => [id, name]));
    const tasks = new Map<string, string>();
    const runs = new Set<string>();
    for (const event of await this.store.history.list({ after: 0, limit: 10_000 })) {
      const { type, taskId, pipelineTaskId = "", stage = "" } = event;
      if (type === "RUN_STAGE") {
        if (stage === "ACTIVE" || stage === "CANCELING") runs.add(pipelineTaskId);
        else runs.delete(pipelineTaskId);
      } else if (type === "TASK_STAGE" && taskId !== undefined) {
        if (["CREATING", "ACTIVE", "CANCELING"].includes(stage)) tasks.set(taskId, pipelineTaskId);
        else tasks.delete(taskId);
      } else continue;
      const of = (name: string) => [...runs].filter((id) => nameOf.get(id) === name).length;
      const tasksOf = (name: string) => [...tasks.values()].filter((id) => nameOf.get(id) === name).length;
      expect(tasks.size).toBeLessThanOrEqual(MAX_TASKS);
      expect(of("line")).toBeLessThanOrEqual(1);
      expect(of("newest")).toBeLessThanOrEqual(1);
      expect(tasksOf("tasks")).toBeLessThanOrEqual(1);
      expect(of("group") + tasksOf("tasks")).toBeLessThanOrEqual(GROUP_LIMIT);
    }
    expect([...runs, ...tasks.keys()]).toEqual([]);
    expect(this.engine.counts).toEqual({ unfinished: 0, slotsHeld: 0, slotsWaiting: 0 });
    const left = items.filter(({ status }) => !["SUCCEEDED", "FAILED", "CANCELED"].includes(status.stage));
    expect(left).toEqual([]);
    for (const { lockKey } of items) {
      if (lockKey !== undefined) expect(await this.store.runs.lockHolder(lockKey)).toBe(undefined);
    }
  }
}

function pausable(what: "server" | "line" | "group") {
  return what === "server" ? what : { ...DEFAULT_SCOPE, pipeline: what };
}

test("limits hold, no place leaks and everything ends, over restarts, pauses and cancels", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 40 }), async (moves) => {
      const folder = await mkdtemp(join(tmpdir(), "mflow-crashes-"));
      const play = new Play(folder);
      await play.open();
      try {
        for (const each of moves) await play.perform(each);
        await play.finish();
        await play.verify();
      } finally {
        await play.close();
        await rm(folder, { recursive: true });
      }
    }),
    { numRuns: 15 },
  );
});
