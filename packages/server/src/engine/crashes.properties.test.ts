// Random runs on a whole engine that is stopped and started at random: whatever happens, no limit is exceeded, as the
// history tells it, no place leaks, and once all that waits may go everything ends.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import type { JobManifest } from "@mflow/core/schema/job";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import { newId } from "../new-id.ts";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import { createManualRunner } from "../runners/manual/manual-runner.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { RunningEngine } from "./engine.ts";

const MAX_TASKS = 3;
const GROUP_LIMIT = 2;
const actor = { name: "ana", operator: true };
const current = randomBytes(32);

const PIPELINES = ["line", "group", "tasks", "newest", "tries", "gates", "outside", "above"] as const;
/** Pipelines whose tasks hold the group. */
const SHARING = ["tasks", "tries", "gates", "outside"];

type Move =
  | { do: "run"; pipeline: (typeof PIPELINES)[number]; priority: number }
  /** Somebody decides on a task that waits for people, or ends one that waits for a status call. */
  | { do: "decide"; which: number; pushesBack: boolean }
  | { do: "pause" | "resume"; what: "server" | "line" | "group" }
  | { do: "cancel"; which: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("run" as const),
      pipeline: fc.constantFrom(...PIPELINES),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("decide" as const), which: fc.nat(30), pushesBack: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("pause" as const, "resume" as const),
      what: fc.constantFrom("server", "line", "group"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(30) }) },
) as fc.Arbitrary<Move>;

/** What happens at one moment, and shares commits then. */
type Moment = "RESTART" | Move[];

const moment: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 12, arbitrary: fc.array(move, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant("RESTART" as const) },
);

const retry = { limit: 2, backoff: { initial: "3ms" }, on: ["FAILED", "LOST"] } as const;
const jobs = [
  jobOf("work", { runnerType: "FAKE", runnerSpec: { duration: "2ms" } }),
  jobOf("flaky", {
    runnerType: "FAKE",
    runnerSpec: { duration: "2ms", failsFirst: 1 },
    retry: { ...retry, on: [...retry.on] },
  }),
  jobOf("outside", { runnerType: "MANUAL", runnerSpec: {} }),
  jobOf("call", { runnerType: "PIPELINE", runnerSpec: { pipeline: "line", queue: true } }),
];

