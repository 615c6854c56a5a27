// `failFast`: what runs beside a task that failed is stopped. Asked anew at each failure: a run that is failing already may
// have tasks that run in other stages.

import type { JobTask } from "../schema/job-task.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import { isEnded } from "../transitions.ts";
import { stopTask } from "./cancel.ts";
import type { Draft } from "./draft.ts";
import { FAIL_FAST } from "./end.ts";
import { isFinallyTask, stageOf } from "./freeze.ts";

/** Stops the siblings of what has failed in a run that is failing; what has not started is not its business. */
export function stopSiblings(draft: Draft): void {
  const { definition } = draft;
  const { pipeline } = definition;
  if (!pipeline?.failFast && !pipeline?.stages.some(({ failFast }) => failFast)) return;
  const tasks = draft.allTasks().filter((task) => !isFinallyTask(definition, task));
  const failed = tasks.filter(({ status, ignoreFailed }) => status.stage === "FAILED" && !ignoreFailed);
  for (const { id } of tasks) {
    const task = draft.task(id);
    if (!isRunning(task)) continue;
    const cause = failed.find((other) => stops(definition, other, task));
    if (cause) stopTask(draft, task, { by: FAIL_FAST, message: `stopped: task \`${cause.name}\` failed` });
  }
}

function isRunning({ open, status: { stage, stopping } }: JobTask): boolean {
  return !!open && !isEnded(stage) && !stopping && !["PENDING", "SCHEDULING", "CANCELING"].includes(stage);
}

/** Of a stage `failFast` stops that stage; of the pipeline all stages that do not say otherwise. */
function stops(definition: RunDefinition, failed: JobTask, task: JobTask): boolean {
  const isEverywhere = definition.pipeline?.failFast ?? false;
  const isFast = (each: JobTask) => stageOf(definition, each)?.failFast ?? isEverywhere;
  return isFast(failed) && isFast(task) && (isEverywhere || failed.stageNumber === task.stageNumber);
}
