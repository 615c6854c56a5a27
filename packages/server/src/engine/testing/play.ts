// A whole engine with its schedules on a real store, on which moves are made: at one moment, so that they share commits.
// It is stopped and started again, or its process dies: then all that counts is what was in the store at that turn of the
// event loop. Moves that are refused are fine; what is left of them is looked at afterwards.

import { randomBytes } from "node:crypto";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { RerunMode } from "@mflow/core/schema/pipeline-task";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import { expect } from "vitest";
import { createKeys } from "../../auth/keys.ts";
import { applyManifests } from "../../catalog/apply.ts";
import type { ListenerHub } from "../../listeners/channel.ts";
import { openFileLogStore } from "../../logs/file-log-store.ts";
import { newId } from "../../new-id.ts";
import { createFakeRunner } from "../../runners/fake/fake-runner.ts";
import { createManualRunner } from "../../runners/manual/manual-runner.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { Schedules } from "../../triggers/schedules.ts";
import { RunningEngine } from "../engine.ts";
import { PlayClock } from "./play-clock.ts";
import {
  JOBS,
  type OVERLAPS,
  PIPELINE_MANIFESTS,
  PIPELINES,
  type PlayPipeline,
  SCHEDULES,
  scheduleOf,
} from "./play-pipelines.ts";

export const MAX_TASKS = 3;
const actor = { name: "ana", operator: true };
const MINUTE_MS = 60_000;

/** What can be paused besides a run. */
export type Pausable = "server" | PlayPipeline;

/** `which` counts, round and round, through those that the move can be made on. */
export type Move =
  | { do: "run"; pipeline: PlayPipeline; priority: number }
  | { do: "rerun"; which: number; mode: RerunMode }
  | { do: "rollback" | "remove" | "pauseRun" | "resumeRun"; which: number }
  | { do: "cancel"; which: number; force: boolean }
  | { do: "cancelStage" | "cancelTask"; which: number; force: boolean }
  | { do: "lone"; job: "work" | "early" | "outside" | "call" }
  | { do: "again"; which: number }
  /** Somebody decides on a task that waits for people, or ends one that waits for a status call. */
  | { do: "decide"; which: number; pushesBack: boolean }
  | { do: "withdraw"; which: number }
  | { do: "pause" | "resume"; what: Pausable }
  | { do: "cancelQueue"; pipeline: PlayPipeline }
  | { do: "minute"; minutes: number }
  | { do: "trigger" | "pauseSchedule" | "resumeSchedule"; schedule: (typeof OVERLAPS)[number] };

export class Play {
  readonly #folder: string;
  readonly #keys = createKeys({ current: randomBytes(32) });
  readonly #clock = new PlayClock();
  readonly #runs: string[] = [];
  readonly #lones: string[] = [];
  /** Those that somebody wanted to delete. */
  readonly #removed = new Set<string>();
  #lives = 0;
  store!: Store;
  engine!: RunningEngine;
  schedules!: Schedules;
  #closeLogs!: () => Promise<void>;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get #file(): string {
    return join(this.#folder, `mflow-${this.#lives}.db`);
  }

