// What a decision is made on and what it answers. The engine keeps one RunState per unfinished run or lone
// task in memory; `decide` never changes it, `applyDecision` does, once the decision is on its way.

import type { MflowError } from "./errors.ts";
import type { Notice } from "./notice.ts";
import { graphOf } from "./plan/graph.ts";
import { Progress, type ProgressChange } from "./plan/progress.ts";
import type { NewDecisionRecord } from "./schema/decision-record.ts";
import type { NewHistoryEvent } from "./schema/event.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";
import { isAtWork, isEnded } from "./transitions.ts";

export interface RunState {
  /** Id of the run, or of the lone task. */
  readonly id: string;
  run?: PipelineTask;
  readonly definition: RunDefinition;
  readonly tasks: Map<string, JobTask>;
  /** Runtime envs that ended tasks handed to later ones; a sealed value is sensitive. */
  readonly exported: Map<string, string>;
  /** How far the run has come; none for a lone task. */
  readonly progress?: Progress;
}

/** Exported runtime envs as a task about to run sees them. It asks for the names that its job declares. */
export type ExportedEnvs = Pick<ReadonlyMap<string, string>, "get">;

/** Work that follows from a decision. */
export interface DecidedEffect {
  /**
   * `START`, `STOP`: the runner is to start or stop the attempt. `RELEASE`: all has ended, and runners may forget it.
   * `CHILD_ENDED`: the run was the work of a task, which is to be told. `NEXT_RUN`: the pipeline that follows is to be
   * started. `GIVE_WAY`: older runs or tasks of the same group are to give way to this one.
   */
  kind: "START" | "STOP" | "RELEASE" | "CHILD_ENDED" | "NEXT_RUN" | "GIVE_WAY";
  /**
   * Whom it is done for, one thing after the other: a task, or the run when it concerns all of it. Of `CHILD_ENDED` it is
   * the task that is told, of `NEXT_RUN` the id that the new run will have.
   */
  taskId: string;
  /** Of the task; 0 of what is for a run. */
  attempt: number;
}

/** What a change does: the new rows whole, and what follows from them. */
export interface Decision {
  id: string;
  /** Only when the run or lone task is new. */
  definition?: RunDefinition;
  run?: PipelineTask;
  tasks: JobTask[];
  history: NewHistoryEvent[];
  effects: DecidedEffect[];
  /** Sequence locks that it takes, and that it lets go then. */
  claims: string[];
  releases: string[];
  /** Who is told what. */
  notices: Notice[];
  /** What joins the decision record. */
  records: NewDecisionRecord[];
  /** What the state knows of the plan after it; never stored. */
  progress?: ProgressChange;
}

export type Outcome = Decision | { rejection: MflowError };

/** The state as rows make it; `tasks` in any order. */
export function makeState(
  id: string,
  run: PipelineTask | undefined,
  definition: RunDefinition,
  tasks: readonly JobTask[],
): RunState {
  const progress =
    definition.pipeline && Progress.of(graphOf(definition.pipeline), tasks, run?.status.wantedStages);
  const state: RunState = { id, run, definition, tasks: new Map(), exported: new Map(), progress };
  for (const task of inOrder(tasks)) state.tasks.set(task.id, task);
  collectExports(state.exported, tasks);
  return state;
}

/** In the pipeline's order, of a matrix in the order of its ways. */
export function inOrder(tasks: readonly JobTask[]): JobTask[] {
  const place = (key: "stageNumber" | "taskNumber") => (a: JobTask, b: JobTask) =>
    (a[key] ?? 0) - (b[key] ?? 0);
  const byStage = place("stageNumber");
  const byTask = place("taskNumber");
  return tasks.toSorted(
    (a, b) => byStage(a, b) || byTask(a, b) || (a.way?.number ?? 0) - (b.way?.number ?? 0),
  );
}

/** Adds the runtime envs of all tasks that handed them on, in the order in which they did. */
export function collectExports(exported: Map<string, string>, tasks: Iterable<JobTask>): void {
  const exporting = [...tasks].filter((task) => task.exportedAt !== undefined);
  exporting.sort((a, b) => (a.exportedAt ?? 0) - (b.exportedAt ?? 0));
  for (const task of exporting) addExports(exported, task);
}

/** Whether a name is handed to later tasks: it starts with an upper case letter. */
export function isExportedName(name: string): boolean {
  return /^[A-Z]/.test(name);
}

/** Adds the runtime envs of an ended task that later tasks get, of a matrix those of all its ways; the last one of a name wins. */
export function addExports(exported: Map<string, string>, task: JobTask): void {
  for (const [name, value] of Object.entries(task.fanIn ?? task.status.runtimeEnvs ?? {})) {
    if (isExportedName(name)) exported.set(name, value);
  }
}

/** Brings a state up to date with a decision made on it. */
export function applyDecision(state: RunState, decision: Decision): void {
  if (decision.run) state.run = decision.run;
  if (decision.progress) state.progress?.apply(decision.progress);
  let isAnyTakenBack = false;
  for (const task of decision.tasks) {
    const before = state.tasks.get(task.id);
    state.tasks.set(task.id, task);
    if (before?.exportedAt !== undefined && task.exportedAt === undefined) isAnyTakenBack = true;
    if (task.exportedAt !== undefined && before?.exportedAt !== task.exportedAt) {
      addExports(state.exported, task);
    }
  }
  if (!isAnyTakenBack) return;
  state.exported.clear();
  collectExports(state.exported, state.tasks.values());
}

/** Revision that guards the aggregate: the run's, or the lone task's own. */
export function revisionOf(state: RunState): number {
  return state.run?.revision ?? state.tasks.get(state.id)?.revision ?? 0;
}

/** Whether the run or lone task has ended. */
export function isOver(state: RunState): boolean {
  if (state.run) return isRunEnded(state.run);
  const task = state.tasks.get(state.id);
  return task !== undefined && isEnded(task.status.stage);
}

/** Whether the run is in one of its final stages. */
export function isRunEnded(run: PipelineTask): boolean {
  const { stage } = run.status;
  return stage === "SUCCEEDED" || stage === "FAILED" || stage === "CANCELED";
}

/** Whether the attempt's work may be running. */
export function isWorking(task: JobTask): boolean {
  const { stage, reported, workGoneAt } = task.status;
  return !reported && !workGoneAt && isAtWork(stage);
}

/**
 * Whether the task's work takes one of the server's task slots. Clusters have limits of their own; a task that waits for
 * people uses nothing; one that waits for a run would keep the slot that the tasks of that run need.
 */
export function takesSlot({ runnerType }: Pick<JobTask, "runnerType">): boolean {
  return runnerType !== "K8S_JOB" && runnerType !== "MANUAL" && runnerType !== "PIPELINE";
}

/** Whether the attempt occupies one of the server's task slots. */
export function holdsSlot(task: JobTask): boolean {
  return takesSlot(task) && isWorking(task);
}
