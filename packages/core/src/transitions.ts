// The one table of a JobTask's stages: from x cause -> to. The docs print it; nothing else knows what may
// follow what. A cause that a stage does not list is an illegal transition.

import { MflowError } from "./errors.ts";
import type { TaskStage } from "./schema/job-task.ts";

/** Why a stage changes, and who causes it. */
export const CAUSES = {
  skip: "engine: `skipRun`, a `when` that is false, or the run failed before the task's turn",
  wait: "engine: the task is wanted, but a slot, limit, group or lock is not free, or it is paused",
  start: "engine: all that it needs is free; the runner creates the attempt",
  run: "runner, status call: the work runs",
  hold: "engine: the result is reported and waits for its confirm",
  succeed: "runner, status call, checker",
  fail: "runner, status call, auditor, checker, timeout, expiry of a gate, or an error while starting",
  retry: "engine: the attempt did not succeed, and `retry` allows another",
  cancel: "person, `failFast`: stop the work",
  drop: "person, run: cancel what does not run",
  gone: "runner, status call: the stopped work is gone",
  rerun: "person: `runJob` on its id starts a new attempt",
  withdraw: "auditor: takes a pass back before the task has started; its audit waits again",
  pushBack: "checker: the result of the task or a later one is pushed back; a new attempt follows",
} as const;
export type Cause = keyof typeof CAUSES;

const ENDED = { rerun: "PENDING", pushBack: "PENDING" } as const;

export const TRANSITIONS: Readonly<Record<TaskStage, Readonly<Partial<Record<Cause, TaskStage>>>>> = {
  PENDING: {
    skip: "SKIPPED",
    wait: "SCHEDULING",
    start: "CREATING",
    fail: "FAILED",
    drop: "CANCELED",
    pushBack: "PENDING",
  },
  SCHEDULING: {
    skip: "SKIPPED",
    start: "CREATING",
    fail: "FAILED",
    drop: "CANCELED",
    withdraw: "PENDING",
    pushBack: "PENDING",
  },
  CREATING: {
    run: "ACTIVE",
    hold: "ACTIVE",
    succeed: "SUCCEEDED",
    fail: "FAILED",
    retry: "SCHEDULING",
    cancel: "CANCELING",
    gone: "CANCELED",
  },
  ACTIVE: {
    hold: "ACTIVE",
    succeed: "SUCCEEDED",
    fail: "FAILED",
    retry: "SCHEDULING",
    cancel: "CANCELING",
    drop: "CANCELED",
    gone: "CANCELED",
    pushBack: "PENDING",
  },
  CANCELING: { gone: "CANCELED" },
  CANCELED: ENDED,
  FAILED: ENDED,
  SUCCEEDED: ENDED,
  SKIPPED: ENDED,
};

/** The stage that follows; throws ILLEGAL_TRANSITION that names the task, its stage and what was asked. */
export function nextStage(task: { id: string; name: string }, from: TaskStage, cause: Cause): TaskStage {
  const to = TRANSITIONS[from][cause];
  if (to) return to;
  throw new MflowError(
    "ILLEGAL_TRANSITION",
    `task \`${task.name}\` (${task.id}) is ${from}; \`${cause}\` is not possible there`,
  );
}

const FINAL: ReadonlySet<TaskStage> = new Set(["CANCELED", "FAILED", "SUCCEEDED", "SKIPPED"]);

/** Whether the stage is final for its attempt. */
export function isEnded(stage: TaskStage): boolean {
  return FINAL.has(stage);
}

const AT_WORK: ReadonlySet<TaskStage> = new Set(["CREATING", "ACTIVE", "CANCELING"]);

/** Whether the attempt was handed to the runner and has not ended. */
export function isAtWork(stage: TaskStage): boolean {
  return AT_WORK.has(stage);
}
