// The end of an attempt: a result that waits for its confirm, or a final stage and what it means for the run.

import { closeGate, gateWakeAt, needsDecision, openGate } from "../gate.ts";
import { hadTurn } from "../plan.ts";
import type { JobTask, JobTaskStatus, Reported } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isExportedName } from "../state.ts";
import { type Cause, isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { taskDigest } from "./freeze.ts";
import { recordGate } from "./gate-records.ts";

/** A result of the work: final at once, or held until its checkers decided. */
export function finishTask(draft: Draft, task: JobTask, result: Reported): void {
  if (needsDecision(task.confirm)) {
    holdForConfirm(draft, task, task.confirm, result);
    return;
  }
  const { stage, at, ...why } = result;
  endTask(draft, task, stage === "SUCCEEDED" ? "succeed" : "fail", { ...why, endAt: at });
}

function holdForConfirm(
  draft: Draft,
  task: JobTask,
  confirm: NonNullable<JobTask["confirm"]>,
  reported: Reported,
) {
  const held = draft.moveTask(task, "hold", { reported, endAt: reported.at, stopping: undefined });
  const digest = taskDigest(draft.definition, held, draft.context, reported);
  const opened = openGate(confirm, digest, draft.context.nowMs);
  const waiting = draft.updateTask(held, { confirm: opened, wakeAt: gateWakeAt(opened) });
  draft.recordTask("TASK_REPORTED", waiting, { stage: reported.stage, reason: reported.reason });
  draft.recordTask("CONFIRM_WAITING", waiting, { message: `waits for ${confirm.people.join(", ")}` });
  recordGate(draft, waiting, "confirm", { act: "OPEN" });
}

type FinalCause = Extract<Cause, "skip" | "succeed" | "fail" | "drop" | "gone">;

/** Gives a task its final stage, closes its gates and counts it in its run. */
export function endTask(
  draft: Draft,
  task: JobTask,
  cause: FinalCause,
  why: Partial<JobTaskStatus> = {},
): void {
  const { now } = draft.context;
  const wasOpen = draft.run !== undefined && hadTurn(draft.run.status.cursor, task);
  const endAt = why.endAt ?? task.status.endAt ?? (task.status.startAt ? now : undefined);
  const ended = draft.moveTask(task, cause, { ...why, endAt, stopping: undefined });
  const change: Partial<JobTask> = { wakeAt: undefined };
  if (ended.audit?.stage === "WAITING" || ended.audit?.stage === "PENDING") {
    if (ended.audit.stage === "WAITING") draft.recordTask("AUDIT_CLOSED", ended);
    change.audit = closeGate(ended.audit, now);
  }
  if (ended.confirm?.stage === "WAITING" || ended.confirm?.stage === "PENDING") {
    if (ended.confirm.stage === "WAITING") draft.recordTask("CONFIRM_CLOSED", ended);
    change.confirm = closeGate(ended.confirm, now);
  }
  const closed = draft.updateTask(ended, change);
  if (draft.run) countInRun(draft, draft.run, closed, wasOpen);
  else draft.effect("RELEASE");
}

/** The run's counters and flags after a task ended; `proceed` acts on them. */
function countInRun(draft: Draft, run: PipelineTask, task: JobTask, wasOpen: boolean): void {
  const { cursor } = run.status;
  if (wasOpen) draft.updateRun({ cursor: { ...cursor, open: cursor.open - 1 } });
  const { stage } = task.status;
  const { canceledBy } = task.status;
  const isActive = run.status.stage === "ACTIVE";
  if (stage === "CANCELED" && run.status.stage === "PENDING") {
    cancelWaiting(draft, run, canceledBy ?? "mflow", `task \`${task.name}\` was canceled`);
    return;
  }
  if (stage === "FAILED" && !task.ignoreFailed && isActive && !run.status.failing) {
    draft.updateRun({ failing: true, reason: "TASK_FAILED", message: `task \`${task.name}\` failed` });
  }
  if (stage === "CANCELED" && isActive && canceledBy !== undefined && canceledBy !== FAIL_FAST) {
    cancelingRun(draft, canceledBy, `task \`${task.name}\` was canceled`);
  }
  const hasExports = Object.keys(task.status.runtimeEnvs ?? {}).some(isExportedName);
  if (hasExports && (stage === "SUCCEEDED" || stage === "FAILED")) draft.exportEnvs(task);
}

/** Stands in `canceledBy` for a cancel that a sibling's failure caused. */
export const FAIL_FAST = "failFast";

/** A run in line has done nothing yet: all of it is CANCELED at once, and no `finally` stage runs. */
export function cancelWaiting(draft: Draft, run: PipelineTask, by: string, message?: string): void {
  draft.updateRun({ stage: "CANCELED", canceledBy: by, message, endAt: draft.context.now });
  for (const task of draft.allTasks()) {
    if (!isEnded(task.status.stage)) {
      endTask(draft, task, "drop", { reason: "RUN_CANCELED", message: "the run is canceled" });
    }
  }
  draft.recordRun("RUN_STAGE", { stage: "CANCELED", from: "PENDING", message });
  if (run.lockKey) draft.releases.push(run.lockKey);
  draft.effect("RELEASE");
}

/** The run is being canceled from now on, also one that was failing; `proceed` cancels what it has not started. */
export function cancelingRun(draft: Draft, by: string, message?: string): void {
  draft.updateRun({ stage: "CANCELING", canceledBy: by, reason: undefined, message });
  draft.recordRun("RUN_STAGE", { stage: "CANCELING", from: "ACTIVE", message });
}
