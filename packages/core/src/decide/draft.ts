// The decision under way: reads see what the decision has changed so far, writes collect the new rows.
// A task's stage changes by `moveTask`, so that it follows the table, the history has it, and what the task holds is counted.
// Only what an operator forces past the table does not (status.ts).

import type { Need } from "../admission.ts";
import { gatesOfTask, heldByTask, needsOfTask } from "../admission-keys.ts";
import type { Context } from "../change.ts";
import { timeAfter } from "../duration.ts";
import type { Notice } from "../notice.ts";
import { nodeOf, type PlannedTask, Progress } from "../plan/progress.ts";
import type { NewDecisionRecord } from "../schema/decision-record.ts";
import type { NewHistoryEvent } from "../schema/event.ts";
import type { JobTask, JobTaskStatus } from "../schema/job-task.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import {
  addExports,
  collectExports,
  type DecidedEffect,
  type Decision,
  type ExportedEnvs,
  type RunState,
} from "../state.ts";
import { type Cause, isAtWork, isEnded, nextStage } from "../transitions.ts";
import { DraftAdmission } from "./draft-admission.ts";

/** The rows as they were when an event was recorded: what listeners are told of it. */
export interface EventRows {
  run?: PipelineTask;
  task?: JobTask;
}

export class Draft {
  readonly context: Context;
  readonly id: string;
  readonly definition: RunDefinition;
  /** Runtime envs that later tasks get. */
  readonly exported: ExportedEnvs = {
    get: (name) => this.#exportedNow.get(name) ?? this.#exportedBefore.get(name),
  };
  readonly history: NewHistoryEvent[] = [];
  readonly effects: DecidedEffect[] = [];
  readonly claims: string[] = [];
  readonly releases: string[] = [];
  readonly notices: Notice[] = [];
  readonly records: NewDecisionRecord[] = [];
  readonly #admission: DraftAdmission;
  /** How far the run has come; none for a lone task. */
  #plan: Progress | undefined;
  #exportedBefore: ExportedEnvs;
  readonly #exportedNow = new Map<string, string>();
  #run: PipelineTask | undefined;
  #runChanged = false;
  readonly #isNew: boolean;
  readonly #before: ReadonlyMap<string, JobTask>;
  readonly #changed = new Map<string, JobTask>();
  readonly #rowsOf = new Map<NewHistoryEvent, EventRows>();

  constructor(state: RunState, context: Context, isNew = false) {
    this.context = context;
    this.id = state.id;
    this.definition = state.definition;
    this.#exportedBefore = state.exported;
    this.#plan = state.progress?.fork();
    this.#admission = new DraftAdmission(context.admission);
    this.#run = state.run;
    this.#isNew = isNew;
    this.#before = state.tasks;
    if (isNew) {
      this.#runChanged = true;
      for (const task of state.tasks.values()) this.#changed.set(task.id, task);
    }
  }

  get run(): PipelineTask | undefined {
    return this.#run;
  }

