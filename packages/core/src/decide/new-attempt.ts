// Makes a task ready for a new attempt: what the present one was is kept among the past ones, passes are void, and the
// status is blank until its turn comes (semantics, section 4).

import { closeGate } from "../gate.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask, JobTaskStatus, PastAttempt } from "../schema/job-task.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { jobOf, taskSpecOf } from "./freeze.ts";
import { ownLabels } from "./make-tasks.ts";
import { gatesOf } from "./task-gates.ts";

/** What an attempt begins with. */
export const BLANK_STATUS = {
  detail: undefined,
  extension: undefined,
  reported: undefined,
  stopping: undefined,
  dueAt: undefined,
  canceledBy: undefined,
  isForced: undefined,
  retryAt: undefined,
  workGoneAt: undefined,
  child: undefined,
  startAt: undefined,
  endAt: undefined,
  steps: undefined,
  runtimeEnvs: undefined,
  markdownOutput: undefined,
} satisfies Partial<JobTask["status"]>;

/**
 * Resets a task. `why` says how the present attempt is kept when it had not ended; such an attempt is CANCELED among
 * the past ones. The number of the attempt is raised when the task opens.
 */
export function resetTask(
  draft: Draft,
  task: JobTask,
  cause: "rerun" | "pushBack",
  change: Partial<JobTask> = {},
  why: Partial<JobTaskStatus> = {},
): JobTask {
  const { definition } = draft;
  const { pastAttempts = [] } = task;
  const past = pastOf(draft, task, why);
  const reset = draft.moveTask(task, cause, BLANK_STATUS);
  return draft.updateTask(reset, {
    ...(hasBegun(task) && { pastAttempts: [...pastAttempts, past] }),
    audit: undefined,
    confirm: undefined,
    ...gatesOf(definition, task),
    labels: ownLabels(jobOf(definition, task), taskSpecOf(definition, task)),
    params: undefined,
    exportedAt: undefined,
    fanIn: undefined,
    open: undefined,
    keptFrom: undefined,
    feedback: undefined,
    wakeAt: undefined,
    ...change,
  });
}

/** Whether the present attempt has begun. One that ended before its turn, canceled or skipped, has none. */
export function hasBegun({ attempt, pastAttempts = [] }: JobTask): boolean {
  return attempt > pastAttempts.length;
}

function pastOf(draft: Draft, task: JobTask, why: Partial<JobTaskStatus>): PastAttempt {
  const { attempt, status, audit, confirm } = task;
  const past: PastAttempt = {
    attempt,
    status: isEnded(status.stage) ? status : { ...status, ...why, stage: "CANCELED" },
  };
  if (audit) past.audit = closedUndecided(draft, task, "AUDIT_CLOSED", audit);
  if (confirm) past.confirm = closedUndecided(draft, task, "CONFIRM_CLOSED", confirm);
  return past;
}

function closedUndecided(
  draft: Draft,
  task: JobTask,
  event: "AUDIT_CLOSED" | "CONFIRM_CLOSED",
  gate: Gate,
): Gate {
  if (gate.stage !== "WAITING" && gate.stage !== "PENDING") return gate;
  const closed = closeGate(gate, draft.context.now);
  if (gate.stage === "WAITING") {
    const kind = event === "AUDIT_CLOSED" ? "audit" : "confirm";
    draft.recordTask(event, draft.updateTask(task, { [kind]: closed }));
  }
  return closed;
}
