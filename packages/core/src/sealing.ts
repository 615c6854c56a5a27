// Sensitive values at rest: which values of a definition are sensitive, and how they are sealed before
// anything is stored and opened again before params are merged.

import { isKubeconfigValue } from "./kubernetes/kubeconfig-param.ts";
import { sealListeners } from "./listeners/secrets.ts";
import type { NextPipeline } from "./schema/chain.ts";
import type { JobSnapshot, JobSpec } from "./schema/job.ts";
import { type ParamValue, type ParamValues, paramValueList, type RunParam } from "./schema/param.ts";
import type { PipelineSpec } from "./schema/pipeline.ts";

export type Seal = (plain: string) => string;

/** Names that the job declares sensitive. */
export function sensitiveNames(spec: JobSpec): string[] {
  return declaredParams(spec)
    .filter((param) => param.sensitive)
    .map((param) => param.name);
}

/** Names that values mark sensitive: then every value of that name is. */
export function markedNames(values: ParamValues | undefined): string[] {
  return paramValueList(values)
    .filter((value) => value.sensitive)
    .map((value) => value.name);
}

/** Names that values of a pipeline, of its stages or of its tasks mark sensitive. */
export function markedInPipeline(spec: PipelineSpec): string[] {
  const inStages = spec.stages.flatMap((stage) => [
    ...markedNames(stage.with),
    ...stage.tasks.flatMap((task) => markedNames(task.runParams)),
  ]);
  return [...markedNames(spec.with), ...inStages];
}

function declaredParams(spec: JobSpec): RunParam[] {
  return [...(spec.runParams ?? []), ...(spec.rollbackParams ?? [])];
}

function hasSecret(param: RunParam): boolean {
  return param.sensitive === true || isKubeconfigValue(param);
}

function sealParam(param: RunParam, seal: Seal): RunParam {
  if (!hasSecret(param) || param.value === undefined || param.value === "") return param;
  return { ...param, value: seal(String(param.value)) };
}

/** The job with its sensitive defaults, and a kubeconfig, sealed. `seal` leaves what is sealed already alone. */
export function sealJobSpec(spec: JobSpec, seal: Seal): JobSpec {
  if (!declaredParams(spec).some(hasSecret)) return spec;
  const sealed: JobSpec = { ...spec };
  if (spec.runParams) sealed.runParams = spec.runParams.map((param) => sealParam(param, seal));
  if (spec.rollbackParams) sealed.rollbackParams = spec.rollbackParams.map((param) => sealParam(param, seal));
  return sealed;
}

function isSecret(value: ParamValue, sensitive: ReadonlySet<string>): boolean {
  return value.sensitive === true || sensitive.has(value.name) || isKubeconfigValue(value);
}

/** Values as a list, those that are named or marked sensitive, and kubeconfigs, sealed. */
export function sealValues(
  values: ParamValues | undefined,
  sensitive: ReadonlySet<string>,
  seal: Seal,
): ParamValue[] {
  return paramValueList(values).map((value) => {
    if (!isSecret(value, sensitive)) return value;
    if (value.value === "") return value;
    return { ...value, sensitive: true, value: seal(String(value.value)) };
  });
}

function hasSensitive(values: ParamValues | undefined, sensitive: ReadonlySet<string>): boolean {
  return paramValueList(values).some((value) => isSecret(value, sensitive));
}

/**
 * The pipeline with its sensitive values sealed: `with` of pipeline and stage when any of their jobs declares
 * the name sensitive, a task's `runParams` when its job does, and all values of a name that one of them, or
 * `alsoMarked`, marks sensitive, and kubeconfigs; and with the secrets of its listeners sealed. `jobs` are by reference as written.
 */
export function sealPipelineSpec(
  spec: PipelineSpec,
  jobs: ReadonlyMap<string, Pick<JobSnapshot, "spec">>,
  seal: Seal,
  alsoMarked: readonly string[] = [],
): PipelineSpec {
  const marked = [...alsoMarked, ...markedInPipeline(spec)];
  const sealIn = (values: ParamValues | undefined, names: ReadonlySet<string>): ParamValues | undefined =>
    values && hasSensitive(values, names) ? sealValues(values, names, seal) : values;
  const namesOf = (refs: string[]): Set<string> => {
    const known = [...new Set(refs)].flatMap((ref) => jobs.get(ref) ?? []);
    return new Set([...marked, ...known.flatMap((job) => sensitiveNames(job.spec))]);
  };

  const all = namesOf(spec.stages.flatMap((stage) => stage.tasks.map((task) => task.job)));
  const withValues = sealIn(spec.with, all);
  const stages = spec.stages.map((stage) => {
    const stageValues = sealIn(stage.with, namesOf(stage.tasks.map((task) => task.job)));
    const tasks = stage.tasks.map((given) => {
      const task = sealListeners(given, seal);
      const runParams = sealIn(task.runParams, namesOf([task.job]));
      return runParams === task.runParams ? task : { ...task, runParams };
    });
    const isSame = stageValues === stage.with && tasks.every((task, index) => task === stage.tasks[index]);
    return isSame ? stage : { ...stage, ...(stageValues && { with: stageValues }), tasks };
  });
  const sealed = { ...sealListeners(spec, seal), ...(withValues && { with: withValues }), stages };
  return spec.nextPipeline ? { ...sealed, nextPipeline: sealNext(spec.nextPipeline, all, seal) } : sealed;
}

/** What is sensitive in this pipeline is so in the values that it gives to the next one. */
function sealNext(next: NextPipeline, sensitive: ReadonlySet<string>, seal: Seal): NextPipeline {
  if (!next.runParams) return next;
  const values = Object.entries(next.runParams).map(([name, value]) => [
    name,
    sensitive.has(name) && value !== "" ? seal(String(value)) : value,
  ]);
  return { ...next, runParams: Object.fromEntries(values) };
}
