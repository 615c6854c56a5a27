// The engine: everything that happens to a run goes through here, one way: submit, decide, commit, effects.

import type { Change, Context, Report } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import { isId } from "@mflow/core/ids";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Why } from "@mflow/core/schema/why";
import { isOver, type RunState } from "@mflow/core/state";
import { isAtWork } from "@mflow/core/transitions";
import { type WaitFacts, waitSentence } from "@mflow/core/wait-sentence";
import { runWaitingReason, waitingReason } from "@mflow/core/waiting";
import type { PlaceInLine, WhyFacts } from "@mflow/core/why";
import type { AttemptRef, Runner, RunnerHost, StartRequest } from "../runners/runner.ts";
import type { Effect, RunCommit } from "../store/store.ts";
import { Alarms } from "./alarms.ts";
import { ChainedRuns } from "./chained-runs.ts";
import { ChildRuns } from "./child-runs.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Committer } from "./committer.ts";
import { EffectWorkers, isWanted } from "./effects.ts";
import { Memory, stateOf } from "./memory.ts";
import { startNextRun } from "./next-runs.ts";
import type { EngineOptions } from "./options.ts";
import { isGateChange, Refusals } from "./refusals.ts";
import { Removals } from "./removals.ts";
import { resync } from "./resync.ts";
import { RunRequests } from "./run-requests.ts";
import { noteRun, noteState } from "./standings.ts";
import { makeStartRequest } from "./start-request.ts";
import { giveStatusCall } from "./status-calls.ts";
import type {
  Actor,
  Engine,
  RerunInput,
  RollbackInput,
  RunJobInput,
  RunJobResult,
  RunPipelineInput,
  RunPipelineResult,
  Terminal,
  TerminalRequest,
} from "./submit.ts";
import { Terminals } from "./terminals.ts";
import { Turns } from "./turns.ts";

/** How long an effect is ours before somebody else may take it over. */
const LEASE_MS = 60_000;
/** Safety net for effects whose worker died elsewhere; everything else is woken by signal. */
const SWEEP_MS = 30_000;
/** A change of the engine's own that could not be committed is tried again after this. */
const RETRY_MS = 1_000;
/** A server that stops gives effects so long to end by themselves. */
const STOP_WAIT_MS = 2_000;

type NextRunChange = Extract<Change, { type: "nextRun" }>;

