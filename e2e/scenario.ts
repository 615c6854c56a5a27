// Plays a scenario: manifests and a script of what people and tasks do, on the real store and engine with the
// FAKE runner, in virtual time. What comes out is the timeline of every change and the runs as they ended.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import { makeId } from "@mflow/core/ids";
import type { NextRun } from "@mflow/core/schema/chain";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobManifest } from "@mflow/core/schema/job";
import type { JobTask } from "@mflow/core/schema/job-task";
import { PauseRequest } from "@mflow/core/schema/pause";
import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import {
  CancelRequest,
  CancelRunRequest,
  DecideRequest,
  RerunRequest,
  RollbackRequest,
  RunJobRequest,
  RunPipelineRequest,
  UpdateOutputRequest,
  UpdateStatusRequest,
  WithdrawRequest,
} from "@mflow/core/schema/request";
import { closed, DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { validateValue } from "@mflow/core/validate";
import { createKeys } from "@mflow/server/auth/keys";
import { RunningEngine } from "@mflow/server/engine/engine";
import type { Actor } from "@mflow/server/engine/submit";
import { openFileLogStore } from "@mflow/server/logs/file-log-store";
import { createFakeRunner } from "@mflow/server/runners/fake/fake-runner";
import { createManualRunner } from "@mflow/server/runners/manual/manual-runner";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import { parseAllDocuments } from "yaml";
import { VirtualClock } from "./virtual-clock.ts";

type Fields = Record<string, unknown>;

/** One line of the script; exactly one verb, and what is expected of it. */
type ScriptStep = Record<string, Fields | string | number>;

interface Scenario {
  documents: (JobManifest | PipelineManifest)[];
  groups: Record<string, string[]>;
  /** What came of each decision joins the outcome. */
  showsRecords: boolean;
  maxTasks: number;
  script: ScriptStep[];
}

const NOTHING = closed({});

/** What each verb takes, as the API does; the engine is not asked with what could not reach it. */
const REQUESTS = {
  run: RunPipelineRequest,
  runJob: RunJobRequest,
  rerun: RerunRequest,
  rollback: RollbackRequest,
  cancelRun: CancelRunRequest,
  cancelTask: CancelRequest,
  pauseRun: PauseRequest,
  resumeRun: NOTHING,
  drain: PauseRequest,
  resumeServer: NOTHING,
  status: UpdateStatusRequest,
  output: UpdateOutputRequest,
  audit: DecideRequest,
  confirm: DecideRequest,
  withdraw: WithdrawRequest,
};

function checkRequest(verb: string, { gate: _gate, ...request }: Fields): void {
  if (!(verb in REQUESTS)) throw new Error(`the script has no verb ${verb}`);
  const problems = validateValue(REQUESTS[verb as keyof typeof REQUESTS], request);
  if (problems.length > 0) throw new Error(`${verb}: ${JSON.stringify(problems)}`);
}

const START = Date.parse("2026-01-01T00:00:00.000Z");
/** A scenario ends at the latest after so much virtual time. */
const LONGEST_MS = 24 * 3_600_000;

function readScenario(text: string): Scenario {
  const documents = parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS() as { kind: string; spec: Fields };
  });
  const scenario = documents.find((document) => document.kind === "Scenario");
  if (!scenario) throw new Error("the file has no document of kind Scenario");
  return {
    documents: documents.filter((document) => document !== scenario) as unknown as Scenario["documents"],
    groups: (scenario.spec.groups ?? {}) as Scenario["groups"],
    showsRecords: scenario.spec.showsRecords === true,
    maxTasks: (scenario.spec.maxTasks as number | undefined) ?? 100,
    script: (scenario.spec.script ?? []) as ScriptStep[],
  };
}

