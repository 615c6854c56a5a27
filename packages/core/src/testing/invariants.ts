// What must hold after every decision on a run, whatever happened. Each breach is an error that says which
// rule broke and shows the decision.

import { gateWakeAt, passesOf, standingDecisions } from "../gate.ts";
import type { NewHistoryEvent } from "../schema/event.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask, TaskStage } from "../schema/job-task.ts";
import type { StageSpec } from "../schema/pipeline.ts";
import { type Decision, holdsSlot, isRunEnded, makeState, type RunState } from "../state.ts";
import { isAtWork, isEnded, TRANSITIONS } from "../transitions.ts";
import { noticeBreach } from "./notice-invariants.ts";
import type { World } from "./world.ts";

/** Watches one run or lone task from its first decision on. */
export class Invariants {
  readonly #play: { readonly state: RunState };
  readonly #world: World;
  readonly #secrets: readonly string[];
  readonly #stages = new Map<string, TaskStage>();
  readonly #revisions = new Map<string, number>();
  readonly #starts = new Set<string>();
  readonly #stops = new Set<string>();
  readonly #releases: string[] = [];
  #runEnds = 0;

  /** `play` tells the state as it is now; `secrets`: plain values that must not be in anything that is stored. */
  constructor(play: { readonly state: RunState }, world: World, secrets: readonly string[]) {
    this.#play = play;
    this.#world = world;
    this.#secrets = secrets;
    for (const { id, keptFrom, status } of play.state.tasks.values()) {
      this.#stages.set(id, keptFrom ? status.stage : "PENDING");
    }
  }

