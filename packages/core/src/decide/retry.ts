// Trying again: an attempt that did not succeed is followed by another while `retry` allows it (semantics, section 3).
// The task keeps what it runs with and the passes of its audit; it never goes through FAILED in between.

import { formatDuration, parseDuration } from "../duration.ts";
import type { JobTask, JobTaskStatus, PastAttempt } from "../schema/job-task.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import { DEFAULT_BACKOFF, DEFAULT_RETRY_REASONS, type RetryReason, type RetrySpec } from "../schema/retry.ts";
import type { Draft } from "./draft.ts";
import { jobOf, taskSpecOf } from "./freeze.ts";
import { BLANK_STATUS } from "./new-attempt.ts";
import { startTask } from "./open.ts";

/** Reasons of which nobody knows whether the work was done. */
const LOST: ReadonlySet<string> = new Set(["LOST", "NODE_LOST", "DELETED_OUTSIDE", "EVICTED"]);
const TIMEOUT: ReadonlySet<string> = new Set(["TIMEOUT", "STEP_TIMEOUT", "DEADLINE"]);
/** What another attempt would not change, or a person decided. */
const NEVER: ReadonlySet<string> = new Set([
  "AUDIT_DENIED",
  "AUDIT_EXPIRED",
  "CONFIRM_DENIED",
  "CONFIRM_EXPIRED",
  "FORCED",
  "START_ERROR",
  "WHEN_ERROR",
]);

/** How the task is tried again: what the pipeline says of it, else its job. */
function retryOf(definition: RunDefinition, task: JobTask): RetrySpec | undefined {
  return taskSpecOf(definition, task).retry ?? jobOf(definition, task).spec.retry;
}

/** What `on` of a retry calls the reason of a failure; undefined when no retry follows it. */
export function retryReasonOf(reason: string | undefined): RetryReason | undefined {
  if (reason === undefined) return "FAILED";
  if (NEVER.has(reason)) return undefined;
  if (LOST.has(reason)) return "LOST";
  return TIMEOUT.has(reason) ? "TIMEOUT" : "FAILED";
}

/** Retries that the task has had since a person last started it. */
function retriesUsed({ pastAttempts = [] }: Pick<JobTask, "pastAttempts">): number {
  const last = pastAttempts.findLastIndex(({ isRetried }) => !isRetried);
  return pastAttempts.length - 1 - last;
}

/** How long to wait before retry `number`, from 1; `random` from 0 to below 1. Milliseconds. */
export function backoffMs({ backoff }: RetrySpec, number: number, random: number): number {
  if (!backoff) return 0;
  const initial = parseDuration(backoff.initial ?? DEFAULT_BACKOFF.initial);
  const max = parseDuration(backoff.max ?? DEFAULT_BACKOFF.max);
  const wait = Math.min(initial * (backoff.factor ?? DEFAULT_BACKOFF.factor) ** (number - 1), max);
  const spread = (backoff.jitter ?? DEFAULT_BACKOFF.jitter) * (2 * random - 1);
  return Math.round(Math.min(wait * (1 + spread), max));
}

/** Makes the next attempt of a task that did not succeed; false when its retry does not allow one. */
export function tryAgain(draft: Draft, task: JobTask, why: Partial<JobTaskStatus>): boolean {
  const retry = retryOf(draft.definition, task);
  const reason = retryReasonOf(why.reason);
  if (!retry || reason === undefined || !(retry.on ?? DEFAULT_RETRY_REASONS).includes(reason)) return false;
  const used = retriesUsed(task);
  if (used >= retry.limit || !mayStillStart(draft, task)) return false;
  const { attempt, status } = task;
  const past: PastAttempt = {
    attempt,
    status: { ...status, ...why, stage: "FAILED", stopping: undefined, dueAt: undefined },
    isRetried: true,
  };
  const delay = backoffMs(retry, used + 1, draft.context.random());
  const retryAt = delay > 0 ? draft.timeIn(delay) : undefined;
  const failed = why.message ?? why.reason ?? "it failed";
  const when = delay > 0 ? ` in ${formatDuration(delay)}` : "";
  const message = `attempt ${attempt}: ${failed}; retry ${used + 1} of ${retry.limit}${when}`;
  const waiting = draft.moveTask(task, "retry", { ...BLANK_STATUS, reason: why.reason, message, retryAt });
  const next = draft.updateTask(waiting, {
    attempt: attempt + 1,
    pastAttempts: [...(task.pastAttempts ?? []), past],
    wakeAt: retryAt,
  });
  if (retryAt === undefined) startTask(draft, next);
  return true;
}

/** Nothing more starts in a run that is failing or canceled, but its `finally` stages, nor in a stage whose time is over. */
function mayStillStart(draft: Draft, task: JobTask): boolean {
  const { run } = draft;
  if (!run) return true;
  const { stageNumber = 1 } = task;
  if (run.status.expiredStages?.includes(stageNumber)) return false;
  if (draft.plan.graph.stage(stageNumber - 1).isFinally) return run.status.windingUp !== "FINALLY";
  return run.status.stage === "ACTIVE" && !run.status.failing;
}

/** The backoff is over: the task is started, or waits for a slot. */
export function endBackoff(draft: Draft, task: JobTask): void {
  const ready = draft.updateTask(task, {
    wakeAt: undefined,
    status: { ...task.status, retryAt: undefined },
  });
  startTask(draft, ready);
}