class Player {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #clock = new VirtualClock(START);
  readonly #keys = createKeys({ current: new Uint8Array(32).fill(7) });
  readonly #timeline: string[] = [];
  /** Who stands in for whom now. */
  readonly #standIns = new Map<string, string>();
  readonly #runs: string[] = [];
  #idCount = 0;
  #store!: Awaited<ReturnType<typeof openSqliteStore>>;
  #engine!: RunningEngine;
  #logs!: Awaited<ReturnType<typeof openFileLogStore>>;

  constructor(scenario: Scenario, folder: string) {
    this.#scenario = scenario;
    this.#folder = folder;
  }

  async open(): Promise<void> {
    const clock = this.#clock;
    this.#store = await openSqliteStore(join(this.#folder, "mflow.db"), { now: () => clock.now() });
    this.#logs = await openFileLogStore(join(this.#folder, "logs"));
    this.#engine = new RunningEngine({
      store: this.#store,
      logs: this.#logs,
      runners: [createFakeRunner({ clock }), createManualRunner(() => clock.now())],
      keys: this.#keys,
      maxTasks: this.#scenario.maxTasks,
      groupMembers: (group) => this.#scenario.groups[group] ?? [],
      standInOf: (user) => this.#standIns.get(user),
      newId: (prefix) => this.#newId(prefix),
      mflowUrl: () => "http://mflow.test",
      log: { warn() {} },
      clock,
    });
    this.#engine.subscribe((event) => this.#note(event));
    await this.#engine.start();
  }

  /** The engine and its fake runner die for so long; what they knew in memory is gone. */
  async restart(downMs: number): Promise<void> {
    await this.#engine.stop();
    await this.#store.close();
    await this.#logs.close();
    this.#clock.goTo(this.#clock.now() + downMs);
    this.#timeline.push(`${this.#time()} server restarted`);
    await this.open();
  }

  async close(): Promise<void> {
    await this.#engine.stop();
    await this.#store.close();
    await this.#logs.close();
  }

  #newId(prefix: string): string {
    const random = new Uint8Array(10);
    new DataView(random.buffer).setUint32(6, ++this.#idCount);
    return makeId(prefix, this.#clock.now(), random);
  }

  #time(): string {
    const ms = this.#clock.now() - START;
    return `+${ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`}`;
  }

  #runName(id: string | undefined): string {
    if (id === undefined) return "";
    if (!this.#runs.includes(id)) this.#runs.push(id);
    return `run${this.#runs.indexOf(id) + 1}`;
  }

  #note(event: HistoryEvent): void {
    const who = event.taskId ? `${event.name}${(event.attempt ?? 0) > 1 ? `#${event.attempt}` : ""}` : "";
    const run = this.#runName(event.pipelineTaskId);
    const parts = [this.#time(), [run, who].filter(Boolean).join("/"), event.type];
    if (event.stage) parts.push(event.from ? `${event.from} -> ${event.stage}` : event.stage);
    if (event.reason) parts.push(`[${event.reason}]`);
    if (event.actor) parts.push(`by ${event.actor}`);
    this.#timeline.push(parts.join(" "));
  }

  /** Until nothing is under way but time: what a commit or a report woke up may take a few turns to say so. */
  async #settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await this.#engine.settled();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async play(): Promise<Fields> {
    for (const step of this.#scenario.script) {
      await this.#settle();
      await this.#perform(step);
    }
    await this.#runOut(START + LONGEST_MS);
    return { timeline: this.#timeline, ...(await this.#summary()) };
  }

  /** Lets time pass until nothing is set to happen before `end`. */
  async #runOut(end: number): Promise<void> {
    for (;;) {
      await this.#settle();
      const next = this.#clock.nextAt;
      if (next === undefined || next > end || !this.#engine.busy()) return;
      this.#clock.ringNext();
    }
  }

  async #perform(step: ScriptStep): Promise<void> {
    const { error: expected, ...rest } = step;
    const [[verb, input] = []] = Object.entries(rest);
    let refusal: string | undefined;
    try {
      await this.#do(verb as string, input as Fields | string);
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      refusal = error.code;
      this.#timeline.push(`${this.#time()} ${verb} refused: ${error.code}: ${this.#plain(error.message)}`);
    }
    if (refusal !== expected)
      throw new Error(`${JSON.stringify(step)} answered ${refusal}, not ${String(expected)}`);
  }

  /** Ids differ with every change of a scenario; the timeline shows names. */
  #plain(message: string): string {
    return message
      .replace(/run-[0-9a-z]{26}/g, (id) => this.#runName(id))
      .replace(/task-[0-9a-z]{26}/g, "task-…");
  }

  async #do(verb: string, input: Fields | string): Promise<void> {
    if (verb === "wait") {
      const end = this.#clock.now() + parseDuration(input as string);
      await this.#runOut(end);
      this.#clock.goTo(end);
      return;
    }
    if (verb === "restart") return this.restart(/^\d/.test(String(input)) ? parseDuration(String(input)) : 0);
    if (verb === "away") {
      for (const [user, ask] of Object.entries(input as Fields)) this.#standIns.set(user, ask as string);
      return;
    }
    const {
      by = "starter",
      link,
      operator = true,
      task: taskName,
      run = 1,
      token,
      ...request
    } = input as Fields;
    checkRequest(verb, request);
    const actor: Actor = { name: by as string, operator: operator as boolean };
    if (link !== undefined) actor.source = { via: "LINK", link: link as string };
    const documents = this.#scenario.documents;
    if (verb === "run") {
      const body = { ...request, documents } as Parameters<RunningEngine["runPipeline"]>[0]["request"];
      const { run: made } = await this.#engine.runPipeline({ request: body, scope: DEFAULT_SCOPE, actor });
      this.#runName(made.id);
      return;
    }
    if (verb === "runJob") {
      const rerun =
        taskName === undefined ? {} : { id: (await this.#task(taskName as string, run as number)).id };
      const body = taskName === undefined ? { ...request, documents } : rerun;
      await this.#engine.runJob({ request: body as never, scope: DEFAULT_SCOPE, actor });
      return;
    }
    if (verb === "rerun" || verb === "rollback") {
      const runId = this.#runs[(run as number) - 1] as string;
      const { run: made } = await this.#engine[verb]({ runId, request, actor });
      this.#runName(made.id);
      return;
    }
    if (verb === "cancelRun") {
      await this.#engine.cancelRun(this.#runs[(run as number) - 1] as string, request, actor);
      return;
    }
    if (verb === "pauseRun" || verb === "resumeRun") {
      const id = this.#runs[(run as number) - 1] as string;
      if (verb === "pauseRun") await this.#engine.pauseRun(id, request, actor);
      else await this.#engine.resumeRun(id, actor);
      return;
    }
    if (verb === "drain" || verb === "resumeServer") {
      if (verb === "drain") await this.#engine.pause("server", request, actor);
      else await this.#engine.resume("server", actor);
      return;
    }
    const task = await this.#task(taskName as string, run as number);
    if (verb === "status" || verb === "output") {
      const attempt = task.attempt + (token === "old" ? -1 : 0);
      const updateToken = token === "wrong" ? "wrong" : this.#keys.updateToken(task.id, attempt);
      const asOperator = token === "none" ? actor : undefined;
      const body = { ...request, ...(asOperator ? {} : { updateToken }) } as never;
      if (verb === "status") await this.#engine.updateStatus(task.id, body, asOperator);
      else await this.#engine.updateOutput(task.id, body, asOperator);
      return;
    }
    if (verb === "audit") await this.#engine.audit(task.id, request as never, actor);
    else if (verb === "confirm") await this.#engine.confirm(task.id, request as never, actor);
    else if (verb === "withdraw") {
      const { gate, ...rest } = request;
      await this.#engine.withdraw(task.id, gate as "audit" | "confirm", rest, actor);
    } else await this.#engine.cancelTask(task.id, request, actor);
  }

  async #task(name: string, run: number): Promise<JobTask> {
    const runId = this.#runs[run - 1];
    const tasks = runId ? await this.#store.runs.tasksOfRun(runId) : await this.#loneTasks();
    const task = tasks.find((each) => each.name === name);
    if (!task) throw new Error(`there is no task ${name}`);
    return task;
  }

  async #loneTasks(): Promise<JobTask[]> {
    const { items } = await this.#store.runs.listTasks({ limit: 500 });
    return items.filter((task) => task.pipelineTaskId === undefined);
  }

  async #summary(): Promise<Fields> {
    const runs: Fields = {};
    for (const id of this.#runs) {
      const run = await this.#store.runs.run(id);
      if (!run) continue;
      const { stage, reason, message } = run.status;
      const tasks = (await this.#store.runs.tasksOfRun(id)).map((task) => this.#taskLine(task));
      const { rerunOf, rollbackOf } = run;
      runs[this.#runName(id)] = {
        stage,
        ...(rerunOf && { rerunOf: { ...rerunOf, runId: this.#runName(rerunOf.runId) } }),
        ...(rollbackOf !== undefined && { rollbackOf: this.#runName(rollbackOf) }),
        ...(reason ? { reason } : {}),
        ...(message ? { message: this.#plain(message) } : {}),
        ...(run.status.next ? { next: this.#nextOf(run.status.next) } : {}),
        ...(run.chain ? { chain: run.chain.map((name) => name.replace(/@.*/, "")) } : {}),
        tasks,
      };
    }
    const lone = (await this.#loneTasks()).map((task) => this.#taskLine(task));
    return {
      ...(this.#runs.length > 0 ? { runs } : {}),
      ...(lone.length > 0 ? { loneTasks: lone } : {}),
      ...(this.#scenario.showsRecords ? { records: await this.#records() } : {}),
    };
  }

  #nextOf({ runId, message }: NextRun): string {
    return runId === undefined ? this.#plain(message ?? "not known yet") : this.#runName(runId);
  }

  async #records(): Promise<string[]> {
    const rows = await this.#store.records.list({ after: 0, limit: 500 });
    return rows.map(({ taskName, attempt, gate, act, user, verdict, code, rule }) => {
      const what = [act, verdict, code && `[${code}]`, user && `by ${user}`].filter(Boolean).join(" ");
      return `${taskName}#${attempt} ${gate} ${what}: ${this.#plain(rule)}`;
    });
  }

  #taskLine(task: JobTask): Fields {
    const { stage, reason, message, runtimeEnvs, reported } = task.status;
    const line: Fields = { name: task.name, stage };
    if (task.attempt !== 1) line.attempt = task.attempt;
    if (task.pastAttempts) line.pastAttempts = task.pastAttempts.map((past) => past.status.stage);
    if (task.keptFrom) line.keptFrom = this.#runName(task.keptFrom.runId);
    if (task.rollback?.lastSuccess) line.backTo = this.#runName(task.rollback.lastSuccess.runId);
    if (task.feedback !== undefined) line.feedback = task.feedback;
    if (reason) line.reason = reason;
    if (message) line.message = this.#plain(message);
    const { child } = task.status;
    if (child) line.child = this.#runName(child.runId);
    if (reported) line.reported = reported.stage;
    const waiting = this.#engine.waitingFor(task);
    if (waiting) line.waiting = this.#plain(waiting);
    if (task.params?.length) {
      line.params = task.params.map(
        ({ name, value, setBy, sensitive }) => `${name}=${sensitive ? "***" : value} (${setBy})`,
      );
    }
    if (runtimeEnvs) line.runtimeEnvs = runtimeEnvs;
    return line;
  }
}

/** Plays a scenario's text; answers what happened. */
export async function playScenario(text: string): Promise<Fields> {
  const folder = await mkdtemp(join(tmpdir(), "mflow-scenario-"));
  const player = new Player(readScenario(text), folder);
  await player.open();
  try {
    return await player.play();
  } finally {
    await player.close();
    await rm(folder, { recursive: true, force: true });
  }
}