  async begin(): Promise<void> {
    await this.#open();
    const documents = [...JOBS, ...PIPELINE_MANIFESTS, ...SCHEDULES].map((manifest) => ({
      manifest,
      locate: <T>(problem: T) => problem,
    }));
    const catalog = {
      store: this.store.catalog,
      runs: this.store.runs,
      vault: this.#keys,
      newId,
      now: () => new Date(this.#clock.now()).toISOString(),
      announce: () => undefined,
      written: this.schedules.written.bind(this.schedules),
    };
    await applyManifests(catalog, documents, {
      scope: DEFAULT_SCOPE,
      actor: actor.name,
      mayWrite: () => undefined,
    });
  }

  async #open(): Promise<void> {
    this.store = await openSqliteStore(this.#file);
    const logs = await openFileLogStore(join(this.#folder, "logs"));
    this.#closeLogs = () => logs.close();
    this.engine = new RunningEngine({
      store: this.store,
      logs,
      keys: this.#keys,
      runners: [createFakeRunner(), createManualRunner()],
      listeners: hub,
      maxTasks: MAX_TASKS,
      groupMembers: () => [],
      newId,
      mflowUrl: () => "http://127.0.0.1",
      log: { warn: () => undefined },
      stopGraceMs: 5,
    });
    this.schedules = new Schedules({
      engine: this.engine,
      store: this.store,
      cannotRun: () => undefined,
      clock: this.#clock,
      log: { warn: () => undefined },
    });
    await this.engine.start();
    await this.schedules.start();
  }

  async close(): Promise<void> {
    await this.schedules.stop();
    await this.engine.stop();
    await this.#closeLogs();
    await this.store.close();
  }

  /** The server is stopped so many turns of the event loop after the moves began. */
  async restart(moves: readonly Move[], turns: number): Promise<void> {
    await this.#interrupt(moves, turns, () => undefined);
  }

  /** The same, and its process dies: what it does from then on is lost. */
  async crash(moves: readonly Move[], turns: number): Promise<void> {
    await this.#interrupt(moves, turns, () => {
      const from = this.#file;
      this.#lives++;
      for (const part of ["", "-wal"]) if (existsSync(from + part)) cpSync(from + part, this.#file + part);
    });
  }

  async #interrupt(moves: readonly Move[], turns: number, before: () => void): Promise<void> {
    const made = Promise.all(moves.map((move) => this.#make(move).catch(() => undefined)));
    for (let i = 0; i < turns; i++) await turn();
    const answered = [...this.#runs, ...this.#lones];
    before();
    await this.close();
    await made;
    await this.#open();
    for (const ids of [this.#runs, this.#lones]) {
      for (const id of [...ids]) {
        const found = (await this.store.runs.run(id)) ?? (await this.store.runs.task(id));
        if (found || this.#removed.has(id)) continue;
        // What nobody was told of before the process died may be lost.
        expect(answered).not.toContain(id);
        ids.splice(ids.indexOf(id), 1);
      }
    }
  }

  async make(moves: readonly Move[]): Promise<void> {
    await Promise.all(moves.map((move) => this.#make(move).catch(unlessRefused)));
  }

  async #make(move: Move): Promise<void> {
    const { engine } = this;
    switch (move.do) {
      case "run":
        return this.#run(move.pipeline, move.priority);
      case "lone": {
        const request = { job: move.job, webhooks: [{ url: "http://task.test" }] };
        const { task } = await engine.runJob({ request, scope: DEFAULT_SCOPE, actor });
        this.#lones.push(task.id);
        return;
      }
      case "again": {
        const id = pick(this.#lones, move.which);
        if (id !== undefined) await engine.runJob({ request: { id }, scope: DEFAULT_SCOPE, actor });
        return;
      }
      case "decide": {
        const task = pick(await this.#waitingForPeople(), move.which);
        if (task) await this.#decide(task, move.pushesBack, pick(["ana", "bob"], move.which) as string);
        return;
      }
      case "withdraw": {
        const task = pick(await this.#waitingForPeople(), move.which);
        if (task) await engine.withdraw(task.id, "audit", {}, actor);
        return;
      }
      case "cancelTask": {
        const { items } = await this.store.runs.listTasks({ limit: 500 });
        const task = pick(items, move.which);
        if (task) await engine.cancelTask(task.id, { force: move.force }, actor);
        return;
      }
      case "pause":
        await engine.pause(pausable(move.what), {}, actor);
        return;
      case "resume":
        await engine.resume(pausable(move.what), actor);
        return;
      case "cancelQueue":
        await engine.cancelQueue(DEFAULT_SCOPE, move.pipeline, {}, actor);
        return;
      case "minute":
        this.#clock.forward(move.minutes * MINUTE_MS);
        return;
      case "trigger":
        await this.schedules.trigger(await this.#schedule(move.schedule), actor);
        return;
      case "pauseSchedule":
        return this.schedules.pause(await this.#schedule(move.schedule), actor.name);
      case "resumeSchedule":
        return this.schedules.resume(await this.#schedule(move.schedule), actor.name);
      default:
        return this.#makeOnRun(move);
    }
  }

  async #makeOnRun(move: Extract<Move, { which: number }>): Promise<void> {
    const { engine } = this;
    const runId = pick(this.#runs, move.which);
    if (runId === undefined) return;
    switch (move.do) {
      case "rerun": {
        const request = { mode: move.mode, ...(move.mode === "FROM" && { from: "a" }), queue: true };
        this.#runs.push((await engine.rerun({ runId, request, actor })).run.id);
        return;
      }
      case "rollback":
        this.#runs.push((await engine.rollback({ runId, request: { queue: true }, actor })).run.id);
        return;
      case "remove": {
        const id = pick([runId, ...this.#lones], move.which) as string;
        this.#removed.add(id);
        return engine.remove(id, actor);
      }
      case "pauseRun":
        await engine.pauseRun(runId, {}, actor);
        return;
      case "resumeRun":
        await engine.resumeRun(runId, actor);
        return;
      case "cancel":
        await engine.cancelRun(runId, { force: move.force }, actor);
        return;
      case "cancelStage":
        await engine.cancelRun(runId, { stage: "main", force: move.force }, actor);
    }
  }

  async #run(pipelineId: PlayPipeline, priority: number): Promise<void> {
    const request = { pipelineId, priority };
    this.#runs.push((await this.engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor })).run.id);
  }

  async #schedule(overlap: (typeof OVERLAPS)[number]): Promise<Schedule> {
    return (await this.store.catalog.findSchedule(DEFAULT_SCOPE, scheduleOf(overlap))) as Schedule;
  }

  async #waitingForPeople(): Promise<JobTask[]> {
    const { items } = await this.store.runs.listTasks({ stages: ["PENDING", "ACTIVE"], limit: 500 });
    return items.filter(
      ({ runnerType, status, audit }) =>
        audit?.stage === "WAITING" ||
        (status.stage === "ACTIVE" && (runnerType === "MANUAL" || status.reported !== undefined)),
    );
  }

  async #decide({ id, runnerType, audit }: JobTask, pushesBack: boolean, name: string): Promise<void> {
    const pass = { verdict: "PASS" } as const;
    if (audit?.stage === "WAITING") await this.engine.audit(id, pass, { name, operator: true });
    else if (runnerType === "MANUAL") await this.engine.updateStatus(id, { stage: "SUCCEEDED" }, actor);
    else if (pushesBack) {
      const verdict = { verdict: "PUSH_BACK", pushBackTo: "a", comment: "again" } as const;
      await this.engine.confirm(id, verdict, actor);
    } else await this.engine.confirm(id, pass, actor);
  }

  /** Lets all go on that is paused, and waits until everything has ended. */
  async finish(): Promise<void> {
    const { engine, schedules, store } = this;
    await engine.resume("server", actor);
    for (const name of PIPELINES) await engine.resume(pausable(name), actor);
    const unended = async () => {
      const stages = ["PENDING", "ACTIVE", "CANCELING"];
      const { items } = await store.runs.listRuns({ stages, limit: 500 });
      for (const { id, status } of items)
        if (status.paused) await engine.resumeRun(id, actor).catch(unlessRefused);
      // First results are pushed back, second ones are taken.
      for (const task of await this.#waitingForPeople())
        for (const name of ["ana", "bob"])
          await this.#decide(task, task.attempt === 1, name).catch(unlessRefused);
      await schedules.settled();
      await engine.settled();
      return engine.busy() ? this.#unended() : [];
    };
    await expect.poll(unended, { timeout: 15_000, interval: 2 }).toEqual([]);
  }

  /** What has not ended, and what it waits for; for whoever reads why a play failed. */
  async #unended(): Promise<string[]> {
    const { engine, store } = this;
    const { items: tasks } = await store.runs.listTasks({
      stages: ["PENDING", "SCHEDULING", "CREATING", "ACTIVE", "CANCELING"],
      limit: 500,
    });
    const { items: runs } = await store.runs.listRuns({
      stages: ["PENDING", "ACTIVE", "CANCELING"],
      limit: 500,
    });
    return [
      "busy",
      ...runs.map((run) => `${run.name} ${run.id} ${run.status.stage} ${engine.runWaitsFor(run)}`),
      ...tasks.map((task) => {
        const { name, id, pipelineTaskId, attempt, status } = task;
        return `${pipelineTaskId} ${name} ${id} ${attempt} ${JSON.stringify(status)} ${engine.waitingFor(task)}`;
      }),
    ];
  }

  /** One more run of each pipeline: something that leaked would be in its way. */
  async runEach(): Promise<void> {
    for (const pipeline of PIPELINES) await this.#run(pipeline, 0);
  }
}

/** Writes one row per recipient; nobody sends them. */
const hub: ListenerHub = {
  deliveriesOf: ({ recipients }, aggregateId) =>
    recipients.map(({ listener, action, place }) => ({
      id: newId("dlv"),
      kind: "WEBHOOK",
      target: place.kind === "USER" ? `${place.way} ${place.user}` : "WEBHOOK",
      lane: `${aggregateId}|${listener}|${place.kind === "USER" ? `${place.way} ${place.user}` : ""}`,
      listener,
      action,
      state: "PENDING",
    })),
  committed: () => undefined,
};

function pick<T>(from: readonly T[], which: number): T | undefined {
  return from[which % Math.max(from.length, 1)];
}

function pausable(what: Pausable) {
  return what === "server" ? what : { ...DEFAULT_SCOPE, pipeline: what };
}

/** What cannot be done now is refused, and that is fine. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof MflowError) || error.status >= 500) throw error;
}