export class RunningEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #memory = new Memory();
  readonly #turns: Turns;
  readonly #alarms: Alarms;
  readonly #committer: Committer;
  readonly #workers: EffectWorkers;
  readonly #runRequests: RunRequests;
  readonly #refusals: Refusals;
  readonly #terminals: Terminals;
  readonly #removals: Removals;
  readonly #runners: ReadonlyMap<string, Runner>;
  readonly #chained: ChainedRuns;
  readonly #childRuns: ChildRuns;
  readonly #owner: string;
  readonly #unfinished = new Set<string>();
  readonly #listeners = new Set<(event: HistoryEvent) => void>();
  readonly #timers = new Set<() => void>();
  #isDraining = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#owner = options.newId("server");
    this.#turns = new Turns({
      store: options.store,
      maxTasks: options.maxTasks,
      now: () => new Date(this.#clock.now()).toISOString(),
      submit: (aggregateId, change) => this.#submit(aggregateId, change),
      after: (ms, callback) => this.#after(ms, callback),
      tell: (event) => this.#tell(event),
      warn: (message, error) => options.log.warn(message, error),
    });
    this.#childRuns = new ChildRuns({
      runs: options.store.runs,
      chained: { start: (wanted) => this.#chained.start(wanted) },
      cancelRun: (runId, request, actor) => this.cancelRun(runId, request, actor),
      isSealed: (text) => options.keys.isSealed(text),
      now: () => this.#clock.now(),
    });
    this.#runners = new Map(
      [...options.runners, this.#childRuns].map((runner): [string, Runner] => [runner.type, runner]),
    );
    this.#alarms = new Alarms(this.#clock, (aggregateId, rowId) =>
      this.#submitOwn(
        aggregateId,
        isId("run", rowId) ? { type: "wakeRun" } : { type: "wake", taskId: rowId },
      ),
    );
    this.#committer = new Committer({
      runs: options.store.runs,
      outbox: options.store.outbox,
      memory: this.#memory,
      admission: this.#turns.admission,
      makeContext: (actor) => this.#context(actor),
      newEffectId: () => options.newId("effect"),
      lease: () => this.#lease(),
      deliveriesOf: (notice, aggregateId) => options.listeners?.deliveriesOf(notice, aggregateId) ?? [],
      committed: (state, commit, events, effects) => this.#committed(state, commit, events, effects),
    });
    this.#workers = new EffectWorkers({
      outbox: options.store.outbox,
      clock: this.#clock,
      runners: this.#runners,
      stopGraceMs: options.stopGraceMs ?? 10_000,
      startRequest: (task, definition) =>
        makeStartRequest(task, definition, options.keys, options.mflowUrl()),
      done: (effectId) => this.#committer.effectDone(effectId),
      startFailed: (aggregateId, taskId, attempt, message) =>
        this.#submit(aggregateId, { type: "startFailed", taskId, attempt, message }),
      stopped: (aggregateId, taskId, attempt) =>
        this.#submit(aggregateId, { type: "stopped", taskId, attempt }),
      childEnded: (runId) => this.#childRuns.tellParent(runId),
      startNext: (runId, nextId) => this.#startNext(runId, nextId),
      giveWay: (aggregateId, id) => this.#turns.giveWay(aggregateId, id),
      retryAt: (dueAt) => this.#after(dueAt - this.#clock.now(), () => void this.#sweep()),
      warn: (message, error) => options.log.warn(message, error),
    });
    this.#refusals = new Refusals({
      records: options.store.records,
      runs: options.store.runs,
      keys: options.keys,
      now: () => this.#clock.now(),
      warn: (message, error) => options.log.warn(message, error),
    });
    this.#terminals = new Terminals({
      history: options.store.history,
      runnerOf: (type) => this.#runners.get(type),
      now: () => this.#clock.now(),
      tell: (event) => this.#tell(event),
      warn: (message, error) => options.log.warn(message, error),
    });
    this.#removals = new Removals({
      runs: options.store.runs,
      logs: options.logs,
      files: options.files,
      runnerOf: (type) => this.#runners.get(type),
      standing: (ref) => this.#standing(ref),
      now: () => this.#clock.now(),
      tell: (event) => this.#tell(event),
    });
    this.#runRequests = new RunRequests({
      store: options.store,
      committer: this.#committer,
      newId: options.newId,
      makeContext: (actor) => this.#context(actor),
      refuseWhenDraining: () => this.#refuseWhenDraining(),
      refuseWhileRemoved: (runId) => this.#removals.refuseWhileRemoved(runId),
      runners: this.#runners,
      mflowUrl: options.mflowUrl,
    });
    this.#chained = new ChainedRuns({
      store: options.store,
      runRequests: this.#runRequests,
      rightsOf: options.rightsOf,
      unseal: (sealed) => options.keys.unseal(sealed),
    });
  }

  #startNext(runId: string, nextId: string): Promise<void> {
    const { store, keys } = this.#options;
    const note = (id: string, change: NextRunChange) => this.#submit(id, change);
    return startNextRun({ runs: store.runs, chained: this.#chained, keys, note }, runId, nextId);
  }

  /** Opens the runners and takes up what an earlier life left. Called once, before any verb. */
  async start(): Promise<void> {
    const { store, logs, files } = this.#options;
    const host: RunnerHost = {
      ...(files && { files }),
      report: (report) => this.#report(report),
      logs,
      standing: (ref) => this.#standing(ref),
      isWanted: (ref) => this.#isWanted(ref),
      startRequest: (ref) => this.#startRequest(ref),
    };
    const rollbacksInLine: string[] = [];
    await this.#turns.load();
    for (const runner of this.#runners.values()) await runner.open(host);
    const { effects, isKnown } = await resync({
      runs: store.runs,
      outbox: store.outbox,
      runners: this.#runners,
      lease: () => this.#lease(),
      now: () => this.#clock.now(),
      found: (state) => this.#found(state),
      foundWaiting: (run) => {
        this.#unfinished.add(run.id);
        noteRun(this.#turns.admission, run);
        if (run.mode === "ROLLBACK") rollbacksInLine.push(run.id);
      },
      report: async (aggregateId, report) => this.#submit(aggregateId, { type: "report", report }),
      stopped: (aggregateId, taskId, attempt) =>
        this.#submit(aggregateId, { type: "stopped", taskId, attempt }),
    });
    for (const id of rollbacksInLine) {
      const state = await this.#stateOf(id);
      if (state) this.#removals.note(state);
    }
    await this.#takeUp(effects);
    await this.#finishLogs(isKnown);
    this.#turns.give();
    this.#sweepLater();
  }

  /** Logs of ended attempts that no runner knows any more get no more lines. */
  async #finishLogs(isKnown: (ref: AttemptRef) => boolean): Promise<void> {
    const { logs } = this.#options;
    for (const ref of await logs.unfinished()) {
      if ((await this.#standing(ref)) !== "AT_WORK" && !isKnown(ref)) await logs.finish(ref);
    }
  }

  async #standing({ taskId, attempt }: AttemptRef): ReturnType<RunnerHost["standing"]> {
    const task = await this.#options.store.runs.task(taskId);
    if (!task) return "UNKNOWN";
    return task.attempt === attempt && isAtWork(task.status.stage) ? "AT_WORK" : "OVER";
  }

  async #isWanted({ taskId, attempt }: AttemptRef): Promise<boolean> {
    const task = await this.#options.store.runs.task(taskId);
    return task !== undefined && task.attempt === attempt && isWanted(task);
  }

  async #startRequest({ taskId, attempt }: AttemptRef): Promise<StartRequest | undefined> {
    const { store, keys, mflowUrl } = this.#options;
    const task = await store.runs.task(taskId);
    const aggregateId = await this.#aggregateOf(taskId);
    const definition = aggregateId === undefined ? undefined : await store.runs.definition(aggregateId);
    if (!task || !definition || task.attempt !== attempt || !isWanted(task)) return undefined;
    return makeStartRequest(task, definition, keys, mflowUrl());
  }

  /**
   * Takes no new work, finishes what is being committed, and leaves running tasks alone. Effects that do not end soon,
   * e.g. those for a cluster that is away, are given back for the next life.
   */
  async stop(): Promise<void> {
    this.#isDraining = true;
    this.#alarms.close();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    await this.#terminals.close();
    await this.#settledWithin(STOP_WAIT_MS);
    this.#workers.close();
    for (const runner of this.#runners.values()) await runner.close();
    await this.settled();
  }

  /** Resolves when nothing is being committed and no effect is under way; timers may still be set. */
  async settled(): Promise<void> {
    do {
      await this.#committer.drain();
      await this.#workers.whenIdle();
    } while (this.#committer.isBusy);
  }

  /** Resolves when all is settled, or after so long, milliseconds. */
  async #settledWithin(ms: number): Promise<void> {
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.setTimeout(resolve, ms);
    await Promise.race([this.settled(), isOver]);
    cancel();
  }

  runPipeline(input: RunPipelineInput): Promise<RunPipelineResult> {
    return this.#runRequests.runPipeline(input);
  }

  rerun(input: RerunInput): Promise<RunPipelineResult> {
    return this.#runRequests.rerun(input);
  }

  rollback(input: RollbackInput): Promise<RunPipelineResult> {
    return this.#runRequests.rollback(input);
  }

  runJob(input: RunJobInput): Promise<RunJobResult> {
    return this.#runRequests.runJob(input);
  }

  updateStatus: Engine["updateStatus"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "updateStatus", taskId, request, ifRevision }, actor);

  updateOutput: Engine["updateOutput"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "updateOutput", taskId, request, ifRevision }, actor);

  audit: Engine["audit"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "audit", taskId, request, ifRevision }, actor);

  confirm: Engine["confirm"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "confirm", taskId, request, ifRevision }, actor);

  withdraw: Engine["withdraw"] = (taskId, gate, request, actor, ifRevision) =>
    this.#changeTask({ type: "withdraw", gate, taskId, request, ifRevision }, actor);

  cancelTask: Engine["cancelTask"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "cancelTask", taskId, request, ifRevision }, actor);

  cancelRun: Engine["cancelRun"] = async (runId, { stage, ...request }, actor, ifRevision) => {
    const change =
      stage === undefined
        ? ({ type: "cancelRun", request, ifRevision } as const)
        : ({ type: "cancelStage", stage, request, ifRevision } as const);
    const state = await this.#submitFor(runId, change, actor);
    return state.run as PipelineTask;
  };

  async statusCall(taskId: string, actor: Actor): Promise<StatusCall> {
    const { store, keys, mflowUrl } = this.#options;
    const task = await store.runs.task(taskId);
    if (!task) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    const parts = {
      history: store.history,
      updateToken: (id: string, attempt: number) => keys.updateToken(id, attempt),
      mflowUrl,
      now: () => this.#clock.now(),
      tell: (event: HistoryEvent) => this.#tell(event),
    };
    return giveStatusCall(parts, task, actor);
  }

  async remove(aggregateId: string, actor?: Actor, because?: string): Promise<void> {
    this.#refuseWhenDraining();
    await this.#removals.remove(aggregateId, actor, because);
    this.#memory.drop(aggregateId);
  }

  checkTerminal(task: JobTask): void {
    this.#refuseWhenDraining();
    this.#terminals.check(task);
  }

  async openTerminal(taskId: string, request: TerminalRequest, actor: Actor): Promise<Terminal> {
    this.#refuseWhenDraining();
    const task = await this.#options.store.runs.task(taskId);
    if (!task) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    return this.#terminals.open(task, request, actor);
  }

  waitingFor(task: JobTask): string | undefined {
    return this.#runnerWait(task) ?? this.#placeOf(task.id)?.sentence ?? waitingReason(task);
  }

  async why(id: string): Promise<Why> {
    const aggregateId = isId("run", id) ? id : await this.#aggregateOf(id);
    const state = aggregateId === undefined ? undefined : await this.#stateOf(aggregateId);
    const { whyTask } = await import("@mflow/core/why");
    const { whyRun } = await import("@mflow/core/why-run");
    const facts: WhyFacts = {
      placeOf: (waiting) => this.#placeOf(waiting),
      runnerWait: (task) => this.#runnerWait(task),
    };
    const task = state?.tasks.get(id);
    if (state && task) return whyTask(state, task, facts);
    if (state?.run?.id === id) return whyRun(state, state.run, facts);
    throw new MflowError("NOT_FOUND", `there is no run or task ${id}`);
  }

  async #stateOf(aggregateId: string): Promise<RunState | undefined> {
    const known = this.#memory.get(aggregateId);
    if (known) return known;
    const aggregate = await this.#options.store.runs.load(aggregateId);
    return aggregate && stateOf(aggregate);
  }

  /** What the runner says that an attempt waits for. */
  #runnerWait({ id, attempt, status, runnerType }: JobTask): string | undefined {
    if (status.stage !== "CREATING") return undefined;
    return this.#runners.get(runnerType)?.waitingFor?.({ taskId: id, attempt });
  }

  /** What a task or run waits for in line. */
  #placeOf(id: string): PlaceInLine | undefined {
    const wait = this.#turns.waitOf(id);
    return wait && { ...wait, sentence: waitSentence(wait) };
  }

  runWaitsFor(run: PipelineTask): string | undefined {
    return this.#turns.sentence(run.id) ?? runWaitingReason(run);
  }

  waitOf(id: string): WaitFacts | undefined {
    return this.#turns.waitOf(id);
  }

  pauseRun: Engine["pauseRun"] = async (runId, request, actor, ifRevision) => {
    const state = await this.#submitFor(runId, { type: "pauseRun", request, ifRevision }, actor);
    return state.run as PipelineTask;
  };

  resumeRun: Engine["resumeRun"] = async (runId, actor, ifRevision) => {
    const state = await this.#submitFor(runId, { type: "resumeRun", ifRevision }, actor);
    return state.run as PipelineTask;
  };

  pause: Engine["pause"] = (what, request, actor) => this.#turns.pause(what, request, actor);

  resume: Engine["resume"] = (what, actor) => this.#turns.resume(what, actor);

  pauseOf: Engine["pauseOf"] = (what) => this.#turns.pauseOf(what);

  /** Tells subscribers of events that were written besides changes. */
  tell(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#tell(event);
  }

  setLimit: Engine["setLimit"] = (name, maxTasks) => this.#turns.setLimit(name, maxTasks);

  cancelQueue: Engine["cancelQueue"] = async (scope, pipeline, request, actor) => {
    const { domain, namespace } = scope;
    const pending = (await this.#options.store.runs.pending()).filter(
      (run) => run.name === pipeline && run.domain === domain && run.namespace === namespace,
    );
    const change = { type: "cancelRun", request, onlyWaiting: true } as const;
    // Those of the end first: none gets its turn because one before it was canceled.
    const states = await Promise.all(pending.reverse().map((run) => this.#submitFor(run.id, change, actor)));
    const canceled = states.flatMap(({ run }) => (run?.status.stage === "CANCELED" ? [run] : []));
    return canceled.reverse();
  };

  subscribe(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  busy(): boolean {
    return this.#unfinished.size > 0 || this.#terminals.isBusy;
  }

  /** Counts for metrics. */
  get counts(): { unfinished: number; slotsHeld: number; slotsWaiting: number } {
    const { held, waiting } = this.#turns.counts;
    return { unfinished: this.#unfinished.size, slotsHeld: held, slotsWaiting: waiting };
  }

  /** Runs and lone tasks that were removed since the start, by why. */
  get removed(): Readonly<Record<"request" | "retention", number>> {
    return this.#removals.counts;
  }

  #context(actor: Actor | undefined): Context {
    const { keys, groupMembers, newId, statusGraceMs } = this.#options;
    const nowMs = this.#clock.now();
    const context: Context = {
      now: new Date(nowMs).toISOString(),
      nowMs,
      admission: this.#turns.admission,
      statusGraceMs: statusGraceMs ?? 30_000,
      newId,
      random: Math.random,
      groupMembers,
      standInOf: (user) => this.#options.standInOf?.(user),
      cannotDecide: (user, scope) => this.#options.cannotDecide?.(user, scope),
      verifyUpdateToken: (token, taskId, attempt) => keys.verifyUpdateToken(token, taskId, attempt),
      seal: (plain) => keys.seal(plain),
      unseal: (sealed) => keys.unseal(sealed),
      isSealed: (text) => keys.isSealed(text),
      fingerprint: (plain) => keys.fingerprint(plain),
    };
    if (actor) context.actor = actor;
    return context;
  }

  #lease() {
    return { owner: this.#owner, until: this.#clock.now() + LEASE_MS };
  }

  async #changeTask(change: Extract<Change, { taskId: string }>, actor?: Actor): Promise<JobTask> {
    const { taskId } = change;
    const aggregateId = await this.#aggregateOf(taskId);
    if (aggregateId === undefined) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    const state =
      actor && isGateChange(change)
        ? await this.#refusals.guard(change, actor, () => this.#submitFor(aggregateId, change, actor))
        : await this.#submitFor(aggregateId, change, actor);
    return state.tasks.get(taskId) as JobTask;
  }

  async #aggregateOf(taskId: string): Promise<string | undefined> {
    return this.#memory.aggregateOf(taskId) ?? (await this.#options.store.runs.aggregateOf(taskId));
  }

  #submitFor(
    aggregateId: string,
    change: Exclude<Change, { type: "runPipeline" }>,
    actor?: Actor,
  ): Promise<RunState> {
    this.#refuseWhenDraining();
    return this.#committer.submit(aggregateId, change, actor);
  }

  #refuseWhenDraining(): void {
    if (this.#isDraining) throw new MflowError("UNAVAILABLE", "the server is stopping and takes no new work");
  }

  async #submit(aggregateId: string, change: Exclude<Change, { type: "runPipeline" }>): Promise<void> {
    await this.#committer.submit(aggregateId, change);
  }

  /** A change of the engine's own; it is repeated until it is committed or refused. */
  #submitOwn(aggregateId: string, change: Exclude<Change, { type: "runPipeline" }>): void {
    this.#submit(aggregateId, change).catch((error: unknown) => {
      if (error instanceof MflowError && error.status < 500) return;
      this.#options.log.warn(`could not commit ${change.type} of ${aggregateId}`, error);
      this.#after(RETRY_MS, () => this.#submitOwn(aggregateId, change));
    });
  }

  async #report(report: Report): Promise<void> {
    const aggregateId = await this.#aggregateOf(report.taskId);
    // Deleted meanwhile: there is nobody left to tell.
    if (aggregateId === undefined) return;
    try {
      await this.#submit(aggregateId, { type: "report", report });
    } catch (error) {
      if (error instanceof MflowError && error.code === "NOT_FOUND") return;
      throw error;
    }
  }

  #found(state: RunState): void {
    this.#unfinished.add(state.id);
    noteState(this.#turns.admission, state);
    this.#removals.note(state);
    if (state.run) this.#alarms.note(state.id, state.run);
    for (const task of state.tasks.values()) this.#alarms.note(state.id, task);
  }

  #committed(state: RunState, commit: RunCommit, events: HistoryEvent[], effects: Effect[]): void {
    const { tasks, messages } = commit;
    this.#removals.note(state);
    if (isOver(state)) this.#unfinished.delete(state.id);
    else this.#unfinished.add(state.id);
    if (commit.run) this.#alarms.note(state.id, commit.run);
    for (const task of tasks) this.#alarms.note(state.id, task);
    for (const event of events) this.#tell(event);
    const rows = new Map(tasks.map((task) => [task.id, task]));
    for (const effect of effects) {
      this.#workers.run({ effect, task: rows.get(effect.taskId), definition: state.definition });
    }
    if (messages.length > 0)
      this.#options.listeners?.committed(messages.flatMap(({ deliveries }) => deliveries));
    this.#turns.give();
  }

  #tell(event: HistoryEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.log.warn("a subscriber failed", error);
      }
    }
  }

  /** A stopping engine sets no timers: they would keep its process alive. */
  #after(ms: number, callback: () => void): void {
    if (this.#isDraining) return;
    const cancel = this.#clock.setTimeout(() => {
      this.#timers.delete(cancel);
      callback();
    }, ms);
    this.#timers.add(cancel);
  }

  #sweepLater(): void {
    this.#after(SWEEP_MS, () => {
      void this.#sweep();
      this.#sweepLater();
    });
  }

  /** Takes effects that are due and nobody's. */
  async #sweep(): Promise<void> {
    if (this.#isDraining) return;
    try {
      const now = this.#clock.now();
      await this.#takeUp(await this.#options.store.outbox.claim(this.#lease(), now, 500));
    } catch (error) {
      this.#options.log.warn("could not look for due effects", error);
    }
  }

  async #takeUp(effects: readonly Effect[]): Promise<void> {
    const { runs } = this.#options.store;
    for (const effect of effects) {
      const definition = await runs.definition(effect.aggregateId);
      if (!definition) this.#committer.effectDone(effect.id);
      else this.#workers.run({ effect, task: await runs.task(effect.taskId), definition });
    }
  }
}
