// A run that fails or is canceled: nothing more starts. What has not started ends now, what runs ends by itself or is
// stopped. Its `finally` stages are left alone; they come after.

import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isEnded } from "../transitions.ts";
import { stopTask } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { isFinallyTask } from "./freeze.ts";

/** Done once when the run begins to fail, and once when it is canceled. */
export function windUp(draft: Draft, run: PipelineTask): void {
  const { windingUp } = run.status;
  const isCanceling = run.status.stage === "CANCELING";
  if (windingUp && (!isCanceling || windingUp !== "FAIL")) return;
  draft.updateRun({ windingUp: isCanceling ? "CANCEL" : "FAIL" });
  for (const task of draft.allTasks()) {
    const now = draft.task(task.id);
    if (isEnded(now.status.stage) || isFinallyTask(draft.definition, now)) continue;
    if (isCanceling) cancelTaskOf(draft, run, now);
    else dropTaskOf(draft, run, now);
  }
}

function cancelTaskOf(draft: Draft, run: PipelineTask, task: JobTask): void {
  if (!task.open) {
    endTask(draft, task, "drop", { reason: "RUN_CANCELED", message: "the run is canceled" });
    return;
  }
  const { canceledBy = "mflow", isForced } = run.status;
  stopTask(draft, task, { by: canceledBy, message: "the run is canceled", isForced });
}

/** Ends what has not started when the run fails. */
function dropTaskOf(draft: Draft, run: PipelineTask, task: JobTask): void {
  const { stage, retryAt } = task.status;
  const last = task.pastAttempts?.at(-1);
  if (stage === "SCHEDULING" && last?.isRetried && (retryAt !== undefined || task.params)) {
    // It has been tried, and nothing more is: it ends as its last attempt did.
    const { reason, message, endAt } = last.status;
    endTask(draft, task, "fail", { reason, message, endAt });
    return;
  }
  if (!task.open || stage === "PENDING" || stage === "SCHEDULING") {
    endTask(draft, task, "skip", skipReason(run));
  }
}

function skipReason(run: PipelineTask): { reason: string; message: string } {
  return { reason: "RUN_FAILED", message: `not started: ${run.status.message ?? "the run failed"}` };
}
