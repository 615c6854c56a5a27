// Sensitive values at rest: which values of a definition are sensitive, and how they are sealed before
// anything is stored and opened again before params are merged.

import { isKubeconfigValue } from "./kubernetes/kubeconfig-param.ts";
import { sealListeners } from "./listeners/secrets.ts";
import { mapParts, partsByKey, valuesAsMap } from "./pipeline-parts.ts";
import type { JobSnapshot, JobSpec } from "./schema/job.ts";
import { type ParamValue, type ParamValues, paramValueList, type RunParam } from "./schema/param.ts";
import { type GivenPipelineSpec, isExtending, type PipelineSpec } from "./schema/pipeline.ts";

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
export function markedInPipeline(spec: GivenPipelineSpec): string[] {
  return [...partsByKey(spec).values()].flatMap((part) => [
    ...markedNames(part.with),
    ...markedNames(part.runParams),
  ]);
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
 * `alsoMarked`, marks sensitive, and kubeconfigs, also in what it gives to the next pipeline; and with the secrets of its
 * listeners sealed. `jobs` are by reference as
 * written. Of a pipeline that extends another one `whole` is what it is put together to.
 */
export function sealPipelineSpec<S extends GivenPipelineSpec>(
  spec: S,
  jobs: ReadonlyMap<string, Pick<JobSnapshot, "spec">>,
  seal: Seal,
  alsoMarked: readonly string[] = [],
  whole: PipelineSpec = wholeOf(spec),
): S {
  const marked = [
    ...alsoMarked,
    ...markedInPipeline(spec),
    ...(spec === whole ? [] : markedInPipeline(whole)),
  ];
  return mapParts(spec, whole, (part, { values, isMap, jobs: refs }) => {
    const sealed = sealListeners(part, seal);
    const given = part[values];
    if (!given) return sealed;
    const known = [...new Set(refs)].flatMap((ref) => jobs.get(ref) ?? []);
    const names = new Set([...marked, ...known.flatMap((job) => sensitiveNames(job.spec))]);
    if (!hasSensitive(given, names)) return sealed;
    const list = sealValues(given, names, seal);
    return { ...sealed, [values]: isMap ? valuesAsMap(list) : list };
  });
}

function wholeOf(spec: GivenPipelineSpec): PipelineSpec {
  if (isExtending(spec)) throw new Error("a pipeline that extends another one is sealed with the whole");
  return spec;
}
