// The end of a task: its final stage and what that means for the run.

import { closeGate } from "../gate.ts";
import type { JobTask, JobTaskStatus } from "../schema/job-task.ts";
import type { PipelineTask, PipelineTaskStatus } from "../schema/pipeline-task.ts";
import { type Cause, isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { exportOf } from "./exports.ts";
import { isFinallyTask } from "./freeze.ts";

type FinalCause = Extract<Cause, "skip" | "succeed" | "fail" | "drop" | "gone">;

/** Gives a task its final stage, closes its gates and counts it in its run. */
export function endTask(
  draft: Draft,
  task: JobTask,
  cause: FinalCause,
  why: Partial<JobTaskStatus> = {},
): void {
  const { now } = draft.context;
  const endAt = why.endAt ?? task.status.endAt ?? (task.status.startAt ? now : undefined);
  const over = { stopping: undefined, dueAt: undefined, retryAt: undefined };
  const ended = draft.moveTask(task, cause, { ...why, endAt, ...over });
  const change: Partial<JobTask> = { wakeAt: undefined, open: undefined };
  if (ended.audit?.stage === "WAITING" || ended.audit?.stage === "PENDING") {
    if (ended.audit.stage === "WAITING") draft.recordTask("AUDIT_CLOSED", ended);
    change.audit = closeGate(ended.audit, now);
  }
  if (ended.confirm?.stage === "WAITING" || ended.confirm?.stage === "PENDING") {
    if (ended.confirm.stage === "WAITING") draft.recordTask("CONFIRM_CLOSED", ended);
    change.confirm = closeGate(ended.confirm, now);
  }
  const closed = draft.updateTask(ended, change);
  if (draft.run) countInRun(draft, draft.run, closed);
  else draft.effect("RELEASE");
}

/** What the end of a task means for its run; `proceed` acts on it. */
function countInRun(draft: Draft, run: PipelineTask, task: JobTask): void {
  const { stage, canceledBy } = task.status;
  const isActive = run.status.stage === "ACTIVE";
  // Canceled before its turn: the others run all the same, and it counts once theirs has come (`proceed`).
  const isBeforeItsTurn = isFinallyTask(draft.definition, task) && !run.status.outcome;
  const cancelsRun = stage === "CANCELED" && !task.ignoreFailed && !isBeforeItsTurn;
  if (cancelsRun && run.status.stage === "PENDING") {
    cancelWaiting(draft, canceledBy ?? "mflow", canceledText(task));
    return;
  }
  if (stage === "FAILED" && !task.ignoreFailed && isActive && !run.status.failing) {
    draft.updateRun({ failing: true, reason: "TASK_FAILED", message: `task \`${task.name}\` failed` });
  }
  const isByPerson = canceledBy !== undefined && canceledBy !== FAIL_FAST;
  if (cancelsRun && isActive && isByPerson) {
    // Of a `finally` task: the others still run. What made the run fail before stays its reason.
    if (!run.status.outcome) cancelingRun(draft, canceledBy, canceledText(task));
    else if (!run.status.failing) draft.updateRun(failingByCancel(task));
  }
  exportOf(draft, task);
}

/** What the cancel of a `finally` task makes of its run. */
export function failingByCancel(task: JobTask): Partial<PipelineTaskStatus> {
  return { failing: true, reason: "TASK_FAILED", message: canceledText(task) };
}

function canceledText({ name }: JobTask): string {
  return `task \`${name}\` was canceled`;
}

/** Stands in `canceledBy` for a cancel that a sibling's failure caused. */
export const FAIL_FAST = "failFast";

/** A run in line has done nothing yet: all of it is CANCELED at once, and no `finally` stage runs. */
export function cancelWaiting(draft: Draft, by: string, message?: string): void {
  draft.updateRun({ canceledBy: by });
  endWaiting(draft, "CANCELED", { message });
}

/** The same for one whose turn cannot come: it is FAILED, and its tasks are SKIPPED. */
export function failWaiting(draft: Draft, why: { reason: string; message: string }): void {
  endWaiting(draft, "FAILED", why);
}

function endWaiting(
  draft: Draft,
  stage: "CANCELED" | "FAILED",
  why: { reason?: string; message: string | undefined },
): void {
  draft.updateRun({ stage, ...why, endAt: draft.context.now });
  for (const task of draft.allTasks()) {
    if (isEnded(task.status.stage)) continue;
    if (stage === "CANCELED") {
      endTask(draft, task, "drop", { reason: "RUN_CANCELED", message: "the run is canceled" });
    } else {
      endTask(draft, task, "skip", { reason: "RUN_FAILED", message: `not started: ${why.message}` });
    }
  }
  draft.recordRun("RUN_STAGE", { stage, from: "PENDING", ...why });
  draft.effect("RELEASE");
}

/** The run is being canceled from now on, also one that was failing; `proceed` cancels what it has not started. */
export function cancelingRun(draft: Draft, by: string, message?: string): void {
  draft.updateRun({ stage: "CANCELING", canceledBy: by, reason: undefined, message });
  draft.recordRun("RUN_STAGE", { stage: "CANCELING", from: "ACTIVE", message });
}
