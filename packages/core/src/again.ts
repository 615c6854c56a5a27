// What a rerun or a rollback does with each task, and why: for its answer, and for a dry run.

import type { Context, MadeOf } from "./change.ts";
import { taskSpecOf } from "./decide/freeze.ts";
import { rerunPlanOf } from "./decide/rerun.ts";
import { graphOf } from "./plan/graph.ts";
import { nodeOf } from "./plan/progress.ts";
import type { JobTask } from "./schema/job-task.ts";
import { inOrder, type RunState } from "./state.ts";

/** What becomes of a task. One that is to RUN may still be SKIPPED by its `when`. */
export interface AgainTask {
  name: string;
  stageName?: string;
  does: "KEEP" | "RUN" | "SKIP";
  why: string;
}

/** In the pipeline's order; a matrix whose combinations are found anew stands there once. */
export function againTasks(madeOf: MadeOf, state: RunState, context: Context): AgainTask[] {
  if (madeOf.how === "ROLLBACK") return [...state.tasks.values()].map(rollbackOf);
  const { old } = madeOf;
  const { verdicts, unexpanded } = rerunPlanOf(madeOf, context);
  const graph = graphOf(state.definition.pipeline ?? { stages: [] });
  const named = new Set<number>();
  return inOrder(old.tasks).flatMap((task): AgainTask[] => {
    const verdict = verdicts.get(task.id);
    if (!verdict) return [];
    const node = nodeOf(graph, task);
    const isAnew = unexpanded.has(node);
    if (isAnew && named.has(node)) return [];
    named.add(node);
    const name = isAnew ? taskSpecOf(old.definition, task).name : task.name;
    return [{ ...placeOf({ ...task, name }), does: verdict.keep ? "KEEP" : "RUN", why: verdict.why }];
  });
}

function rollbackOf(task: JobTask): AgainTask {
  const { lastSuccess, skip } = task.rollback ?? {};
  if (skip) return { ...placeOf(task), does: "SKIP", why: `${skip.reason}: ${skip.message}` };
  return {
    ...placeOf(task),
    does: "RUN",
    why: `back to ${lastSuccess?.taskId} of run ${lastSuccess?.runId}`,
  };
}

function placeOf({ name, stageName }: JobTask): Pick<AgainTask, "name" | "stageName"> {
  return { name, ...(stageName !== undefined && { stageName }) };
}