  /** How far the run has come, as this decision leaves it. */
  get plan(): Progress {
    if (!this.#plan) throw new Error(`${this.id} is a lone task and has no plan`);
    return this.#plan;
  }

  /** All tasks, in the pipeline's order; costs as much as the run is wide. */
  allTasks(): JobTask[] {
    const ids = this.#plan ? this.#plan.taskIds() : [this.id];
    return Array.from(ids, (id) => this.task(id));
  }

  /** The tasks of a node of the plan, in the order of its ways. */
  tasksOf(node: number): JobTask[] {
    return this.plan.tasksOf(node).map((id) => this.task(id));
  }

  /** Hands the task's runtime envs to later tasks. */
  exportEnvs(task: JobTask): void {
    addExports(this.#exportedNow, task);
    this.updateTask(task, { exportedAt: (this.#run?.revision ?? 0) + 1 });
  }

  /**
   * To be called once tasks were reset: what they handed on is gone, also for tasks that open in this decision, and the
   * plan is at the place that the rows tell.
   */
  startOver(): void {
    const tasks = this.allTasks();
    const exported = new Map<string, string>();
    collectExports(exported, tasks);
    this.#exportedBefore = exported;
    this.#exportedNow.clear();
    if (this.#plan) this.#plan = Progress.of(this.#plan.graph, tasks, this.#run?.status.wantedStages);
  }

  findTask(id: string): JobTask | undefined {
    return this.#changed.get(id) ?? this.#before.get(id);
  }

  task(id: string): JobTask {
    const task = this.findTask(id);
    if (!task) throw new Error(`the definition of ${this.id} names ${id}, which has no row`);
    return task;
  }

  /** The tasks of a dynamic matrix are known: the first of them is the one that stood for all; `left` have not ended. */
  expandNode(task: JobTask, taskIds: readonly string[], left: number): void {
    const run = this.#run;
    if (!run) return;
    const more = taskIds.length - this.plan.tasksOf(nodeOf(this.plan.graph, task)).length;
    this.plan.expand(task, taskIds, left);
    const { progress } = run.status;
    this.updateRun({ progress: { ...progress, tasks: progress.tasks + more } });
  }

  /** A task that the run did not have before: a way of a matrix that is known only now. */
  addTask(task: JobTask): void {
    this.#changed.set(task.id, task);
  }

  /** Replaces parts of a task, and counts in its run what it opens or ends; the stage is for `moveTask` to change. */
  updateTask(task: JobTask, change: Partial<JobTask>): JobTask {
    const current = this.task(task.id);
    const before = this.#before.get(task.id);
    const updated: JobTask = {
      ...current,
      ...change,
      updatedAt: this.context.now,
      revision: this.#isNew ? 1 : (before?.revision ?? 0) + 1,
    };
    this.#changed.set(task.id, updated);
    if (change.status || "open" in change) this.#countProgress(current, updated);
    return updated;
  }

  #countProgress(before: PlannedTask, after: PlannedTask): void {
    const run = this.#run;
    if (!this.#plan || !run) return;
    this.#plan.note(before, after);
    const opens = Number(after.open ?? false) - Number(before.open ?? false);
    const ends = Number(isEnded(after.status.stage)) - Number(isEnded(before.status.stage));
    if (opens === 0 && ends === 0) return;
    const { progress } = run.status;
    const next = { ...progress, open: progress.open + opens, ended: progress.ended + ends };
    this.updateRun({ progress: next });
  }

  updateStatus(task: JobTask, change: Partial<JobTaskStatus>): JobTask {
    return this.updateTask(task, { status: { ...this.task(task.id).status, ...change } });
  }

  /** Moves a task by the table and records it. `change` replaces parts of its status, reason and message included. */
  moveTask(task: JobTask, cause: Cause, change: Partial<JobTaskStatus> = {}): JobTask {
    const current = this.task(task.id);
    const from = current.status.stage;
    const stage = nextStage(current, from, cause);
    const { reason: _reason, message: _message, waitingSince: _since, ...rest } = current.status;
    const moved = this.updateTask(current, { status: { ...rest, ...change, stage } });
    this.#count(current, moved);
    if (stage !== from) {
      this.recordTask("TASK_STAGE", moved, {
        stage,
        from,
        reason: moved.status.reason,
        message: moved.status.message,
      });
    }
    return moved;
  }

  /** Whether the task may start now: nothing it is part of is paused, and all that it needs is free or kept for it. */
  mayStart(task: JobTask): boolean {
    const { status } = this.#run ?? {};
    if (status?.paused || status?.lock) return false;
    if (this.context.admission.isGranted(task.id)) return true;
    const needs = needsOfTask(task, this.#run, this.definition);
    return this.#admission.admits(gatesOfTask(this.#run), needs, task.priority ?? 0);
  }

  #count(before: JobTask, after: JobTask): void {
    if (!isAtWork(before.status.stage) && !isAtWork(after.status.stage)) return;
    const held = heldByTask(before, this.#run, this.definition);
    const holds = heldByTask(after, this.#run, this.definition);
    if (held.length === holds.length) return;
    const isIn = (needs: readonly Need[], { key }: Need) => needs.some((need) => need.key === key);
    // What was kept for it while it waited is counted by the engine already.
    if (!this.context.admission.isGranted(after.id)) {
      this.#admission.take(holds.filter((need) => !isIn(held, need)));
    }
    this.#admission.letGo(
      held.filter((need) => !isIn(holds, need)),
      after.priority ?? 0,
    );
  }

  updateRun(change: Partial<PipelineTask["status"]>, more: Partial<PipelineTask> = {}): PipelineTask {
    const run = this.#run;
    if (!run) throw new Error(`${this.id} is a lone task and has no run`);
    this.#run = { ...run, ...more, status: { ...run.status, ...change } };
    this.#runChanged = true;
    return this.#run;
  }

  recordTask(type: NewHistoryEvent["type"], task: JobTask, more: Partial<NewHistoryEvent> = {}): void {
    const event: NewHistoryEvent = {
      type,
      at: this.context.now,
      domain: task.domain,
      namespace: task.namespace,
      taskId: task.id,
      name: task.name,
      attempt: task.attempt,
      ...more,
    };
    if (task.pipelineTaskId) event.pipelineTaskId = task.pipelineTaskId;
    if (this.context.actor) event.actor = this.context.actor.name;
    this.#record(event, { run: this.#run, task });
  }

  recordRun(type: NewHistoryEvent["type"], more: Partial<NewHistoryEvent> = {}): void {
    const run = this.#run;
    if (!run) return;
    const event: NewHistoryEvent = {
      type,
      at: this.context.now,
      domain: run.domain,
      namespace: run.namespace,
      pipelineTaskId: run.id,
      name: run.name,
      ...more,
    };
    if (this.context.actor) event.actor = this.context.actor.name;
    this.#record(event, { run });
  }

  #record(event: NewHistoryEvent, rows: EventRows): void {
    this.history.push(event);
    this.#rowsOf.set(event, rows);
  }

  /** The rows as they were when the event of this decision was recorded. */
  rowsOf(event: NewHistoryEvent): EventRows {
    return this.#rowsOf.get(event) ?? {};
  }

  /** Something is to be done for the task; without one, for the run. */
  effect(kind: DecidedEffect["kind"], task?: JobTask): void {
    this.effects.push({ kind, taskId: task?.id ?? this.id, attempt: task?.attempt ?? 0 });
  }

  /** When an alarm that is set now for `ms` later rings; a time beyond what dates can say is the last one. */
  timeIn(ms: number): string {
    return timeAfter(this.context.nowMs, ms);
  }

  /** Whether anything is to be written. */
  get isChanged(): boolean {
    return this.#changed.size > 0 || this.#runChanged || this.history.length > 0;
  }

  decision(): Decision {
    const decision: Decision = {
      id: this.id,
      tasks: [...this.#changed.values()],
      history: this.history,
      effects: this.effects,
      claims: this.claims,
      releases: this.releases,
      notices: this.notices,
      records: this.records,
    };
    if (this.#isNew) decision.definition = this.definition;
    if (this.#plan) decision.progress = this.#plan.change;
    // The run's revision guards all of it, so it moves with every change of a task.
    if (this.#run && this.isChanged) {
      const revision = this.#isNew ? 1 : this.#run.revision + 1;
      decision.run = { ...this.#run, updatedAt: this.context.now, revision };
    }
    return decision;
  }
}
