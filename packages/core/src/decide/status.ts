// updateJobTaskStatus: the status call of a task, and an operator's correction (semantics, section 3).

import { MflowError } from "../errors.ts";
import { maskText } from "../mask.ts";
import type { JobTask, JobTaskStatus } from "../schema/job-task.ts";
import type { UpdateStatusRequest } from "../schema/request.ts";
import { isRunEnded } from "../state.ts";
import { type Cause, isEnded, nextStage } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask, finishTask } from "./end.ts";
import { secretsOfTask } from "./output.ts";
import { requireTaskToken } from "./token.ts";

/** The causes by which a status call asks for a stage; CREATING can only be said again. */
const CAUSE_OF: Readonly<Record<UpdateStatusRequest["stage"], Cause | undefined>> = {
  CREATING: undefined,
  ACTIVE: "run",
  SUCCEEDED: "succeed",
  FAILED: "fail",
  CANCELED: "gone",
};

export function updateStatus(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const { stage, forceUpdateStatus } = request;
  if (forceUpdateStatus && !draft.context.actor?.operator) {
    throw new MflowError(
      "FORBIDDEN",
      "`forceUpdateStatus` needs the role operator; a task's own token does not do",
    );
  }
  requireTaskToken(draft, task, request.updateToken);
  const asIs = task.status.stage === stage || (task.status.reported?.stage === stage && !forceUpdateStatus);
  if (asIs) {
    if (!isEnded(stage) && !task.status.reported) noteFacts(draft, task, request);
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
  const isStopping = task.status.stopping !== undefined && stage !== "CANCELED";
  if (!cause || isStopping) {
    const why = task.status.stopping === "TIMEOUT" ? " and is being stopped for its timeout" : "";
    throw new MflowError(
      "ILLEGAL_TRANSITION",
      `task \`${task.name}\` (${task.id}) is ${task.status.stage}${why}; it cannot become ${stage}`,
    );
  }
  nextStage(task, task.status.stage, cause);
  const noted = draft.updateStatus(task, {
    startAt: task.status.startAt ?? now,
    ...facts(draft, task, request),
  });
  const { message } = noted.status;
  if (stage === "ACTIVE") draft.moveTask(noted, cause, { message });
  else if (stage === "CANCELED") {
    const canceledBy = task.status.canceledBy ?? draft.context.actor?.name ?? "the task itself";
    endTask(draft, noted, "gone", { message, canceledBy });
  } else {
    const result = { stage: stage as "SUCCEEDED" | "FAILED", at: now };
    const reason = stage === "FAILED" ? { reason: "REPORTED" } : {};
    finishTask(draft, noted, { ...result, ...reason, ...(message !== undefined ? { message } : {}) });
  }
}

/** What the call says besides the stage; secrets of the task do not get through. */
function facts(draft: Draft, task: JobTask, request: UpdateStatusRequest): Partial<JobTaskStatus> {
  const secrets = secretsOfTask(task, draft.context);
  const change: Partial<JobTaskStatus> = {};
  if (request.message !== undefined) change.message = maskText(request.message, secrets);
  if (request.detail !== undefined) change.detail = maskText(request.detail, secrets);
  if (request.extension) change.extension = { ...task.status.extension, ...request.extension };
  return change;
}

function noteFacts(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const change = facts(draft, task, request);
  if (Object.keys(change).length === 0) return;
  const noted = draft.updateStatus(task, change);
  draft.recordTask("TASK_STATUS", noted, { stage: noted.status.stage, message: noted.status.message });
}

/**
 * An operator sets the stage past the table. On an ended task or run this corrects the record alone: what
 * followed from the ending stays as it is, and going on is a rerun.
 */
function forceStage(draft: Draft, task: JobTask, request: UpdateStatusRequest): void {
  const from = task.status.stage;
  const { stage } = request;
  const change = facts(draft, task, request);
  draft.recordTask("STATUS_FORCED", task, { stage, from, message: change.message });
  const isRecordOnly = isEnded(from) || (draft.run !== undefined && isRunEnded(draft.run));
  if (isRecordOnly) {
    draft.updateStatus(task, { ...change, stage });
    return;
  }
  const isAtWork = from === "CREATING" || from === "ACTIVE" || from === "CANCELING";
  if (!isAtWork) {
    throw new MflowError(
      "ILLEGAL_TRANSITION",
      `task \`${task.name}\` (${task.id}) has not started; decide its gate or cancel it instead`,
    );
  }
  if (stage === "CREATING" || stage === "ACTIVE") {
    draft.updateStatus(task, { ...change, stage });
    return;
  }
  if (!task.status.reported && !task.status.workGoneAt) draft.effect("STOP", task);
  const cause = stage === "SUCCEEDED" ? "succeed" : stage === "FAILED" ? "fail" : "gone";
  const canceledBy = stage === "CANCELED" ? { canceledBy: draft.context.actor?.name } : {};
  // ACTIVE leads to every ending by the table, CANCELING does not.
  const ready = draft.updateStatus(task, { ...change, stage: "ACTIVE" });
  endTask(draft, ready, cause, { reason: "FORCED", message: change.message, ...canceledBy });
}
