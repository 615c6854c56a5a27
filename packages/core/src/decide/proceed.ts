// How a run goes on after something changed in it (semantics, section 5, "Advance").

import { nextStep } from "../plan.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isRunEnded } from "../state.ts";
import { isEnded } from "../transitions.ts";
import { stopTask } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { endTask, FAIL_FAST } from "./end.ts";
import { followEnd } from "./follow-end.ts";
import { openTask } from "./open.ts";

/** Starts what may start now, winds a failing or canceled run up, and ends the run when nothing is left. */
export function proceed(draft: Draft): void {
  for (;;) {
    const { run } = draft;
    if (!run || isRunEnded(run)) return;
    if (run.status.stage === "CANCELING" || run.status.failing) {
      windUp(draft, run);
      return;
    }
    if (!advanceOnce(draft, run)) return;
  }
}

/** Takes one step of the plan; false when there is none to take now. */
function advanceOnce(draft: Draft, run: PipelineTask): boolean {
  const stages = draft.definition.pipeline?.stages ?? [];
  const { cursor } = run.status;
  const step = nextStep(stages, cursor);
  switch (step.do) {
    case "open": {
      const id = draft.definition.taskIds[cursor.stage]?.[step.index];
      if (id === undefined) throw new Error(`${run.id} has no task ${step.index} in stage ${cursor.stage}`);
      // After a push back some of a parallel stage have ended already, and stay as they are.
      const isDone = isEnded(draft.task(id).status.stage);
      const open = isDone ? cursor.open : cursor.open + 1;
      draft.updateRun({ cursor: { ...cursor, next: cursor.next + 1, open } });
      if (!isDone) openTask(draft, id);
      return true;
    }
    case "nextStage":
      draft.updateRun({ cursor: { stage: cursor.stage + 1, next: 0, open: 0 } });
      return true;
    case "wait":
      return false;
    case "end":
      endRun(draft, run, "SUCCEEDED");
      return false;
  }
}

/** Nothing more starts. What has not started ends now, what runs ends by itself or is stopped. */
function windUp(draft: Draft, run: PipelineTask): void {
  const canceling = run.status.stage === "CANCELING";
  if (!run.status.windingUp || (canceling && run.status.windingUp !== "CANCEL")) {
    draft.updateRun({ windingUp: canceling ? "CANCEL" : "FAIL" });
    stopOpenTasks(draft, run, canceling);
    endUnopenedTasks(draft, run, canceling);
  }
  const now = draft.run;
  if (now && now.status.cursor.open === 0) endRun(draft, now, canceling ? "CANCELED" : "FAILED");
}

/** The tasks of the present stage whose turn has come. */
function stopOpenTasks(draft: Draft, run: PipelineTask, canceling: boolean): void {
  const { cursor } = run.status;
  const stage = draft.definition.pipeline?.stages[cursor.stage];
  const failFast = stage?.failFast ?? draft.definition.pipeline?.failFast ?? false;
  const ids = draft.definition.taskIds[cursor.stage]?.slice(0, cursor.next) ?? [];
  for (const id of ids) {
    const task = draft.task(id);
    const { stage: taskStage } = task.status;
    if (isEnded(taskStage) || taskStage === "CANCELING") continue;
    const hasStarted = taskStage !== "PENDING" && taskStage !== "SCHEDULING";
    if (canceling) stopTask(draft, task, run.status.canceledBy ?? "mflow", "the run is canceled");
    else if (!hasStarted) endTask(draft, task, "skip", skipReason(run));
    else if (failFast && !task.status.stopping)
      stopTask(draft, task, FAIL_FAST, `stopped: ${run.status.message ?? "the run failed"}`);
  }
}

/** The tasks whose turn never came. */
function endUnopenedTasks(draft: Draft, run: PipelineTask, canceling: boolean): void {
  const { cursor } = run.status;
  const { taskIds } = draft.definition;
  for (let stage = cursor.stage; stage < taskIds.length; stage++) {
    const ids = taskIds[stage] ?? [];
    for (let index = stage === cursor.stage ? cursor.next : 0; index < ids.length; index++) {
      const task = draft.task(ids[index] as string);
      if (isEnded(task.status.stage)) continue;
      if (canceling) endTask(draft, task, "drop", { reason: "RUN_CANCELED", message: "the run is canceled" });
      else endTask(draft, task, "skip", skipReason(run));
    }
  }
}

function skipReason(run: PipelineTask): { reason: string; message: string } {
  return { reason: "RUN_FAILED", message: `not started: ${run.status.message ?? "the run failed"}` };
}

function endRun(draft: Draft, run: PipelineTask, stage: "SUCCEEDED" | "FAILED" | "CANCELED"): void {
  draft.updateRun({ stage, endAt: draft.context.now });
  draft.recordRun("RUN_STAGE", {
    stage,
    from: run.status.stage,
    reason: run.status.reason,
    message: run.status.message,
  });
  if (run.lockKey) draft.releases.push(run.lockKey);
  draft.effect("RELEASE");
  followEnd(draft, stage);
}
