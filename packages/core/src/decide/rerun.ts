// The tasks of a rerun: those that are kept stand in it as they ended, the others are made anew.

import type { Context, MadeOf, RunRecord } from "../change.ts";
import { canonicalJson } from "../digest.ts";
import { restoreMasked } from "../params.ts";
import { graphOf } from "../plan/graph.ts";
import { nodeOf } from "../plan/progress.ts";
import type { JobTask } from "../schema/job-task.ts";
import { type ParamScope, type ParamValue, type ParamValues, paramValueList } from "../schema/param.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import { markedNames, sealPipelineSpec, sealValues, sensitiveNames } from "../sealing.ts";
import { jobOf, taskSpecOf } from "./freeze.ts";
import { makeWay } from "./make-tasks.ts";
import { planRerun, type RerunPlan } from "./plan-rerun.ts";

type Rerun = Extract<MadeOf, { how: "RERUN" }>;
type Sealing = Pick<Context, "seal" | "unseal" | "isSealed">;

/** A new run, what it is asked to do, and its tasks. */
export interface MadeRun {
  run: PipelineTask;
  definition: RunDefinition;
  tasks: JobTask[];
}

/** What the rerun keeps and what it runs; throws what `planRerun` does. */
export function rerunPlanOf({ old, request }: Rerun, context: Sealing): RerunPlan {
  return planRerun(old, request, rerunDefinition(old, request.runParams, context), context);
}

export function makeRerun(made: PipelineTask, { old, request }: Rerun, context: Context): MadeRun {
  const definition = rerunDefinition(old, request.runParams, context);
  const { mode, from, verdicts, unexpanded } = planRerun(old, request, definition, context);
  const { rollbackOf } = old.run;
  const run: PipelineTask = {
    ...made,
    rerunOf: { runId: old.run.id, mode, ...(from !== undefined && { from }) },
    ...(old.run.mode && { mode: old.run.mode }),
    ...(rollbackOf !== undefined && { rollbackOf }),
  };
  const graph = graphOf(definition.pipeline ?? { stages: [] });
  const again = old.tasks.filter((task) => verdicts.get(task.id)?.keep === false);
  const nodesAgain = new Set(again.map((task) => nodeOf(graph, task)));
  const kept = old.tasks.filter((task) => verdicts.get(task.id)?.keep);
  const places = exportPlaces(kept.filter((task) => !nodesAgain.has(nodeOf(graph, task))));
  const expandedAnew = new Set<number>();
  const tasks = old.tasks.flatMap((task): JobTask[] => {
    const verdict = verdicts.get(task.id);
    if (!verdict) return [];
    if (verdict.keep) return [keptTask(task, run, places.get(task.id), context)];
    const node = nodeOf(graph, task);
    if (!unexpanded.has(node)) return [freshTask(task, run, definition, context)];
    if (expandedAnew.has(node)) return [];
    expandedAnew.add(node);
    const { way: _way, ...whole } = task;
    return [freshTask({ ...whole, name: taskSpecOf(definition, task).name }, run, definition, context)];
  });
  return { run, definition, tasks };
}

/** The snapshot of the old run, with the values that changed. */
function rerunDefinition(
  { definition }: RunRecord,
  runParams: ParamValues | undefined,
  context: Sealing,
): RunDefinition {
  if (runParams === undefined) return definition;
  const values = changedValues(definition.runParams, runParams);
  const marked = markedNames(values);
  const declared = Object.values(definition.jobs).flatMap(({ spec }) => sensitiveNames(spec));
  const seal = (value: string) => (context.isSealed(value) ? value : context.seal(value));
  return {
    ...definition,
    ...(definition.pipeline && { pipeline: sealPipelineSpec(definition.pipeline, new Map(), seal, marked) }),
    runParams: sealValues(values, new Set([...declared, ...marked]), seal),
  };
}

/**
 * Values laid over those of the old run. One that is for the whole run takes the place of all of its name, one with a
 * scope of those with the same scope; a masked one changes nothing. What was sensitive or `readOnly` stays so.
 */
function changedValues(old: readonly ParamValue[], given: ParamValues): ParamValue[] {
  let values = [...old];
  for (const value of restoreMasked(paramValueList(given), () => undefined)) {
    const isReplaced = ({ name, scope }: ParamValue) =>
      name === value.name && (isForAll(value.scope) || isSameScope(scope, value.scope));
    const isSensitive = values.some(({ name, sensitive }) => name === value.name && sensitive);
    const isFinal = values.some((each) => isReplaced(each) && each.readOnly);
    values = values.filter((each) => !isReplaced(each));
    values.push({ ...(isSensitive && { sensitive: true }), ...(isFinal && { readOnly: true }), ...value });
  }
  return values;
}

function isForAll(scope: ParamScope | undefined): boolean {
  return scope === undefined || scope === "*" || (scope.stage === undefined && scope.task === undefined);
}

function isSameScope(one: ParamScope | undefined, other: ParamScope | undefined): boolean {
  return (isForAll(one) && isForAll(other)) || canonicalJson(one ?? "*") === canonicalJson(other ?? "*");
}

/** A task as it ended, in its new run. One that was kept before is still kept from where its work was done. */
function keptTask(
  old: JobTask,
  run: PipelineTask,
  exportedAt: number | undefined,
  context: Context,
): JobTask {
  const { fanIn, exportedAt: _exportedAt, ...kept } = old;
  return {
    ...kept,
    // Of a matrix that runs again in part, all ways are handed on together once the others have ended.
    ...(exportedAt !== undefined && { exportedAt, ...(fanIn && { fanIn }) }),
    id: context.newId("task"),
    pipelineTaskId: run.id,
    keptFrom: old.keptFrom ?? { runId: old.pipelineTaskId ?? "", taskId: old.id },
    createdAt: context.now,
    updatedAt: context.now,
    revision: 1,
  };
}

/** A task that runs again: as the pipeline makes it, with the job version and the values of the matrix that it had. */
function freshTask(old: JobTask, run: PipelineTask, definition: RunDefinition, context: Context): JobTask {
  const template = { ...old, pipelineTaskId: run.id, startedBy: run.runBy };
  const { name, way, rollback } = old;
  const fresh = makeWay(definition, template, jobOf(definition, old), { name, ...(way && { way }) }, context);
  return rollback ? { ...fresh, rollback } : fresh;
}

/** Places before all that the new run hands on, in the order in which the old one did. */
function exportPlaces(kept: readonly JobTask[]): Map<string, number> {
  const exporting = kept
    .filter((task) => task.exportedAt !== undefined)
    .sort((a, b) => (a.exportedAt ?? 0) - (b.exportedAt ?? 0));
  return new Map(exporting.map(({ id }, index) => [id, index - exporting.length]));
}
