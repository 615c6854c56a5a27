// What a runner says of an attempt. Reports may come twice, late and out of order: what does not fit the
// present attempt changes nothing and is recorded.

import type { Context, Report } from "../change.ts";
import { MflowError } from "../errors.ts";
import type { JobTask, JobTaskStatus, Reported } from "../schema/job-task.ts";
import { endedStep } from "../step-end.ts";
import { isAtWork } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { failAttempt, finishTask } from "./finish.ts";
import { maskerOfTask, mergeOutput } from "./output.ts";

export function applyReport(draft: Draft, task: JobTask, given: Report): void {
  const { stage, reported, workGoneAt } = task.status;
  if (given.attempt !== task.attempt || !isAtWork(stage) || reported) {
    const saysTheSame =
      given.attempt === task.attempt && (given.stage === stage || given.stage === reported?.stage);
    if (!saysTheSame) recordLate(draft, task, given);
    return;
  }
  // Of work that is gone there is nothing more to say; its status call is awaited.
  if (workGoneAt) return;
  const report = masked(given, task, draft.context);
  switch (report.stage) {
    case "CREATING":
      // Of work that is being stopped, the reason of the stop is what counts.
      if (stage === "CREATING" && !task.status.stopping && report.message !== task.status.message) {
        noteCreating(draft, task, report);
      }
      return;
    case "ACTIVE":
      if (stage === "CREATING") workRuns(draft, task, report);
      return;
    default:
      workEnded(draft, task, report);
  }
}

/** Secrets of the task do not get through in what people read. */
function masked(report: Report, task: JobTask, context: Context): Report {
  const { message, steps } = report;
  if (message === undefined && !steps) return report;
  const mask = maskerOfTask(task, context);
  return {
    ...report,
    ...(message !== undefined ? { message: mask(message) } : {}),
    ...(steps ? { steps: steps.map((step) => ({ ...step, name: mask(step.name) })) } : {}),
  };
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
  // What is being stopped keeps why.
  const message = report.message ?? (task.status.stopping ? task.status.message : undefined);
  if (!task.manualUpdateStatus)
    draft.moveTask(task, "run", { startAt, ...(message !== undefined && { message }) });
  else if (task.status.startAt === undefined) {
    // What kept it from starting is over; what a status call said has no reason and stays.
    const isOver = task.status.reason !== undefined && !task.status.stopping;
    draft.updateStatus(task, isOver ? { startAt, reason: undefined, message: undefined } : { startAt });
  }
}

/** The work is gone, whichever way it ended. */
function workEnded(draft: Draft, task: JobTask, report: Report): void {
  const isInTime = endedInTime(task, report);
  const noted = draft.updateStatus(task, { ...factsOf(task, report), ...(isInTime && NOT_STOPPED) });
  if (task.status.stage === "CANCELING") {
    endTask(draft, noted, "gone", {
      reason: task.status.reason,
      message: task.status.message,
      endAt: report.at,
    });
    return;
  }
  if (task.status.stopping === "TIMEOUT" && !isInTime) {
    timedOut(draft, noted, report.at);
    return;
  }
  if (task.manualUpdateStatus && report.reason !== "LOST") {
    awaitStatus(draft, noted, report);
    return;
  }
  if (report.stage === "CANCELED") {
    const canceledBy = report.canceledBy ?? "the runner";
    endTask(draft, noted, "gone", { message: report.message, canceledBy, endAt: report.at });
    return;
  }
  const { task: done, problem } = withOutput(draft, noted, report);
  const result: Reported = { stage: report.stage as Reported["stage"], at: report.at };
  if (report.reason !== undefined) result.reason = report.reason;
  if (report.message !== undefined) result.message = report.message;
  finishTask(
    draft,
    done,
    problem ? { stage: "FAILED", reason: problem.code, message: problem.message, at: report.at } : result,
  );
}

const NOT_STOPPED = { stopping: undefined, dueAt: undefined, message: undefined };

/** Clusters tell times in whole seconds. */
const PRECISION_MS = 1_000;

/**
 * Whether work that was to be stopped for its timeout had come to its end before, which is told late: the server was away
 * when it ended, or nobody could tell it.
 */
function endedInTime({ status: { stopping, dueAt } }: JobTask, { stage, reason, at }: Report): boolean {
  if (stopping !== "TIMEOUT" || dueAt === undefined || reason === "LOST") return false;
  if (stage !== "SUCCEEDED" && stage !== "FAILED") return false;
  return Date.parse(at) + PRECISION_MS <= Date.parse(dueAt);
}

function factsOf(task: JobTask, report: Report): Partial<JobTaskStatus> {
  const facts: Partial<JobTaskStatus> = {};
  const startAt = task.status.startAt ?? report.startAt;
  if (startAt !== undefined) facts.startAt = startAt;
  if (report.steps) facts.steps = report.steps.map((step) => endedStep(step, report.at));
  return facts;
}

/** Output that is refused fails the task instead of being cut. */
function withOutput(draft: Draft, task: JobTask, report: Report): { task: JobTask; problem?: MflowError } {
  try {
    return { task: mergeOutput(draft, task, report) };
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    return { task, problem: error };
  }
}

/** `manualUpdateStatus`: the runner reports facts; the stage is for the status call to say, within a grace. */
function awaitStatus(draft: Draft, task: JobTask, report: Report): void {
  const { task: done, problem } = withOutput(draft, task, report);
  const wakeAt = draft.timeIn(draft.context.statusGraceMs);
  // Why the work failed is told with NO_STATUS, should no status call tell it.
  const message = report.stage === "FAILED" ? (report.message ?? done.status.message) : done.status.message;
  const gone = draft.updateTask(done, { wakeAt, status: { ...done.status, message, workGoneAt: report.at } });
  const ended = `the work ended (${report.stage}); waits for its status call`;
  draft.recordTask("TASK_STATUS", gone, {
    stage: gone.status.stage,
    reason: report.reason,
    message: problem ? `${ended}; its output is not kept: ${problem.message}` : ended,
  });
}

/** Ends an attempt whose work was stopped for its timeout. It reported no result that could be confirmed. */
export function timedOut(draft: Draft, task: JobTask, at: string): void {
  failAttempt(draft, task, { reason: "TIMEOUT", message: task.status.message, endAt: at });
}
