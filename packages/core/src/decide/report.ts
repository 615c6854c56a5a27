// What a runner says of an attempt. Reports may come twice, late and out of order: what does not fit the
// present attempt changes nothing and is recorded.

import type { Report } from "../change.ts";
import { MflowError } from "../errors.ts";
import { maskText } from "../mask.ts";
import type { JobTask, JobTaskStatus, Reported } from "../schema/job-task.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask, finishTask } from "./end.ts";
import { mergeOutput, secretsOfTask } from "./output.ts";

export function applyReport(draft: Draft, task: JobTask, report: Report): void {
  const { stage, reported } = task.status;
  if (report.attempt !== task.attempt || isEnded(stage) || reported) {
    const saysTheSame =
      report.attempt === task.attempt && (report.stage === stage || report.stage === reported?.stage);
    if (!saysTheSame) recordLate(draft, task, report);
    return;
  }
  switch (report.stage) {
    case "CREATING":
      if (stage === "CREATING" && report.message !== task.status.message) noteCreating(draft, task, report);
      return;
    case "ACTIVE":
      if (stage === "CREATING") workRuns(draft, task, report);
      return;
    default:
      workEnded(draft, task, report);
  }
}

function recordLate(draft: Draft, task: JobTask, report: Report): void {
  draft.recordTask("LATE_REPORT", task, {
    attempt: report.attempt,
    stage: report.stage,
    reason: report.reason,
    message: `ignored: attempt ${task.attempt} is ${task.status.stage}`,
  });
}

function noteCreating(draft: Draft, task: JobTask, report: Report): void {
  const noted = draft.updateStatus(task, { reason: report.reason, message: report.message });
  draft.recordTask("TASK_STATUS", noted, {
    stage: "CREATING",
    reason: report.reason,
    message: report.message,
  });
}

function workRuns(draft: Draft, task: JobTask, report: Report): void {
  const startAt = report.startAt ?? report.at;
  if (task.manualUpdateStatus) draft.updateStatus(task, { startAt });
  else draft.moveTask(task, "run", { startAt });
}

/** The work is gone, whichever way it ended. */
function workEnded(draft: Draft, task: JobTask, report: Report): void {
  const noted = draft.updateStatus(task, factsOf(task, report));
  if (task.status.stage === "CANCELING") {
    endTask(draft, noted, "gone", {
      reason: task.status.reason,
      message: task.status.message,
      endAt: report.at,
    });
    return;
  }
  if (task.status.stopping === "TIMEOUT") {
    timedOut(draft, noted, report.at);
    return;
  }
  if (report.stage === "CANCELED") {
    endTask(draft, noted, "gone", { message: report.message, canceledBy: "the runner", endAt: report.at });
    return;
  }
  if (task.manualUpdateStatus && report.reason !== "LOST") {
    awaitStatus(draft, withOutput(draft, noted, report).task, report);
    return;
  }
  const { task: done, problem } = withOutput(draft, noted, report);
  const result: Reported = { stage: report.stage as Reported["stage"], at: report.at };
  if (report.reason !== undefined) result.reason = report.reason;
  if (report.message !== undefined)
    result.message = maskText(report.message, secretsOfTask(task, draft.context));
  finishTask(
    draft,
    done,
    problem ? { stage: "FAILED", reason: "OUTPUT_TOO_LARGE", message: problem, at: report.at } : result,
  );
}

function factsOf(task: JobTask, report: Report): Partial<JobTaskStatus> {
  const facts: Partial<JobTaskStatus> = {};
  const startAt = task.status.startAt ?? report.startAt;
  if (startAt !== undefined) facts.startAt = startAt;
  if (report.steps) facts.steps = report.steps;
  return facts;
}

/** Output that is too large fails the task instead of being cut. */
function withOutput(draft: Draft, task: JobTask, report: Report): { task: JobTask; problem?: string } {
  try {
    return { task: mergeOutput(draft, task, report) };
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    return { task, problem: error.message };
  }
}

/** `manualUpdateStatus`: the runner reports facts; the stage is for the status call to say, within a grace. */
function awaitStatus(draft: Draft, task: JobTask, report: Report): void {
  if (task.status.workGoneAt) return;
  const { context } = draft;
  const wakeAt = new Date(context.nowMs + context.statusGraceMs).toISOString();
  const gone = draft.updateTask(task, { wakeAt, status: { ...task.status, workGoneAt: report.at } });
  draft.recordTask("TASK_STATUS", gone, {
    stage: gone.status.stage,
    reason: report.reason,
    message: `the work ended (${report.stage}); waits for its status call`,
  });
}

/** Ends an attempt whose work was stopped for its timeout. */
export function timedOut(draft: Draft, task: JobTask, at: string): void {
  finishTask(draft, task, { stage: "FAILED", reason: "TIMEOUT", message: task.status.message, at });
}
