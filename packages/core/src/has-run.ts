// Whether a task did anything, for rollbacks: who looks for what to roll back asks it too.

import type { JobTask } from "./schema/job-task.ts";

/** Whether the task may have changed something: one that was skipped, denied or never started has not. */
export function hasRun({ keptFrom, status, pastAttempts = [] }: JobTask): boolean {
  const began = (each: JobTask["status"]) => each.startAt !== undefined || each.stage === "SUCCEEDED";
  return keptFrom !== undefined || began(status) || pastAttempts.some((past) => began(past.status));
}
