// The engine: everything that happens to a run goes through here, one way: submit, decide, commit, effects.

import type { Change, Context } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import { isId } from "@mflow/core/ids";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Why } from "@mflow/core/schema/why";
import type { RunState } from "@mflow/core/state";
import type { WaitFacts } from "@mflow/core/wait-sentence";
import type { Runner } from "../runners/runner.ts";
import type { Effect, RunCommit } from "../store/store.ts";
import { Alarms } from "./alarms.ts";
import { Attempts } from "./attempts.ts";
import { ChainedRuns } from "./chained-runs.ts";
import { ChildRuns } from "./child-runs.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Committer } from "./committer.ts";
import { makeContext } from "./context.ts";
import { DueEffects } from "./due-effects.ts";
import { EffectWorkers } from "./effects.ts";
import { Memory, stateOf } from "./memory.ts";
import { startNextRun } from "./next-runs.ts";
import type { EngineOptions } from "./options.ts";
import { Refusals } from "./refusals.ts";
import { Removals } from "./removals.ts";
import { resync } from "./resync.ts";
import { RunRequests } from "./run-requests.ts";
import { noteRun, noteState } from "./standings.ts";
import { makeStartRequest } from "./start-request.ts";
import { giveStatusCall } from "./status-calls.ts";
import type { Actor, Engine, Terminal, TerminalRequest } from "./submit.ts";
import { Subscribers } from "./subscribers.ts";
import { Terminals } from "./terminals.ts";
import { Timers } from "./timers.ts";
import { Turns } from "./turns.ts";
import { Unfinished } from "./unfinished.ts";
import { Verbs } from "./verbs.ts";
import { Waits } from "./waits.ts";

/** How long an effect is ours before somebody else may take it over. */
const LEASE_MS = 60_000;
/** A change of the engine's own that could not be committed is tried again after this. */
const RETRY_MS = 1_000;
/** A server that stops gives effects so long to end by themselves. */
const STOP_WAIT_MS = 2_000;

