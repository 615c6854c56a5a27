// What is said of an attempt once it has ended.

import type { Observation } from "@mflow/core/kubernetes/observe";
import type { StepStatus } from "@mflow/core/schema/job-task";
import type { RunnerReport } from "../runner.ts";

export type Result = Pick<Observation, "reason" | "message"> & { stage: "SUCCEEDED" | "FAILED" | "CANCELED" };

/** The result that is seen. */
export function resultOf({ stage, reason, message }: Observation): Result {
  const result: Result = { stage: stage === "SUCCEEDED" ? "SUCCEEDED" : "FAILED" };
  if (reason !== undefined) result.reason = reason;
  if (message !== undefined) result.message = message;
  return result;
}

/** A step with its times moved, milliseconds. */
export function shifted(step: StepStatus, ms: number): StepStatus {
  if (ms === 0) return step;
  const moved = (time: string) => new Date(Date.parse(time) + ms).toISOString();
  return {
    ...step,
    ...(step.startAt !== undefined && { startAt: moved(step.startAt) }),
    ...(step.endAt !== undefined && { endAt: moved(step.endAt) }),
  };
}

/** The report with what is known besides; of work that was stopped nothing is handed on. */
export function finalReport(
  report: RunnerReport,
  steps: Observation["steps"] | undefined,
  runtimeEnvs: Record<string, string>,
): RunnerReport {
  return {
    ...report,
    ...(steps && steps.length > 0 && { steps }),
    ...(report.stage !== "CANCELED" && Object.keys(runtimeEnvs).length > 0 && { runtimeEnvs }),
  };
}
