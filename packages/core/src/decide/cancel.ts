// Cancel of a task, of a stage and of a run (semantics, section 3). What runs may end by itself within a grace, unless the
// cancel is forced; a forced one also hurries what is being canceled already.

import { MflowError } from "../errors.ts";
import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import type { CancelRequest } from "../schema/request.ts";
import { isRunEnded } from "../state.ts";
import { runMasker } from "../task-secrets.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { cancelingRun, cancelWaiting, endTask } from "./end.ts";

/** Cancels one task; CANCELING stays as it is, unless it is to be forced. */
export function cancelTask(draft: Draft, task: JobTask, request: CancelRequest): void {
  const { stage } = task.status;
  if (isEnded(stage)) {
    throw new MflowError(
      "TASK_ENDED",
      `task \`${task.name}\` (${task.id}) has ended ${stage}; there is nothing to cancel`,
    );
  }
  stopTask(draft, task, stopOf(draft, request));
}

/** Cancels all tasks of a stage that have not ended. */
export function cancelStage(draft: Draft, name: string, request: CancelRequest): void {
  const run = requireUnended(draft);
  const stages = draft.definition.pipeline?.stages ?? [];
  const index = stages.findIndex((stage) => stage.name === name);
  if (index < 0) {
    const names = stages.map((stage) => stage.name);
    const there = `run ${run.id} has no stage ${quoted(name)}; it has ${names.join(", ")}`;
    throw new MflowError("NOT_FOUND", there + didYouMean(name, names));
  }
  const tasks = draft.plan.graph.nodesOf(index).flatMap((node) => draft.tasksOf(node));
  const left = tasks.filter((task) => !isEnded(task.status.stage));
  if (left.length === 0) {
    throw new MflowError("CONFLICT", `stage ${quoted(name)} has ended; there is nothing to cancel`);
  }
  const stop = stopOf(draft, request);
  const isFinally = stages[index]?.finally === true;
  if (run.status.stage === "PENDING" && !isFinally && !left.every(({ ignoreFailed }) => ignoreFailed)) {
    stopRun(draft, run, stop);
    return;
  }
  for (const { id } of left) stopTask(draft, draft.task(id), stop);
}

/** Cancels a run: what runs is stopped, everything else is CANCELED at once; its `finally` stages run then. */
export function cancelRun(draft: Draft, request: CancelRequest): void {
  const run = requireUnended(draft);
  const stop = stopOf(draft, request);
  if (run.status.stage !== "CANCELING") {
    stopRun(draft, run, stop);
    return;
  }
  if (!stop.isForced || run.status.windingUp === "FINALLY") return;
  draft.updateRun({ isForced: true, windingUp: "FINALLY" });
  draft.recordRun("RUN_STATUS", { stage: "CANCELING", message: stop.message ?? "canceled at once" });
  for (const { id, status } of draft.allTasks()) {
    if (!isEnded(status.stage)) stopTask(draft, draft.task(id), stop);
  }
}

/** One that waits in line is CANCELED at once; of one that has begun, what runs is stopped. */
export function stopRun(draft: Draft, run: PipelineTask, { by, message, isForced }: Stop): void {
  if (run.status.stage === "PENDING") {
    cancelWaiting(draft, by, message);
    return;
  }
  if (isForced) draft.updateRun({ isForced: true });
  cancelingRun(draft, by, message);
}

function requireUnended({ run, id }: Draft): PipelineTask {
  if (!run) throw new MflowError("NOT_FOUND", `${id} is a task, not a run of a pipeline`);
  if (!isRunEnded(run)) return run;
  throw new MflowError("CONFLICT", `run ${run.id} has ended ${run.status.stage}; there is nothing to cancel`);
}

/** Who stops a task, and how. */
export interface Stop {
  by: string;
  message?: string | undefined;
  /** At once, without time to end by itself. */
  isForced?: boolean | undefined;
}

function stopOf(draft: Draft, request: CancelRequest): Stop {
  const by = draft.context.actor?.name ?? "mflow";
  return { by, message: maskedMessage(draft, request), isForced: request.force };
}

/** The message as it may be kept: the history stays for ever, and messages go out. */
export function maskedMessage(draft: Draft, { message }: Pick<CancelRequest, "message">): string | undefined {
  if (!message) return undefined;
  return runMasker(draft.definition, draft.allTasks(), draft.context)(message);
}

/** What does not run is CANCELED at once; what runs becomes CANCELING and the runner stops it. */
export function stopTask(draft: Draft, task: JobTask, { by, message, isForced }: Stop): void {
  const { stage, reported, workGoneAt } = task.status;
  const why = { canceledBy: by, ...(message ? { message } : {}) };
  if (stage === "CANCELING") {
    if (!isForced || task.status.isForced) return;
    draft.effect("STOP", draft.updateStatus(task, { isForced }));
    return;
  }
  if (stage === "PENDING" || stage === "SCHEDULING" || reported) {
    endTask(draft, task, "drop", why);
    return;
  }
  const canceling = draft.moveTask(task, "cancel", {
    ...why,
    stopping: "CANCEL",
    dueAt: undefined,
    ...(isForced && { isForced }),
  });
  // What waits for a status call does nothing that would have to be stopped.
  if (workGoneAt || task.runnerType === "MANUAL") endTask(draft, canceling, "gone", why);
  else draft.effect("STOP", draft.updateTask(canceling, { wakeAt: undefined }));
}
