// What a run would run, rendered: for `dryRun`, which stores and starts nothing.

import { namesAskedOfRun } from "./asked-names.ts";
import type { Context } from "./change.ts";
import { checkParams } from "./check-params.ts";
import { referencesOf } from "./condition/references.ts";
import { effectiveParams, jobOf, openValue, placeOf, refuseInvalid, taskSpecOf } from "./decide/freeze.ts";
import { nearest } from "./nearest.ts";
import { maskParams, matchesScope } from "./params.ts";
import { renderSpec } from "./render.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { EffectiveParam, ParamScope, RunParam } from "./schema/param.ts";
import type { StageSpec } from "./schema/pipeline.ts";
import type { RunState } from "./state.ts";

/** A task as a dry run shows it; sensitive values are masked. */
export interface RenderedTask {
  name: string;
  stageName?: string;
  job: string;
  spec: Record<string, unknown>;
  /** What the runner would make of it, where it says so. */
  made?: Record<string, unknown>;
  params: { name: string; value: string; setBy: string }[];
  skipped?: boolean;
  /** A rerun keeps it: shown is what it ran with. */
  kept?: boolean;
}

/**
 * Renders every task. A param without a value, which an earlier task may put out, stands as `<NAME>`; values
 * that do not parse are refused.
 */
export function renderRun(state: RunState, context: Context): RenderedTask[] {
  return [...state.tasks.values()].map((task) => {
    const job = jobOf(state.definition, task);
    const { known, declared } = task.keptFrom
      ? paramsAsRun(state, task, context)
      : paramsToCome(state, task, context);
    const isLeftOut = isSkipped(state, task) || task.keptFrom !== undefined;
    const problems = isLeftOut ? [] : checkParams(declared, known);
    refuseInvalid([{ task, problems: problems.filter(({ path }) => !isPlaceholder(known, path)) }]);
    const masked = maskParams(known);
    const rendered: RenderedTask = {
      name: task.name,
      job: `${job.name}@${job.namespace}.${job.domain}:${job.version}`,
      spec: renderSpec(job.spec.runnerSpec, masked, declared),
      params: masked.map(({ name, value, setBy }) => ({ name, value, setBy })),
    };
    if (task.stageName !== undefined) rendered.stageName = task.stageName;
    if (isSkipped(state, task)) rendered.skipped = true;
    if (task.keptFrom) rendered.kept = true;
    return rendered;
  });
}

/** Whether it is said beforehand that the task does not run. */
export function isSkipped({ definition }: RunState, task: JobTask): boolean {
  return taskSpecOf(definition, task).skipRun === true || task.rollback?.skip !== undefined;
}

/** The params that a kept task ran with, in plain text. */
function paramsAsRun(
  { definition }: RunState,
  { params = [], job }: JobTask,
  context: Context,
): { known: EffectiveParam[]; declared: readonly RunParam[] } {
  return {
    known: params.map((param) => openValue(param, context)),
    declared: jobOf(definition, { job }).spec.runParams ?? [],
  };
}

/** The params of a task as far as they are known, in plain text, and placeholders for those that earlier tasks may put out. */
export function paramsToCome(
  state: RunState,
  task: JobTask,
  context: Context,
): { known: EffectiveParam[]; declared: readonly RunParam[] } {
  const { params, declared } = effectiveParams(state, task, context);
  return { known: [...params, ...placeholders(declared, params)], declared };
}

function placeholders(declared: readonly RunParam[], params: readonly EffectiveParam[]): EffectiveParam[] {
  const known = new Set(params.map((param) => param.name));
  return declared
    .filter((param) => param.required && !known.has(param.name))
    .map((param) => ({
      name: param.name,
      value: `<${param.name}>`,
      usageType: param.usageType ?? "ENV",
      valueType: "TEXT",
      setBy: "RUNTIME_ENV",
    }));
}

function isPlaceholder(params: readonly EffectiveParam[], path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return params.some((param) => param.name === name && param.value === `<${name}>`);
}

/**
 * Values of the run request that no task of the run declares and that neither the `when` of a stage, a concurrency group
 * nor `nextPipeline` names: a sentence each, with the nearest name.
 */
export function unusedRunParams(state: RunState): string[] {
  const stages = state.definition.pipeline?.stages ?? [];
  const askedBy = stages.flatMap(({ when, name }, index) => {
    const names = when === undefined ? [] : referencesOf(when).params;
    return names.length === 0
      ? []
      : { place: { stageName: name, stageNumber: index + 1, taskName: "" }, names };
  });
  const declaredBy = [...state.tasks.values()].map((task) => ({
    place: placeOf(state.definition, task),
    names: (jobOf(state.definition, task).spec.runParams ?? []).map((param) => param.name),
  }));
  const { pipeline } = state.definition;
  const ofRun = pipeline ? [{ place: { taskName: "" }, names: namesAskedOfRun(pipeline) }] : [];
  const takenBy = [...declaredBy, ...askedBy, ...ofRun];
  const all = [...new Set(takenBy.flatMap(({ names }) => names))];
  return state.definition.runParams
    .filter(
      ({ name, scope }) =>
        !takenBy.some(({ place, names }) => names.includes(name) && matchesScope(scope, place)),
    )
    .map(({ name, scope }) => {
      const stray = strayScope(scope, stages);
      if (stray !== undefined) return `${stray}, so the run param ${name} for it is ignored`;
      if (all.includes(name)) return `no task in its scope declares the run param ${name}, so it is ignored`;
      const near = nearest(name, all);
      return `no task declares the run param ${name}, so it is ignored${near ? `; did you mean ${near}?` : ""}`;
    });
}

/** That there is no such stage or task, when a scope names one by a name that is not there. */
function strayScope(scope: ParamScope | undefined, stages: readonly StageSpec[]): string | undefined {
  if (scope === undefined || scope === "*" || stages.length === 0) return undefined;
  const missing = (kind: string, wanted: string | number | undefined, names: readonly string[]) =>
    typeof wanted !== "string" || names.includes(wanted)
      ? undefined
      : `there is no ${kind} \`${wanted}\`${guess(wanted, names)}`;
  const stageNames = stages.map(({ name }) => name);
  const taskNames = stages.flatMap(({ tasks }) => tasks.map(({ name }) => name));
  return missing("stage", scope.stage, stageNames) ?? missing("task", scope.task, taskNames);
}

function guess(wanted: string, names: readonly string[]): string {
  const near = nearest(wanted, names);
  return near === undefined ? "" : ` (did you mean \`${near}\`?)`;
}
