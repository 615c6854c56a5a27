// Cancel of a task and of a run (semantics, section 3).

import { MflowError } from "../errors.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { CancelRequest } from "../schema/request.ts";
import { isRunEnded } from "../state.ts";
import { runMasker } from "../task-secrets.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { cancelingRun, endTask } from "./end.ts";

/** Cancels one task; CANCELING stays as it is. */
export function cancelTask(draft: Draft, task: JobTask, request: CancelRequest): void {
  const { stage } = task.status;
  if (isEnded(stage)) {
    throw new MflowError(
      "TASK_ENDED",
      `task \`${task.name}\` (${task.id}) has ended ${stage}; there is nothing to cancel`,
    );
  }
  if (stage === "CANCELING") return;
  stopTask(draft, task, actorName(draft), maskedMessage(draft, request));
}

/** Cancels a run: what runs is stopped, everything else is CANCELED at once. */
export function cancelRun(draft: Draft, request: CancelRequest): void {
  const { run } = draft;
  if (!run) throw new MflowError("NOT_FOUND", `${draft.id} is a task, not a run of a pipeline`);
  if (isRunEnded(run)) {
    throw new MflowError(
      "CONFLICT",
      `run ${run.id} has ended ${run.status.stage}; there is nothing to cancel`,
    );
  }
  if (run.status.stage === "CANCELING") return;
  cancelingRun(draft, actorName(draft), maskedMessage(draft, request));
}

/** The message as it may be kept: the history stays for ever, and messages go out. */
function maskedMessage(draft: Draft, { message }: CancelRequest): string | undefined {
  if (!message) return message;
  const { definition, context } = draft;
  const tasks = definition.taskIds.flat().map((id) => draft.task(id));
  return runMasker(definition, tasks, context)(message);
}

function actorName(draft: Draft): string {
  return draft.context.actor?.name ?? "mflow";
}

/** What does not run is CANCELED at once; what runs becomes CANCELING and the runner stops it. */
export function stopTask(draft: Draft, task: JobTask, by: string, message?: string): void {
  const { stage, reported, workGoneAt } = task.status;
  const why = { canceledBy: by, ...(message ? { message } : {}) };
  if (stage === "PENDING" || stage === "SCHEDULING" || reported) {
    endTask(draft, task, "drop", why);
    return;
  }
  const canceling = draft.moveTask(task, "cancel", { ...why, stopping: "CANCEL" });
  // What waits for a status call does nothing that would have to be stopped.
  if (workGoneAt || task.runnerType === "MANUAL") endTask(draft, canceling, "gone", why);
  else draft.effect("STOP", draft.updateTask(canceling, { wakeAt: undefined }));
}
