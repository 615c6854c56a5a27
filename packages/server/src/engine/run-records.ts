// What a new run that is made of another one needs from the store: that run, the successes that a rollback goes back to,
// and whether the jobs of its tasks may still start.

import type { LastSuccess, RunRecord } from "@mflow/core/change";
import { jobOf } from "@mflow/core/decide/freeze";
import { MflowError } from "@mflow/core/errors";
import { hasRun } from "@mflow/core/has-run";
import { alternatives } from "@mflow/core/quoted";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { RunState } from "@mflow/core/state";
import { isEnded } from "@mflow/core/transitions";
import type { CatalogStore, RunStore } from "../store/store.ts";

/** A run of a pipeline; NOT_FOUND when there is none. */
export async function loadRun(id: string, runs: RunStore): Promise<RunRecord> {
  const { run, definition, tasks } = (await runs.load(id)) ?? {};
  if (!run || !definition || !tasks) throw new MflowError("NOT_FOUND", `there is no run ${id}`);
  return { run, definition, tasks };
}

/**
 * The last success of each task that ran, before that run. Of one that a rerun kept, before the run in which its work was
 * done: the rest would be going back to itself.
 */
export async function findLastSuccesses(old: RunRecord, runs: RunStore): Promise<Map<string, LastSuccess>> {
  const { domain, namespace, name: pipeline } = old.run;
  const definitions = new Map<string, RunDefinition | undefined>();
  const isThere = new Map<string, boolean>();
  const found = new Map<string, LastSuccess>();
  for (const each of old.tasks) {
    if (!hasRun(each)) continue;
    const { name, stageName, job, keptFrom } = each;
    const task = await runs.lastSucceeded({
      scope: { domain, namespace },
      pipeline,
      job: job.name,
      ...(stageName !== undefined && { stageName }),
      name,
      before: keptFrom?.taskId ?? each.id,
    });
    const runId = task?.pipelineTaskId;
    if (!task || runId === undefined) continue;
    if (!definitions.has(runId)) definitions.set(runId, await runs.definition(runId));
    const definition = definitions.get(runId);
    if (!definition) continue;
    const origin = task.keptFrom?.runId ?? runId;
    if (!isThere.has(origin)) isThere.set(origin, (await runs.run(origin)) !== undefined);
    const isOriginGone = isThere.get(origin) === false;
    found.set(each.id, { task, job: jobOf(definition, task), ...(isOriginGone && { isOriginGone }) });
  }
  return found;
}

/**
 * JOB_NOT_RUNNABLE when a task that is to run has a job that was deprecated since: that starts no new run, also when it is
 * made of an old one. Jobs that are not stored, or not any more, run from the snapshot.
 */
export async function refuseDeprecatedJobs(state: RunState, catalog: CatalogStore): Promise<void> {
  const tasksOf = new Map<string, string[]>();
  for (const task of state.tasks.values()) {
    if (isEnded(task.status.stage) || task.rollback?.skip) continue;
    tasksOf.set(task.job.id, [...(tasksOf.get(task.job.id) ?? []), `\`${task.name}\``]);
  }
  const problems: string[] = [];
  for (const [id, names] of tasksOf) {
    const job = await catalog.job(id);
    if (job?.stage !== "DEPRECATED") continue;
    const shown = names.length > MAX_NAMED ? [...names.slice(0, MAX_NAMED), "others"] : names;
    problems.push(
      `job \`${job.name}:${job.version}\` of ${alternatives(shown).replace(" or ", " and ")} is DEPRECATED`,
    );
  }
  if (problems.length === 0) return;
  const remedy = "name a version that is PUBLISHED in the pipeline, and run that";
  throw new MflowError("JOB_NOT_RUNNABLE", `${problems.join("; ")}, and starts no new run; ${remedy}`);
}

const MAX_NAMED = 5;
