// A matrix whose combinations come from an earlier task: they are known when its turn comes. The task that stood for all
// of them becomes the first, the others are made now.

import { MflowError } from "../errors.ts";
import { combinationsIn, secretProblem, secretWays, wayName } from "../matrix.ts";
import { nodeOf } from "../plan/progress.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { Combination } from "../schema/matrix.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { jobOf, taskSpecOf } from "./freeze.ts";
import { makeWay } from "./make-tasks.ts";
import { placeInLine } from "./queue.ts";

/** Whether the task stands for combinations that are not known yet. */
export function isUnexpanded(draft: Draft, task: JobTask): boolean {
  return task.way === undefined && taskSpecOf(draft.definition, task).matrix?.fromEnv !== undefined;
}

/** Makes the tasks of a dynamic matrix. The given one ends SKIPPED when there is no combination; throws MATRIX_INVALID. */
export function expandTask(draft: Draft, task: JobTask, env: string): void {
  const text = draft.exported.get(env);
  if (text === undefined) {
    const message = `the matrix comes from the runtime env ${env}, which no earlier task has put out`;
    throw new MflowError("MATRIX_INVALID", message);
  }
  if (draft.context.isSealed(text))
    throw new MflowError("MATRIX_INVALID", secretWays(`runtime env \`${env}\``));
  const combinations = combinationsIn(env, text);
  const problem = secretProblem(jobOf(draft.definition, task), combinations);
  if (problem !== undefined) throw new MflowError("MATRIX_INVALID", problem);
  if (combinations.length === 0) {
    endTask(draft, task, "skip", { reason: "MATRIX_EMPTY", message: `${env} has no combination` });
    return;
  }
  const known = draft.tasksOf(nodeOf(draft.plan.graph, task));
  const ids = combinations.map((values, index) => becomeWay(draft, task, known[index], index + 1, values));
  const surplus = known.slice(combinations.length);
  const all = [...ids, ...surplus.map(({ id }) => id)];
  draft.expandNode(task, all, all.filter((id) => !isEnded(draft.task(id).status.stage)).length);
  for (const each of surplus) {
    if (isEnded(each.status.stage)) continue;
    endTask(draft, each, "skip", {
      reason: "MATRIX_EMPTY",
      message: `${env} has no such combination any more`,
    });
  }
}

function becomeWay(
  draft: Draft,
  template: JobTask,
  known: JobTask | undefined,
  number: number,
  values: Combination,
): string {
  const { definition, context } = draft;
  const name = wayName(taskSpecOf(definition, template).name, number, values);
  const change = { name, way: { number, values } };
  const made = known
    ? { ...known, ...change }
    : makeWay(definition, template, jobOf(definition, template), change, context);
  const placed = draft.run ? placeInLine(made, draft.run, definition, context) : made;
  if (known) return draft.updateTask(known, { ...change, group: placed.group }).id;
  draft.addTask(placed);
  return placed.id;
}