function jobOf(name: string, spec: JobManifest["spec"]): JobManifest {
  return { kind: "Job", metadata: { name }, spec };
}

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
    case "tries":
      return {
        kind: "Pipeline",
        metadata,
        spec: { isParallel: true, stages: stage([{ ...shared, job: "flaky" }]) },
      };
    case "gates": {
      const confirm = { checkers: ["ana"], allowSelf: true };
      const tasks = [shared, { ...shared, name: "b", confirm }];
      return {
        kind: "Pipeline",
        metadata,
        spec: { queue: {}, holdLock: false, stages: [{ name: "main", tasks }] },
      };
    }
    case "outside":
      return {
        kind: "Pipeline",
        metadata,
        spec: { isParallel: true, stages: stage([{ ...shared, job: "outside" }]) },
      };
    case "above":
      return {
        kind: "Pipeline",
        metadata,
        spec: { isParallel: true, stages: stage([{ ...task, job: "call" }]) },
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
      runners: [createFakeRunner(), createManualRunner()],
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

  async perform(moment: Moment): Promise<void> {
    if (moment === "RESTART") {
      await this.close();
      await this.open();
    } else await Promise.all(moment.map((move) => this.#perform(move)));
  }

  async #perform(move: Move): Promise<void> {
    switch (move.do) {
      case "run": {
        const request = {
          pipelineId: move.pipeline,
          documents: [...jobs, ...PIPELINES.map(pipeline)],
          priority: move.priority,
        };
        const { run } = await this.engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor });
        this.#runs.push(run.id);
        return;
      }
      case "decide": {
        const waiting = await this.#waitingForPeople();
        const task = waiting[move.which % Math.max(waiting.length, 1)];
        if (task) await this.#decide(task, move.pushesBack);
        return;
      }
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

  async #waitingForPeople(): Promise<JobTask[]> {
    const { items } = await this.store.runs.listTasks({ stages: ["ACTIVE"], limit: 500 });
    return items.filter(({ runnerType, status }) => runnerType === "MANUAL" || status.reported !== undefined);
  }

  /** One that was canceled meanwhile cannot be decided, and that is fine. */
  async #decide({ id, runnerType }: JobTask, pushesBack: boolean): Promise<void> {
    const verdict = pushesBack
      ? ({ verdict: "PUSH_BACK", pushBackTo: "a", comment: "again" } as const)
      : ({ verdict: "PASS" } as const);
    const decided =
      runnerType === "MANUAL"
        ? this.engine.updateStatus(id, { stage: "SUCCEEDED" }, actor)
        : this.engine.confirm(id, verdict, actor);
    await decided.catch((error: unknown) => {
      if (!(error instanceof MflowError) || error.status >= 500) throw error;
    });
  }

  /** Lets all go on that is paused, and waits until everything has ended. */
  async finish(): Promise<void> {
    for (const what of ["server", "line", "group"] as const) await this.engine.resume(pausable(what), actor);
    const isBusy = async () => {
      // First results are pushed back, second ones are taken.
      for (const task of await this.#waitingForPeople()) await this.#decide(task, task.attempt === 1);
      return this.engine.busy();
    };
    await expect.poll(isBusy, { timeout: 20_000, interval: 2 }).toBe(false);
  }

  /** What the history tells of how many were under way at once. */
  async verify(): Promise<void> {
    const { items } = await this.store.runs.listRuns({ limit: 500 });
    const nameOf = new Map(items.map(({ id, name }) => [id, name]));
    const tasks = new Map<string, string>();
    /** Those of them whose work runs here: not while a confirm waits. */
    const working = new Set<string>();
    const runs = new Set<string>();
    for (const event of await this.store.history.list({ after: 0, limit: 10_000 })) {
      const { type, taskId, pipelineTaskId = "", stage = "" } = event;
      if (type === "RUN_STAGE") {
        if (stage === "ACTIVE" || stage === "CANCELING") runs.add(pipelineTaskId);
        else runs.delete(pipelineTaskId);
      } else if (type === "TASK_STAGE" && taskId !== undefined) {
        if (["CREATING", "ACTIVE", "CANCELING"].includes(stage)) {
          tasks.set(taskId, pipelineTaskId);
          if (!["outside", "above"].includes(nameOf.get(pipelineTaskId) ?? "")) working.add(taskId);
        } else {
          tasks.delete(taskId);
          working.delete(taskId);
        }
      } else if (type === "TASK_REPORTED") working.delete(taskId ?? "");
      else continue;
      const of = (name: string) => [...runs].filter((id) => nameOf.get(id) === name).length;
      const tasksOf = (name: string) => [...tasks.values()].filter((id) => nameOf.get(id) === name).length;
      expect(working.size).toBeLessThanOrEqual(MAX_TASKS);
      expect(of("line")).toBeLessThanOrEqual(1);
      expect(of("newest")).toBeLessThanOrEqual(1);
      expect(tasksOf("tasks")).toBeLessThanOrEqual(1);
      const sharing = SHARING.reduce((sum, name) => sum + tasksOf(name), 0);
      expect(of("group") + sharing).toBeLessThanOrEqual(GROUP_LIMIT);
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

test("limits hold, no place leaks and everything ends, over restarts, pauses, cancels, retries and decisions", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { minLength: 5, maxLength: 20 }), async (moments) => {
      const folder = await mkdtemp(join(tmpdir(), "mflow-crashes-"));
      const play = new Play(folder);
      await play.open();
      try {
        for (const each of moments) await play.perform(each);
        await play.finish();
        await play.verify();
      } finally {
        await play.close();
        await rm(folder, { recursive: true });
      }
    }),
    // A shorter example takes longer to find than a test may.
    { numRuns: 15, endOnFailure: true },
  );
});
