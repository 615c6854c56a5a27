// updateJobTaskStatus: the status call of a task, and an operator's correction (semantics, section 3).

import type { Change } from "../change.ts";
import { MflowError } from "../errors.ts";
import { checkRevision } from "../revision.ts";
import type { JobTask, JobTaskStatus, Reported } from "../schema/job-task.ts";
import type { UpdateStatusRequest } from "../schema/request.ts";
import { isWorking } from "../state.ts";
import { type Cause, isAtWork, isEnded, nextStage } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { finishTask } from "./finish.ts";
import { maskerOfTask } from "./output.ts";
import { requireTaskToken } from "./token.ts";

/** The causes by which a status call asks for a stage; CREATING can only be said again. */
const CAUSE_OF: Readonly<Record<UpdateStatusRequest["stage"], Cause | undefined>> = {
  CREATING: undefined,
  ACTIVE: "run",
  SUCCEEDED: "succeed",
  FAILED: "fail",
  CANCELED: "gone",
};

type StatusCall = Extract<Change, { type: "updateStatus" }>;

export function updateStatus(draft: Draft, task: JobTask, { request, ifRevision }: StatusCall): void {
  const { stage, forceUpdateStatus } = request;
  if (forceUpdateStatus && !draft.context.actor?.operator) {
    throw new MflowError(
      "FORBIDDEN",
      "`forceUpdateStatus` needs the role operator; a task's own token does not do",
    );
  }
  requireTaskToken(draft, task, request.updateToken);
  checkRevision(`Task ${task.id}`, task.revision, ifRevision);
  const asIs = task.status.stage === stage || (task.status.reported?.stage === stage && !forceUpdateStatus);
  if (asIs) {
    if (!isEnded(stage) && !task.status.reported) noteFacts(draft, task, request);
    // What is recorded is a change, and after each the run goes on as far as it can.
    if (request.forceTriggerPipeline)
      draft.recordTask("TASK_STATUS", task, { message: "the pipeline is advanced" });
    return;
  }
  if (forceUpdateStatus) {
    forceStage(draft, task, request);
    return;
  }
  if (isEnded(task.status.stage)) {
    throw new MflowError(
      "TASK_ENDED",
      `task \`${task.name}\` (${task.id}) has ended ${task.status.stage}; it cannot become ${stage}`,
    );
  }
  if (task.status.reported) {
    throw new MflowError(
      "ALREADY_REPORTED",
      `task \`${task.name}\` has reported ${task.status.reported.stage} and waits for its confirm`,
    );
  }
  moveAsAsked(draft, task, request);
}

function moveAsAsked(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const { stage } = request;
  const { now } = draft.context;
  const cause = CAUSE_OF[stage];
  const isTimingOut = task.status.stopping === "TIMEOUT";
  if (!cause || isTimingOut || !isAtWork(task.status.stage)) {
    const why = isTimingOut ? " and is being stopped for its timeout" : "";
    throw new MflowError(
      "ILLEGAL_TRANSITION",
      `task \`${task.name}\` (${task.id}) is ${task.status.stage}${why}; it cannot become ${stage}`,
    );
  }
  nextStage(task, task.status.stage, cause);
  const change = facts(draft, task, request);
  const noted = draft.updateStatus(task, { startAt: task.status.startAt ?? now, ...change });
  // What was said of an earlier stage, such as the pull of an image, is not said of this one.
  const { message } = change;
  if (stage === "ACTIVE") draft.moveTask(noted, cause, { message });
  else if (stage === "CANCELED") {
    const canceledBy = task.status.canceledBy ?? draft.context.actor?.name ?? "the task itself";
    const isAsked = task.status.stage === "CANCELING";
    endTask(draft, noted, "gone", {
      message: message ?? (isAsked ? task.status.message : undefined),
      canceledBy,
    });
  } else {
    const result: Reported = { stage: stage as Reported["stage"], at: now };
    if (stage === "FAILED") result.reason = "REPORTED";
    if (message !== undefined) result.message = message;
    finishTask(draft, noted, result);
  }
}

