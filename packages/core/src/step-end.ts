// Steps of work that is over: none of them may look as if it still ran.

import type { StepStatus } from "./schema/job-task.ts";

/**
 * The step with an end. Of one whose end nobody saw, it is that of the work, and no exit code is known; one that has
 * an end, or never began, stays as it is.
 */
export function endedStep(step: StepStatus, workEndAt: string): StepStatus {
  if (step.endAt !== undefined || step.startAt === undefined) return step;
  const begin = Date.parse(step.startAt);
  const end = Math.max(begin, Date.parse(workEndAt));
  return { ...step, endAt: new Date(end).toISOString(), durationMs: end - begin };
}
