// A new run that is made of one that ended: a rerun, or a rollback. Its definition is the snapshot of the old run, so that
// nothing that was applied since changes it (semantics, section 5).

import type { Context, MadeOf, RunPipelineChange, RunRecord } from "../change.ts";
import { MflowError } from "../errors.ts";
import type { RerunRequest, RollbackRequest } from "../schema/request.ts";
import { isRunEnded, type RunState } from "../state.ts";
import type { Draft } from "./draft.ts";
import { placeInLine, queueRun } from "./queue.ts";
import { makeRerun } from "./rerun.ts";
import { makeRollback } from "./rollback.ts";
import { checkedRun, makeRun } from "./run-pipeline.ts";

/**
 * The change that makes a run of another one: in its scope, of its pipeline and labels, and for the sequence lock that it
 * had. Throws RUN_NOT_ENDED.
 */
export function changeOf(id: string, madeOf: MadeOf): RunPipelineChange {
  const { run, definition } = madeOf.old;
  if (!isRunEnded(run)) {
    const what = madeOf.how === "RERUN" ? "run again" : "rolled back";
    throw new MflowError(
      "RUN_NOT_ENDED",
      `run ${run.id} is ${run.status.stage}; it is ${what} once it has ended`,
    );
  }
  const spec = definition.pipeline;
  if (!spec) throw new Error(`run ${run.id} has no pipeline`);
  const { domain, namespace, name, pipelineId, labels } = run;
  const hasName = run.lockKey !== undefined || spec.isParallel === true || pipelineId !== undefined;
  const sequenceLabelKey = sequenceLabelOf(madeOf.old);
  return {
    type: "runPipeline",
    id,
    request: {
      ...(!hasName && { name }),
      ...(sequenceLabelKey !== undefined && { sequenceLabelKey }),
      triggerMode: madeOf.how === "RERUN" ? run.triggerMode : "MANUAL",
      ...(run.priority !== undefined && { priority: run.priority }),
      ...waysOf(madeOf.request),
    },
    scope: { domain, namespace },
    pipeline: {
      ...(pipelineId !== undefined && { id: pipelineId }),
      ...(hasName && { name }),
      ...(labels && { labels }),
      spec,
    },
    jobs: new Map(),
    madeOf,
  };
}

function waysOf({ dryRun, queue }: RerunRequest | RollbackRequest) {
  return { ...(dryRun !== undefined && { dryRun }), ...(queue !== undefined && { queue }) };
}

/** The label whose value kept the old run in sequence; none when it is that of the pipeline, or there is none. */
function sequenceLabelOf({ run }: RunRecord): string | undefined {
  const { lockKey, labels = {} } = run;
  const pair = Object.entries(labels).find(([key, value]) => lockKey?.endsWith(`/${key}=${value}`));
  return pair?.[0];
}

/** The run as it is before its first task's turn: everything checked; what is kept has ended, the rest is PENDING. */
export function createRunOf(change: RunPipelineChange, madeOf: MadeOf, context: Context): RunState {
  const made = makeRun(change, context);
  const { run, definition, tasks } =
    madeOf.how === "RERUN" ? makeRerun(made, madeOf, context) : makeRollback(made, madeOf, context);
  const queued = queueRun(change, run, definition, context);
  const placed = tasks.map((task) => (task.keptFrom ? task : placeInLine(task, run, definition, context)));
  return checkedRun(queued, definition, placed, context);
}

/** Records what a rerun kept: in the new run that is all the history that those tasks have. */
export function recordKept(draft: Draft): void {
  if (!draft.run?.rerunOf) return;
  for (const task of draft.allTasks()) {
    if (!task.keptFrom) continue;
    draft.recordTask("TASK_KEPT", task, {
      stage: task.status.stage,
      message: `kept from run ${task.keptFrom.runId}`,
    });
  }
}