  get #state(): RunState {
    return this.#play.state;
  }

  /** To be called with each decision once it is applied. */
  check(decision: Decision): void {
    try {
      this.#checkMoves(decision);
      this.#checkEffects(decision);
      this.#checkRevisions(decision);
      this.#checkSecrets(decision);
      this.#checkNotices(decision);
      for (const task of this.#state.tasks.values()) checkTask(task);
      if (this.#state.run) this.#checkRun(decision);
      this.#checkReload();
    } catch (error) {
      throw new Error(`${(error as Error).message}\nin ${JSON.stringify(decision, undefined, 1)}`);
    }
  }

  /** Every stage is left the way the history says, and by the table; only an operator forces more. */
  #checkMoves(decision: Decision): void {
    const forced = new Set<string>();
    // Ways of a dynamic matrix are made on the way.
    for (const { id } of decision.tasks) if (!this.#stages.has(id)) this.#stages.set(id, "PENDING");
    for (const event of decision.history) {
      if (event.taskId === undefined) continue;
      if (event.type === "STATUS_FORCED") forced.add(event.taskId);
      if (event.type === "TASK_STAGE") this.#checkMove(event, forced.has(event.taskId));
    }
    for (const task of decision.tasks) {
      if (forced.has(task.id)) this.#stages.set(task.id, task.status.stage);
      const known = this.#stages.get(task.id);
      ensure(known === task.status.stage, `${task.name} is ${task.status.stage}, its history says ${known}`);
    }
  }

  #checkMove({ taskId = "", name, from, stage }: NewHistoryEvent, isForced: boolean): void {
    const known = this.#stages.get(taskId);
    ensure(isForced || known === from, `${name} leaves ${from}, but it was ${known}`);
    const targets: (string | undefined)[] = Object.values(TRANSITIONS[from as TaskStage]);
    ensure(targets.includes(stage), `${name} went ${from} -> ${stage}, which is not in the table`);
    this.#stages.set(taskId, stage as TaskStage);
  }

  /** Each attempt starts once; whatever is created was told to start, and whatever must stop to stop. */
  #checkEffects({ effects, history, tasks }: Decision): void {
    const told = new Set(effects.map(({ kind, taskId, attempt }) => `${kind} ${taskId} ${attempt}`));
    for (const { kind, taskId, attempt } of effects) {
      if (kind === "RELEASE") this.#releases.push(taskId);
      if (kind !== "START") continue;
      ensure(!this.#starts.has(`${taskId} ${attempt}`), `${taskId} ${attempt} starts twice`);
      this.#starts.add(`${taskId} ${attempt}`);
      this.#checkTurn(this.#state.tasks.get(taskId) as JobTask);
    }
    for (const task of tasks) {
      const key = `${task.id} ${task.attempt}`;
      const events = history.filter((event) => event.taskId === task.id);
      const isCreated = events.some((event) => event.type === "TASK_STAGE" && event.stage === "CREATING");
      ensure(!isCreated || told.has(`START ${key}`), `${task.name} is created without START`);
      if (told.has(`STOP ${key}`)) this.#stops.add(key);
      ensure(!mustStop(task, events) || this.#stops.has(key), `${task.name} is to stop without STOP`);
    }
  }

  /** Nothing starts before its turn: what it needs has ended, or else earlier stages, and in a serial stage earlier tasks. */
  #checkTurn(task: JobTask): void {
    const { pipeline } = this.#state.definition;
    const stage = pipeline?.stages[(task.stageNumber ?? 0) - 1];
    const needs = stage?.tasks[(task.taskNumber ?? 0) - 1]?.needs;
    for (const other of this.#state.tasks.values()) {
      const otherStage = pipeline?.stages[(other.stageNumber ?? 0) - 1];
      const name = otherStage?.tasks[(other.taskNumber ?? 0) - 1]?.name ?? "";
      const isMainBefore = stage?.finally === true && otherStage?.finally !== true;
      if (!isMainBefore && !(needs ? needs.includes(name) : isBefore(other, task, stage, otherStage)))
        continue;
      ensure(isEnded(other.status.stage), `${task.name} starts while ${other.name} is ${other.status.stage}`);
    }
  }

  #checkRevisions({ run, tasks }: Decision): void {
    for (const row of [...(run ? [run] : []), ...tasks]) {
      const before = this.#revisions.get(row.id) ?? 0;
      ensure(row.revision === before + 1, `revision of ${row.id} went from ${before} to ${row.revision}`);
      this.#revisions.set(row.id, row.revision);
    }
  }

  #checkSecrets(decision: Decision): void {
    const stored = JSON.stringify(decision);
    for (const secret of this.#secrets) ensure(!stored.includes(secret), `${secret} is stored in the clear`);
  }

  #checkNotices(decision: Decision): void {
    const breach = noticeBreach(decision, this.#state.run ? "request/webhooks/0" : "task/webhooks/0");
    ensure(breach === undefined, breach ?? "");
  }

  #checkRun(decision: Decision): void {
    const { run, definition, tasks } = this.#state;
    if (!run) return;
    const { progress } = run.status;
    const isOver = isRunEnded(run);
    const open = [...tasks.values()].filter((task) => task.open);
    const unended = [...tasks.values()].filter((task) => !isEnded(task.status.stage));
    const counted = { tasks: tasks.size, open: open.length, ended: tasks.size - unended.length };
    ensure(JSON.stringify(progress) === JSON.stringify(counted), `progress is ${JSON.stringify(progress)}`);
    for (const task of open) ensure(!isEnded(task.status.stage), `${task.name} has ended and is open`);
    for (const [index, stage] of (definition.pipeline?.stages ?? []).entries()) {
      const ofStage = open.filter((task) => task.stageNumber === index + 1);
      const inOrder = ofStage.filter((task) => !stage.tasks[(task.taskNumber ?? 1) - 1]?.needs);
      if (!stage.isParallel) checkSerial(inOrder);
      else ensure(ofStage.length <= (stage.maxParallel ?? tasks.size), `${ofStage.length} tasks are open`);
    }
    ensure(!isOver || unended.length === 0, `the run has ended, but not ${unended.map((task) => task.name)}`);
    ensure(isOver || unended.length > 0, "all tasks have ended, but not the run");
    for (const event of decision.history) {
      if (event.type === "RUN_STAGE" && isOver && event.stage === run.status.stage) this.#runEnds++;
    }
    ensure(this.#runEnds === (isOver ? 1 : 0), `the run ended ${this.#runEnds} times`);
    ensure(this.#releases.length === this.#runEnds, `${this.#releases.length} RELEASE`);
    if (run.lockKey !== undefined) {
      const holder = this.#world.locks.get(run.lockKey);
      ensure(
        (holder === run.id) === !isOver,
        `the lock is held by ${holder}, the run is ${run.status.stage}`,
      );
    }
  }

  /** A server that restarts reads the rows; it must know what the one before knew. */
  #checkReload(): void {
    const { id, run, definition, tasks, exported } = this.#state;
    const read = JSON.parse(JSON.stringify({ run, tasks: [...tasks.values()].reverse() }));
    const loaded = makeState(id, read.run, definition, read.tasks);
    const planned = JSON.stringify(loaded.progress?.summary());
    ensure(planned === JSON.stringify(this.#state.progress?.summary()), "the plan differs after a restart");
    const envs = (map: ReadonlyMap<string, string>) => JSON.stringify([...map].sort());
    ensure(envs(loaded.exported) === envs(exported), "runtime envs differ after a restart");
    for (const [taskId, task] of tasks) {
      const again = JSON.stringify(loaded.tasks.get(taskId));
      ensure(again === JSON.stringify(task), `${task.name} differs after a restart`);
    }
  }
}

/** Whether the order of the stages puts a task before another. */
function isBefore(
  other: JobTask,
  task: JobTask,
  stage: StageSpec | undefined,
  otherStage: StageSpec | undefined,
): boolean {
  if ((stage?.finally ?? false) !== (otherStage?.finally ?? false)) return false;
  if ((other.stageNumber ?? 0) < (task.stageNumber ?? 0)) return true;
  const isEarlier =
    other.stageNumber === task.stageNumber && (other.taskNumber ?? 0) < (task.taskNumber ?? 0);
  return isEarlier && !stage?.isParallel;
}

/** In a serial stage one task runs after another; of a matrix all ways at once. */
function checkSerial(open: readonly JobTask[]): void {
  const numbers = new Set(open.map((task) => task.taskNumber));
  ensure(numbers.size <= 1, `${open.map(({ name }) => name).join(", ")} are open in a serial stage`);
}

/** A gate is passed by as many people as are required, each once, and by nobody whose pass was taken back. */
function checkGate({ name }: JobTask, gate: Gate): void {
  const standing = standingDecisions(gate);
  const people = standing.flatMap(({ user, onBehalfOf }) => [user, ...(onBehalfOf ? [onBehalfOf] : [])]);
  ensure(new Set(people).size === people.length, `somebody has decided ${name} twice`);
  ensure(gate.stage !== "PASS" || passesOf(gate) >= gate.required, `${name} is passed by too few`);
  ensure(gate.stage !== "WAITING" || passesOf(gate) < gate.required, `${name} waits though enough passed`);
}

/** Attempts before the present one have ended, gates included, and are kept in their order. */
function checkPast(task: JobTask): void {
  const { name, attempt, pastAttempts = [], confirm, pushBacks = 0 } = task;
  const numbers = pastAttempts.map((past) => past.attempt);
  ensure(
    JSON.stringify(numbers) === JSON.stringify(numbers.map((_, index) => index + 1)),
    `past attempts of ${name} are ${numbers}`,
  );
  // A task whose turn has not come, or never came, again has the number of the attempt before.
  const isUnopened = !isOpen(task) && attempt === numbers.length;
  ensure(isUnopened || attempt === numbers.length + 1, `${name} is at attempt ${attempt} after ${numbers}`);
  for (const past of pastAttempts) {
    ensure(isEnded(past.status.stage), `attempt ${past.attempt} of ${name} is ${past.status.stage}`);
    for (const gate of [past.audit, past.confirm]) {
      const isOver = gate?.stage !== "WAITING" && gate?.stage !== "PENDING";
      ensure(isOver, `a gate of attempt ${past.attempt} of ${name} is ${gate?.stage}`);
    }
  }
  const most = confirm?.maxPushBacks ?? 0;
  ensure(pushBacks <= most, `${name} was pushed back ${pushBacks} times, ${most} are allowed`);
}

/** Whether the turn of a task has come and it has not ended. */
function isOpen(task: JobTask): boolean {
  const { stage } = task.status;
  return (
    stage === "SCHEDULING" || isAtWork(stage) || (stage === "PENDING" && task.audit?.stage === "WAITING")
  );
}

/** Whether work that may be running has no way on but to stop: canceled, timed out, or ended by force. */
function mustStop(task: JobTask, events: readonly NewHistoryEvent[]): boolean {
  const { stage, stopping, reported, workGoneAt } = task.status;
  if (stage === "CANCELING" || stopping !== undefined) return true;
  const isForced = events.some(
    (event) => event.type === "STATUS_FORCED" && isAtWork(event.from as TaskStage),
  );
  return isForced && isEnded(stage) && reported === undefined && workGoneAt === undefined;
}

/** What holds for each task alone. */
function checkTask(task: JobTask): void {
  const { stage, reported, stopping } = task.status;
  const hasEnded = isEnded(stage);
  ensure(!(hasEnded && holdsSlot(task)), `${task.name} has ended and holds a slot`);
  ensure(!(hasEnded && task.wakeAt !== undefined), `${task.name} has ended and has an alarm`);
  ensure(!(hasEnded && stopping), `${task.name} has ended and is being stopped`);
  const waiting = [task.audit, task.confirm].find((gate) => gate?.stage === "WAITING");
  const isHeldOrWaits = reported || waiting;
  ensure(!isHeldOrWaits || task.wakeAt === gateWakeAt(waiting), `${task.name} has not the alarm of its gate`);
  ensure(task.audit?.stage !== "WAITING" || stage === "PENDING", `${task.name} is ${stage}, its audit waits`);
  const isHeld = stage === "ACTIVE" && reported !== undefined;
  ensure((task.confirm?.stage === "WAITING") === isHeld, `${task.name} is ${stage}, its confirm is not`);
  const hasOpenGate = [task.audit, task.confirm].some(
    (gate) => gate?.stage === "WAITING" || gate?.stage === "PENDING",
  );
  ensure(!(hasEnded && hasOpenGate), `${task.name} has ended with an open gate`);
  for (const gate of [task.audit, task.confirm]) if (gate) checkGate(task, gate);
  checkPast(task);
}

function ensure(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
}
