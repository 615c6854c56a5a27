// What time and the effect workers bring: a task's or a gate's deadline, a task's turn, a start that failed for good, a stop
// that found nothing to stop.

import { isAwaiting } from "../admission-keys.ts";
import { formatDuration } from "../duration.ts";
import type { JobTask } from "../schema/job-task.ts";
import { isWorking } from "../state.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { failAttempt } from "./finish.ts";
import { waitingGate, wakeGate } from "./gate-timers.ts";
import { handOver } from "./open.ts";
import { maskerOfTask } from "./output.ts";
import { timedOut } from "./report.ts";
import { endBackoff } from "./retry.ts";

/** What the engine kept for the task is its own from now on; nothing happens when it is not its turn any more. */
export function taskTurn(draft: Draft, task: JobTask): void {
  if (isAwaiting(task) && draft.mayStart(task)) handOver(draft, task);
}

/** The task's `wakeAt` has come: of its waiting gate, or no status followed the work's end, or the timeout is over. */
export function wake(draft: Draft, task: JobTask): void {
  const { context } = draft;
  if (task.wakeAt === undefined || Date.parse(task.wakeAt) > context.nowMs) return;
  if (isEnded(task.status.stage)) return;
  const waiting = waitingGate(task);
  if (waiting) {
    wakeGate(draft, task, waiting.kind, waiting.gate);
    return;
  }
  if (task.status.retryAt !== undefined) {
    endBackoff(draft, task);
    return;
  }
  if (task.status.stopping || task.status.reported) return;
  if (task.status.workGoneAt) {
    const why = task.status.message === undefined ? "" : ` (${task.status.message})`;
    failAttempt(draft, task, {
      reason: "NO_STATUS",
      message: `the work ended${why}, and no status call came within ${formatDuration(context.statusGraceMs)}`,
      endAt: context.now,
    });
    return;
  }
  const message = `timed out after ${formatDuration(task.timeoutMs ?? 0)}${whyNotStarted(task)}`;
  const stopping = draft.updateTask(task, {
    wakeAt: undefined,
    status: { ...task.status, stopping: "TIMEOUT", dueAt: task.wakeAt, message },
  });
  draft.recordTask("TASK_STATUS", stopping, { stage: stopping.status.stage, reason: "TIMEOUT", message });
  draft.effect("STOP", stopping);
}

/** What kept the work from starting, as the end of a sentence: the timeout must not hide it. */
function whyNotStarted({ status: { stage, startAt, message } }: JobTask): string {
  if (stage !== "CREATING" || startAt !== undefined || message === undefined) return "";
  return `; it could not start: ${message}`;
}

/** The runner will never start the attempt. Once its work has said something, that counts. */
export function startFailed(draft: Draft, task: JobTask, attempt: number, message: string): void {
  if (task.attempt !== attempt || !isWorking(task)) return;
  if (task.status.stopping) {
    stopped(draft, task, attempt);
    return;
  }
  const mask = maskerOfTask(task, draft.context);
  endTask(draft, task, "fail", { reason: "START_ERROR", message: mask(message), child: undefined });
}

/** Nothing of a stopped attempt runs or ever will. */
export function stopped(draft: Draft, task: JobTask, attempt: number): void {
  if (task.attempt !== attempt || isEnded(task.status.stage)) return;
  if (task.status.stage === "CANCELING") {
    endTask(draft, task, "gone", { reason: task.status.reason, message: task.status.message });
  } else if (task.status.stopping === "TIMEOUT") {
    timedOut(draft, task, draft.context.now);
  }
}
