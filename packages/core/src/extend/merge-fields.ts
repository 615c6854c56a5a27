// How the fields of a pipeline, a stage or a task meet those of the one that is extended: a field that is given replaces
// the whole field, but values and labels are merged by name.

import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { type ParamValue, type ParamValues, paramValueList } from "../schema/param.ts";
import type { Labels } from "../schema/scalars.ts";
import { type Origin, originsOfValues, type TracedField, type TracedPart } from "./traced.ts";

/** What is found while pipelines are put together. */
export interface MergeFinding {
  at: Origin;
  message: string;
  severity: "error" | "warning";
}

const VALUES: ReadonlySet<string> = new Set(["with", "runParams"]);
const MAPS: ReadonlySet<string> = new Set(["labels"]);

/** Lays given fields over those of a part. */
export function mergeFields(
  part: TracedPart,
  given: ReadonlyMap<string, TracedField>,
  findings: MergeFinding[],
): void {
  for (const [name, field] of given) {
    const before = part.fields.get(name);
    if (before && VALUES.has(name)) part.fields.set(name, mergeValues(before, field, findings));
    else if (before && MAPS.has(name)) part.fields.set(name, mergeMaps(before, field));
    else part.fields.set(name, field);
  }
}

interface TracedValue {
  value: ParamValue;
  origin: Origin;
}

function tracedValues(field: TracedField): TracedValue[] {
  const origins = originsOfValues(field);
  return paramValueList(field.value as ParamValues).map((value, index) => ({
    value,
    origin: origins[index] ?? field.at,
  }));
}

/** All values of a name that is given replace those that there were, unless one of these is `readOnly`. */
function mergeValues(before: TracedField, given: TracedField, findings: MergeFinding[]): TracedField {
  const old = tracedValues(before);
  const final = new Set(old.filter(({ value }) => value.readOnly).map(({ value }) => value.name));
  const fresh = tracedValues(given).filter(({ value: { name }, origin: at }) => {
    if (!final.has(name)) return true;
    const message = `${quoted(name)} is \`readOnly\` in the pipeline that is extended, so this value has no effect; remove it`;
    findings.push({ at, message, severity: "warning" });
    return false;
  });
  const names = new Set(fresh.map(({ value }) => value.name));
  const merged = [...old.filter(({ value }) => !names.has(value.name)), ...fresh];
  if (Array.isArray(before.value) || Array.isArray(given.value)) {
    const parts = new Map(merged.map(({ origin }, index) => [String(index), origin]));
    return { value: merged.map(({ value }) => value), at: given.at, parts };
  }
  const value = Object.fromEntries(merged.map(({ value: { name, value } }) => [name, value]));
  return { value, at: given.at, parts: new Map(merged.map(({ value: { name }, origin }) => [name, origin])) };
}

function mergeMaps(before: TracedField, given: TracedField): TracedField {
  const parts = new Map<string, Origin>();
  for (const { value, at, parts: inner } of [before, given]) {
    for (const key of Object.keys(value as Labels)) {
      parts.set(key, inner?.get(key) ?? { source: at.source, pointer: below(at.pointer, key) });
    }
  }
  return { value: { ...(before.value as Labels), ...(given.value as Labels) }, at: given.at, parts };
}

/** Drops the fields that `unset` names; of values those that are `readOnly` stay. `known` are the names that may be unset. */
export function unsetFields(
  part: TracedPart,
  unset: readonly string[],
  at: Origin,
  known: readonly string[],
  findings: MergeFinding[],
): void {
  for (const [index, name] of unset.entries()) {
    if (!known.includes(name)) {
      const remedy = didYouMean(name, known) || `; it can be ${known.map(quoted).join(", ")}`;
      const message = `${quoted(name)} is no field that can be unset here${remedy}`;
      findings.push({ at: { ...at, pointer: below(at.pointer, index) }, message, severity: "error" });
      continue;
    }
    const field = part.fields.get(name);
    const final = field && VALUES.has(name) ? tracedValues(field).filter(({ value }) => value.readOnly) : [];
    if (!field || final.length === 0) part.fields.delete(name);
    else {
      const parts = new Map(final.map(({ origin }, number) => [String(number), origin]));
      part.fields.set(name, { value: final.map(({ value }) => value), at: field.at, parts });
    }
  }
}