/** What the call says besides the stage; secrets of the task do not get through. */
function facts(draft: Draft, task: JobTask, request: UpdateStatusRequest): Partial<JobTaskStatus> {
  const { message, detail, extension } = request;
  const change: Partial<JobTaskStatus> = {};
  if (message === undefined && detail === undefined && !extension) return change;
  const mask = maskerOfTask(task, draft.context);
  if (message !== undefined) change.message = mask(message);
  // A cancel says nothing about the work: the detail that the work gave is kept.
  const keepsDetail = request.stage === "CANCELED" && task.status.detail !== undefined;
  if (detail !== undefined && !keepsDetail) change.detail = mask(detail);
  if (extension) {
    const masked = Object.entries(extension).map(([key, value]) => [key, mask(value)]);
    change.extension = { ...task.status.extension, ...Object.fromEntries(masked) };
  }
  return change;
}

function noteFacts(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const change = facts(draft, task, request);
  if (Object.keys(change).length === 0) return;
  const noted = draft.updateStatus(task, change);
  draft.recordTask("TASK_STATUS", noted, { stage: noted.status.stage, message: noted.status.message });
}

/** An operator sets the stage past the table. */
function forceStage(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const from = task.status.stage;
  const { stage } = request;
  const change = facts(draft, task, request);
  draft.recordTask("STATUS_FORCED", task, { stage, from, message: change.message });
  if (isEnded(from)) correctRecord(draft, task, stage, change);
  else if (!isAtWork(from))
    throw illegalForce(task, stage, "it has not started; decide its gate or cancel it");
  else if (isEnded(stage)) forceEnding(draft, task, stage, change);
  else forceBack(draft, task, stage, change);
}

/** Of an ended task the record alone is corrected: what followed from its ending stays, and going on is a rerun. */
function correctRecord(
  draft: Draft,
  task: JobTask,
  stage: UpdateStatusRequest["stage"],
  change: Partial<JobTaskStatus>,
): void {
  if (!isEnded(stage)) throw illegalForce(task, stage, "it has ended; run it again for a new attempt");
  draft.updateStatus(task, { ...change, stage, reason: "FORCED", message: change.message });
}

function forceEnding(
  draft: Draft,
  task: JobTask,
  stage: UpdateStatusRequest["stage"],
  change: Partial<JobTaskStatus>,
): void {
  if (isWorking(task) && !task.status.stopping) draft.effect("STOP", task);
  const cause = stage === "SUCCEEDED" ? "succeed" : stage === "FAILED" ? "fail" : "gone";
  const canceledBy = stage === "CANCELED" ? { canceledBy: draft.context.actor?.name } : {};
  // By the table CANCELING leads to CANCELED alone, ACTIVE to every ending.
  const open = task.status.stage === "CANCELING" ? ({ ...change, stage: "ACTIVE" } as const) : change;
  endTask(draft, draft.updateStatus(task, open), cause, {
    reason: "FORCED",
    message: change.message,
    ...canceledBy,
  });
}

/** To a stage before the ending; not for work that is told to stop or has said its result, for neither comes back. */
function forceBack(
  draft: Draft,
  task: JobTask,
  stage: UpdateStatusRequest["stage"],
  change: Partial<JobTaskStatus>,
): void {
  if (task.status.stopping) throw illegalForce(task, stage, "its work is being stopped; force an ending");
  if (task.status.reported) throw illegalForce(task, stage, "its result is reported; force an ending");
  draft.updateStatus(task, { ...change, stage });
}

function illegalForce(task: JobTask, stage: string, why: string): MflowError {
  return new MflowError(
    "ILLEGAL_TRANSITION",
    `task \`${task.name}\` (${task.id}) is ${task.status.stage} and cannot be forced to ${stage}: ${why}`,
  );
}
