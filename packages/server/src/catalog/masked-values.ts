// A masked value in a manifest that is sent back means "unchanged": it is restored from the stored record.
// Only a masked value is; one that was given overrides. A ciphertext is never taken from a manifest.

import type { ErrorDetail } from "@mflow/core/errors";
import { MASK } from "@mflow/core/mask";
import { mapParts, type PartContent, partsByKey, valuesAsMap } from "@mflow/core/pipeline-parts";
import { below } from "@mflow/core/pointer";
import type { JobSpec } from "@mflow/core/schema/job";
import { type ParamValues, paramValueList, type RunParam } from "@mflow/core/schema/param";
import type { GivenPipelineSpec, PipelineSpec } from "@mflow/core/schema/pipeline";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import type { Vault } from "./context.ts";
import { restoreListeners } from "./masked-listeners.ts";

/** Where a value holds sealed texts, as JSON pointers below `path`. */
function* sealedTexts(value: unknown, path: string, vault: Vault): Generator<string> {
  if (typeof value === "string") {
    if (vault.isSealed(value)) yield path;
  } else if (value !== null && typeof value === "object") {
    for (const [key, member] of Object.entries(value)) yield* sealedTexts(member, below(path, key), vault);
  }
}

/** Problems of a manifest that brings ciphertexts: forged ones, or copied from where nobody should read. */
export function sealedTextProblems(manifest: object, vault: Vault): ErrorDetail[] {
  return [...sealedTexts(manifest, "", vault)].map((path) => ({
    path,
    message: `a sealed text cannot be given; give the value itself, or \`${MASK}\` for the stored one`,
  }));
}

/** Looks up sealed values of the stored record, and notes where there is none. */
interface Restoring {
  vault: Vault;
  problems: ErrorDetail[];
}

function missing(path: string, name: string): ErrorDetail {
  return {
    path,
    message: `\`${MASK}\` stands for the stored value of \`${name}\`, but there is none; give the value itself`,
  };
}

function restoreDeclared(
  params: RunParam[] | undefined,
  stored: RunParam[] | undefined,
  path: string,
  { vault, problems }: Restoring,
): RunParam[] | undefined {
  return params?.map((param, index) => {
    if (param.value !== MASK) return param;
    const before = stored?.find((one) => one.name === param.name)?.value;
    if (typeof before === "string" && vault.isSealed(before)) return { ...param, value: before };
    if (param.sensitive) problems.push(missing(`${path}/${index}/value`, param.name));
    return param;
  });
}

/** The job spec with masked values restored. `problems` gets one entry for each that cannot be. */
export function restoreJob(
  spec: JobSpec,
  stored: JobSpec | undefined,
  vault: Vault,
  problems: ErrorDetail[],
): JobSpec {
  const restoring = { vault, problems };
  const restored = { ...spec };
  for (const list of ["runParams", "rollbackParams"] as const) {
    if (spec[list]) restored[list] = restoreDeclared(spec[list], stored?.[list], `/spec/${list}`, restoring);
  }
  return restored;
}

function restoreValues(
  values: ParamValues | undefined,
  stored: ParamValues | undefined,
  path: string,
  sensitive: ReadonlySet<string>,
  { vault, problems }: Restoring,
): ParamValues | undefined {
  const list = paramValueList(values);
  if (!list.some(({ value }) => value === MASK)) return values;
  const before = paramValueList(stored);
  const isMap = !Array.isArray(values);
  return list.map((value, index) => {
    if (value.value !== MASK) return value;
    const scope = JSON.stringify(value.scope);
    const named = before.filter((one) => one.name === value.name && vault.isSealed(String(one.value)));
    const sealed = named.find((one) => JSON.stringify(one.scope) === scope);
    if (sealed) return { ...value, value: sealed.value, sensitive: true };
    if (value.sensitive || sensitive.has(value.name)) {
      problems.push(missing(isMap ? `${path}/${value.name}` : `${path}/${index}/value`, value.name));
    }
    return value;
  });
}

/**
 * The pipeline spec with masked values restored, stages and tasks matched by name. `sensitiveIn` names the
 * sensitive params of the jobs that some references mean; `whole` is what the spec is put together to.
 */
export function restorePipeline<S extends GivenPipelineSpec>(
  spec: S,
  whole: PipelineSpec,
  stored: GivenPipelineSpec | undefined,
  sensitiveIn: (refs: readonly string[]) => ReadonlySet<string>,
  vault: Vault,
  problems: ErrorDetail[],
): S {
  const before = stored ? partsByKey(stored) : new Map<string, PartContent>();
  return mapParts(spec, whole, (part, { path, key, values, isMap, jobs }) => {
    const known = before.get(key);
    const restored = restoreListeners(part, known, path, problems);
    const given = part[values];
    if (!given) return restored;
    const restoring = { vault, problems };
    const list = restoreValues(given, known?.[values], `${path}/${values}`, sensitiveIn(jobs), restoring);
    if (!list || list === given) return restored;
    return { ...restored, [values]: isMap ? valuesAsMap(paramValueList(list)) : list };
  });
}

/** The schedule spec with masked values restored. `sensitive` names params that its pipeline takes as such. */
export function restoreSchedule(
  spec: ScheduleSpec,
  stored: ScheduleSpec | undefined,
  sensitive: ReadonlySet<string>,
  vault: Vault,
  problems: ErrorDetail[],
): ScheduleSpec {
  const restoring = { vault, problems };
  const values = restoreValues(spec.runParams, stored?.runParams, "/spec/runParams", sensitive, restoring);
  return { ...spec, ...(values && { runParams: values }) };
}
