// What may start next. Stages run one after another; within a stage the cursor says which tasks had their
// turn, so that the answer costs the same for a stage of two tasks and of two thousand.

import type { JobTask } from "./schema/job-task.ts";
import type { StageSpec } from "./schema/pipeline.ts";
import type { Cursor } from "./schema/pipeline-task.ts";

export type Step =
  /** The turn of this task of the cursor's stage has come. */
  | { do: "open"; index: number }
  /** The stage is done: go on to the next one. */
  | { do: "nextStage" }
  /** Nothing may start before a task ends. */
  | { do: "wait" }
  /** All stages are done. */
  | { do: "end" };

/** How many tasks of a stage may be under way at once. */
export function widthOf(stage: StageSpec): number {
  if (!stage.isParallel) return 1;
  return stage.maxParallel ?? Number.POSITIVE_INFINITY;
}

/** Whether the turn of the task has come, in the stage under way: it is open until it ends. */
export function hadTurn(cursor: Cursor, task: Pick<JobTask, "stageNumber" | "taskNumber">): boolean {
  return task.stageNumber === cursor.stage + 1 && (task.taskNumber ?? 0) <= cursor.next;
}

/** The next step of a run that is neither failing nor being canceled. */
export function nextStep(stages: readonly StageSpec[], cursor: Cursor): Step {
  const stage = stages[cursor.stage];
  if (!stage) return { do: "end" };
  if (cursor.next < stage.tasks.length) {
    return cursor.open < widthOf(stage) ? { do: "open", index: cursor.next } : { do: "wait" };
  }
  return cursor.open === 0 ? { do: "nextStage" } : { do: "wait" };
}
