// What must stay whatever a rule says: the last success of a pipeline or job, and of each task that the pipeline has
// now. A rollback goes back to them, and who decides a gate is shown what changed since.

import { setImmediate as turn } from "node:timers/promises";
import { combinationsOf, wayName } from "@mflow/core/matrix";
import { parseJobRef } from "@mflow/core/reference";
import type { PipelineSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { EndedGroup, Store } from "../store/store.ts";

/** Tasks that are looked up at once: what it takes holds up commits. */
const TASKS_AT_ONCE = 100;

/** Ids of the runs or lone tasks that stay. `spec`: the pipeline as it is now, when there is one. */
export async function neededRuns(
  store: Store,
  group: EndedGroup,
  spec: PipelineSpec | undefined,
): Promise<Set<string>> {
  const needed = new Set<string>();
  const last = await store.ended.newest(group, "SUCCEEDED");
  if (last) needed.add(last.id);
  const scope = { domain: group.domain, namespace: group.namespace };
  let looked = 0;
  for (const stage of spec?.stages ?? []) {
    for (const task of stage.tasks) {
      const job = await jobName(store, task.job, scope);
      if (job === undefined) continue;
      for (const name of namesOf(task)) {
        if (++looked % TASKS_AT_ONCE === 0) await turn();
        const query = { scope, pipeline: group.name, stageName: stage.name, name, job };
        const success = await store.runs.lastSucceeded(query);
        if (success?.pipelineTaskId !== undefined) needed.add(success.pipelineTaskId);
      }
    }
  }
  return needed;
}

/** Of a matrix its ways; those that only runs know have no name yet. */
function namesOf({ name, matrix }: TaskSpec): string[] {
  if (!matrix) return [name];
  return combinationsOf(matrix).map((values, index) => wayName(name, index + 1, values));
}

async function jobName({ catalog }: Store, ref: string, scope: Scope): Promise<string | undefined> {
  const parsed = parseJobRef(ref, scope);
  return "id" in parsed ? (await catalog.job(parsed.id))?.name : parsed.name;
}