/** A change of the engine's own. */
type OwnChange = Exclude<Change, { type: "runPipeline" }>;
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
  readonly #terminals: Terminals;
  readonly #subscribers: Subscribers;
  readonly #verbs: Verbs;
  readonly #removals: Removals;
  readonly #attempts: Attempts;
  readonly #waits: Waits;
  readonly #timers: Timers;
  readonly #dueEffects: DueEffects;
  readonly #runners: ReadonlyMap<string, Runner>;
  readonly #chained: ChainedRuns;
  readonly #childRuns: ChildRuns;
  readonly #owner: string;
  readonly #unfinished = new Unfinished();
  #isDraining = false;

  constructor(options: EngineOptions) {
    const { store, keys, logs, files, newId, mflowUrl } = options;
    const now = () => this.#clock.now();
    /** What many parts are made of. */
    const shared = {
      ...{ store, keys, logs, newId, mflowUrl, now },
      ...{ runs: store.runs, outbox: store.outbox, history: store.history },
      warn: (message: string, error?: unknown) => options.log.warn(message, error),
      tell: (event: HistoryEvent) => this.#subscribers.tell(event),
      lease: () => this.#lease(),
      runnerOf: (type: string) => this.#runners.get(type),
      aggregateOf: (taskId: string) => this.#attempts.aggregateOf(taskId),
      submit: (aggregateId: string, change: OwnChange) => this.#submit(aggregateId, change),
      makeContext: (actor: Actor | undefined) => this.#context(actor),
      refuseWhenDraining: () => this.#refuseWhenDraining(),
    };
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#owner = newId("server");
    this.#timers = new Timers(this.#clock);
    this.#subscribers = new Subscribers(shared.warn);
    this.#attempts = new Attempts({ ...options, ...shared, memory: this.#memory });
    this.#turns = new Turns({
      ...shared,
      maxTasks: options.maxTasks,
      now: () => new Date(now()).toISOString(),
      after: (ms, callback) => this.#timers.after(ms, callback),
    });
    this.#childRuns = new ChildRuns({
      ...shared,
      chained: { start: (wanted) => this.#chained.start(wanted) },
      cancelRun: (runId, request, actor) => this.cancelRun(runId, request, actor),
      isSealed: (text) => keys.isSealed(text),
    });
    this.#runners = new Map(
      [...options.runners, this.#childRuns].map((runner): [string, Runner] => [runner.type, runner]),
    );
    const wakeOf = (rowId: string) =>
      isId("run", rowId) ? ({ type: "wakeRun" } as const) : ({ type: "wake", taskId: rowId } as const);
    this.#alarms = new Alarms(this.#timers, (id, rowId) => this.#submitOwn(id, wakeOf(rowId)));
    this.#committer = new Committer({
      ...shared,
      memory: this.#memory,
      admission: this.#turns.admission,
      newEffectId: () => newId("effect"),
      deliveriesOf: (notice, aggregateId) => options.listeners?.deliveriesOf(notice, aggregateId) ?? [],
      committed: (state, commit, events, effects) => this.#committed(state, commit, events, effects),
      uncounted: (id) => this.#timers.after(RETRY_MS, () => this.#submitOwn(id, wakeOf(id))),
    });
    this.#workers = new EffectWorkers({
      ...shared,
      clock: this.#clock,
      runners: this.#runners,
      stopGraceMs: options.stopGraceMs ?? 10_000,
      startRequest: (task, definition) => makeStartRequest(task, definition, keys, mflowUrl()),
      done: (effectId) => this.#committer.effectDone(effectId),
      startFailed: (aggregateId, taskId, attempt, message) =>
        this.#submit(aggregateId, { type: "startFailed", taskId, attempt, message }),
      stopped: (aggregateId, taskId, attempt) =>
        this.#submit(aggregateId, { type: "stopped", taskId, attempt }),
      childEnded: (runId) => this.#childRuns.tellParent(runId),
      startNext: (runId, nextId) => this.#startNext(runId, nextId),
      giveWay: (aggregateId, id) => this.#turns.giveWay(aggregateId, id),
      retryAt: (dueAt) => this.#dueEffects.lookAt(dueAt),
    });
    this.#dueEffects = new DueEffects({
      ...shared,
      workers: this.#workers,
      timers: this.#timers,
      done: (effectId) => this.#committer.effectDone(effectId),
    });
    this.#waits = new Waits({
      ...shared,
      turns: this.#turns,
      stateOf: (aggregateId) => this.#stateOf(aggregateId),
      troubleOf: (ref) => this.#workers.troubleOf(ref),
    });
    this.#verbs = new Verbs({
      ...shared,
      committer: this.#committer,
      refusals: new Refusals({ ...shared, records: store.records }),
    });
    this.#terminals = new Terminals(shared);
    this.#removals = new Removals({
      ...shared,
      files,
      standing: (ref) => this.#attempts.standing(ref),
    });
    this.#runRequests = new RunRequests({
      ...shared,
      committer: this.#committer,
      hold: (aggregateId) => this.#removals.hold(aggregateId),
      files,
      runners: this.#runners,
    });
    this.#chained = new ChainedRuns({
      ...shared,
      runRequests: this.#runRequests,
      rightsOf: options.rightsOf,
      unseal: (sealed) => keys.unseal(sealed),
    });
  }

  #startNext(runId: string, nextId: string): Promise<void> {
    const { store, keys } = this.#options;
    const note = (id: string, change: NextRunChange) => this.#submit(id, change);
    return startNextRun({ runs: store.runs, chained: this.#chained, keys, note }, runId, nextId);
  }

  /** Opens the runners and takes up what an earlier life left. Called once, before any verb. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const host = this.#attempts.host();
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
      foundToFollow: (run) => this.#unfinished.noteRun(run),
      foundWaiting: (run) => {
        this.#unfinished.noteRun(run);
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
    await this.#dueEffects.takeUp(effects);
    await this.#attempts.finishLogs(isKnown);
    this.#turns.give();
    this.#dueEffects.start();
  }

  /**
   * Takes no new work, finishes what is being committed, and leaves running tasks alone. Effects that do not end soon,
   * e.g. those for a cluster that is away, are given back for the next life.
   */
  async stop(): Promise<void> {
    this.#isDraining = true;
    this.#timers.close();
    this.#dueEffects.close();
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

  runPipeline: Engine["runPipeline"] = (input) => this.#runRequests.runPipeline(input);
  rerun: Engine["rerun"] = (input) => this.#runRequests.rerun(input);
  rollback: Engine["rollback"] = (input) => this.#runRequests.rollback(input);
  runJob: Engine["runJob"] = (input) => this.#runRequests.runJob(input);
  updateStatus: Engine["updateStatus"] = (...given) => this.#verbs.updateStatus(...given);
  updateOutput: Engine["updateOutput"] = (...given) => this.#verbs.updateOutput(...given);
  audit: Engine["audit"] = (...given) => this.#verbs.audit(...given);
  confirm: Engine["confirm"] = (...given) => this.#verbs.confirm(...given);
  withdraw: Engine["withdraw"] = (...given) => this.#verbs.withdraw(...given);
  cancelTask: Engine["cancelTask"] = (...given) => this.#verbs.cancelTask(...given);
  cancelRun: Engine["cancelRun"] = (...given) => this.#verbs.cancelRun(...given);
  pauseRun: Engine["pauseRun"] = (...given) => this.#verbs.pauseRun(...given);
  resumeRun: Engine["resumeRun"] = (...given) => this.#verbs.resumeRun(...given);
  cancelQueue: Engine["cancelQueue"] = (...given) => this.#verbs.cancelQueue(...given);

  async statusCall(taskId: string, actor: Actor): Promise<StatusCall> {
    const { store, keys, mflowUrl } = this.#options;
    const task = await store.runs.task(taskId);
    if (!task) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    const now = () => this.#clock.now();
    const tell = (event: HistoryEvent) => this.#subscribers.tell(event);
    const updateToken = keys.updateToken.bind(keys);
    const parts = { history: store.history, updateToken, mflowUrl, now, tell };
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

  async #stateOf(aggregateId: string): Promise<RunState | undefined> {
    const known = this.#memory.get(aggregateId);
    if (known) return known;
    const aggregate = await this.#options.store.runs.load(aggregateId);
    return aggregate && stateOf(aggregate);
  }

  waitingFor(task: JobTask): string | undefined {
    return this.#waits.ofTask(task);
  }

  runWaitsFor(run: PipelineTask): string | undefined {
    return this.#waits.ofRun(run);
  }

  waitOf(id: string): WaitFacts | undefined {
    return this.#waits.inLine(id);
  }

  why(id: string): Promise<Why> {
    return this.#waits.why(id);
  }

  pause: Engine["pause"] = (what, request, actor) => this.#turns.pause(what, request, actor);

  resume: Engine["resume"] = (what, actor) => this.#turns.resume(what, actor);

  pauseOf: Engine["pauseOf"] = (what) => this.#turns.pauseOf(what);

  /** Tells subscribers of events that were written besides changes. */
  tell(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#subscribers.tell(event);
  }

  setLimit: Engine["setLimit"] = (name, maxTasks) => this.#turns.setLimit(name, maxTasks);

  subscribe(listener: (event: HistoryEvent) => void): () => void {
    return this.#subscribers.add(listener);
  }

  busy(): boolean {
    return this.#unfinished.isAny || this.#terminals.isBusy;
  }

  /** Counts for metrics. */
  get counts(): { unfinished: number; slotsHeld: number; slotsWaiting: number } {
    const { held, waiting } = this.#turns.counts;
    return { unfinished: this.#unfinished.count, slotsHeld: held, slotsWaiting: waiting };
  }

  /** Runs and lone tasks that were removed since the start, by why. */
  get removed(): Readonly<Record<"request" | "retention", number>> {
    return this.#removals.counts;
  }

  #context(actor: Actor | undefined): Context {
    return makeContext(this.#options, this.#turns.admission, this.#clock.now(), actor);
  }

  #lease() {
    return { owner: this.#owner, until: this.#clock.now() + LEASE_MS };
  }

  #refuseWhenDraining(): void {
    if (this.#isDraining) throw new MflowError("UNAVAILABLE", "the server is stopping and takes no new work");
  }

  async #submit(aggregateId: string, change: OwnChange): Promise<void> {
    await this.#committer.submit(aggregateId, change);
  }

  /** A change of the engine's own; repeated until it is committed or refused. What it finds uncounted may have its turn. */
  #submitOwn(aggregateId: string, change: OwnChange): void {
    const failed = (error: unknown) => {
      if (error instanceof MflowError && error.status < 500) return;
      this.#options.log.warn(`could not commit ${change.type} of ${aggregateId}`, error);
      this.#timers.after(RETRY_MS, () => this.#submitOwn(aggregateId, change));
    };
    this.#submit(aggregateId, change).then(() => this.#turns.give(), failed);
  }

  #found(state: RunState): void {
    this.#unfinished.note(state);
    noteState(this.#turns.admission, state);
    this.#removals.note(state);
    if (state.run) this.#alarms.note(state.id, state.run);
    for (const task of state.tasks.values()) this.#alarms.note(state.id, task);
  }

  #committed(state: RunState, commit: RunCommit, events: HistoryEvent[], effects: Effect[]): void {
    const { tasks, messages } = commit;
    this.#removals.note(state);
    this.#unfinished.note(state);
    if (commit.run) this.#alarms.note(state.id, commit.run);
    for (const task of tasks) this.#alarms.note(state.id, task);
    for (const event of events) this.#subscribers.tell(event);
    const rows = new Map(tasks.map((task) => [task.id, task]));
    for (const effect of effects) {
      this.#workers.run({ effect, task: rows.get(effect.taskId), definition: state.definition });
    }
    if (messages.length > 0)
      this.#options.listeners?.committed(messages.flatMap(({ deliveries }) => deliveries));
    this.#turns.give();
  }
}
