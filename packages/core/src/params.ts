// Run params: which values a task runs with, and who may see them (semantics, section 2).
// Values are plain text here; whoever stores them seals the sensitive ones.

import { KUBE_CONFIG, KUBE_CONFIG_FROM } from "./kubernetes/kubeconfig-param.ts";
import { createMasker, MASK } from "./mask.ts";
import type { EffectiveParam, ParamScope, ParamValue, RunParam, SetBy } from "./schema/param.ts";
import type { Labels } from "./schema/scalars.ts";

/** What every task is told by mflow itself. No declaration and no level sets them. */
export const SYSTEM_PARAMS = [
  "JOB_TASK_ID",
  "JOB_TASK_UPDATE_TOKEN",
  "JOB_ID",
  "PIPELINE_TASK_ID",
  "MFLOW_URL",
  "MFLOW_FEEDBACK",
  "MFLOW_MODE",
] as const;

const systemNames: ReadonlySet<string> = new Set(SYSTEM_PARAMS);

/** The values that one level gives, e.g. a stage's `with`. */
export interface ParamLevel {
  setBy: SetBy;
  values: readonly ParamValue[];
}

/** Where a task stands in its pipeline; a lone task has no stage. Numbers count from 1. */
export interface Place {
  stageName?: string;
  stageNumber?: number;
  taskName: string;
  taskNumber?: number;
}

/** Whether something with this scope is meant for the place. A name matches names, a number matches numbers. */
export function matchesScope(scope: ParamScope | undefined, place: Place): boolean {
  if (scope === undefined || scope === "*") return true;
  return (
    matchesPart(scope.stage, place.stageName, place.stageNumber) &&
    matchesPart(scope.task, place.taskName, place.taskNumber)
  );
}

function matchesPart(
  wanted: string | number | undefined,
  name: string | undefined,
  number: number | undefined,
): boolean {
  if (wanted === undefined) return true;
  return wanted === (typeof wanted === "number" ? number : name);
}

interface Slot {
  declaration: RunParam;
  /** Empty until a level sets it. */
  value: string;
  setBy: SetBy;
  sensitive: boolean;
  /** Set with `readOnly`: no higher level changes it. */
  final: boolean;
}

/**
 * Fills the declared params of a task from the levels, which come lowest precedence first; below them are the
 * declared defaults. The answer is in the order of the declarations and holds those that got a value.
 * `undeclared` names what a level sets for this place in vain, because the job declares no such param or it is
 * the system's. Of a name that is declared twice the first declaration counts.
 *
 * Within a level a later value replaces an earlier one; when one of them was `readOnly`, the param is final for
 * all higher levels. A param is sensitive when its declaration or any value given for it here says so, even a
 * value that did not win; and `_kube_config` always is when it is a kubeconfig.
 */
export function mergeParams(input: {
  declared: readonly RunParam[];
  levels: readonly ParamLevel[];
  place: Place;
}): { params: EffectiveParam[]; undeclared: { name: string; setBy: SetBy }[] } {
  const slots = openSlots(input.declared);
  const undeclared = new Map<string, { name: string; setBy: SetBy }>();
  for (const { setBy, values } of input.levels) {
    const closing: Slot[] = [];
    for (const given of values) {
      if (!matchesScope(given.scope, input.place)) continue;
      const slot = slots.get(given.name);
      if (slot === undefined) {
        undeclared.set(`${setBy} ${given.name}`, { name: given.name, setBy });
        continue;
      }
      if (given.sensitive) slot.sensitive = true;
      const value = textOf(given.value);
      if (slot.final || value === "") continue;
      slot.value = value;
      slot.setBy = setBy;
      if (given.readOnly) closing.push(slot);
    }
    for (const slot of closing) slot.final = true;
  }
  keepKubeconfig(slots);
  const params: EffectiveParam[] = [];
  for (const slot of slots.values()) if (slot.value !== "") params.push(effective(slot));
  return { params, undeclared: [...undeclared.values()] };
}

function openSlots(declared: readonly RunParam[]): Map<string, Slot> {
  const slots = new Map<string, Slot>();
  for (const declaration of declared) {
    if (systemNames.has(declaration.name) || slots.has(declaration.name)) continue;
    const value = textOf(declaration.value);
    slots.set(declaration.name, {
      declaration,
      value,
      setBy: "JOB",
      sensitive: declaration.sensitive === true,
      final: declaration.readOnly === true && value !== "",
    });
  }
  return slots;
}

/** A kubeconfig is a secret, although nobody says so. */
function keepKubeconfig(slots: ReadonlyMap<string, Slot>): void {
  const slot = slots.get(KUBE_CONFIG);
  const isManual = slots.get(KUBE_CONFIG_FROM)?.value === "MANUAL";
  if (slot && isManual && slot.declaration.usageType === "RUNNER") slot.sensitive = true;
}

function textOf(value: string | number | boolean | undefined): string {
  return value === undefined ? "" : String(value).trim();
}

function effective({ declaration, value, setBy, sensitive }: Slot): EffectiveParam {
  const param: EffectiveParam = {
    name: declaration.name,
    value,
    usageType: declaration.usageType ?? "ENV",
    valueType: declaration.valueType ?? "TEXT",
    setBy,
  };
  if (sensitive) param.sensitive = true;
  return param;
}

/**
 * A value that is exactly `***` is one that a client was shown and sends back: it means "unchanged". It becomes
 * what `stored` knows, sensitive as it was, or is left out when there is none. Other values stay as they are.
 */
export function restoreMasked(
  values: readonly ParamValue[],
  stored: (name: string) => string | undefined,
): ParamValue[] {
  const restored: ParamValue[] = [];
  for (const given of values) {
    if (textOf(given.value) !== MASK) {
      restored.push(given);
      continue;
    }
    const value = stored(given.name);
    if (value !== undefined) restored.push({ ...given, value, sensitive: true });
  }
  return restored;
}

/**
 * The params as people may see them: sensitive values are `***`, also where another value contains one.
 * Needs the plain values; sealed ones are masked as such, but not found inside others.
 */
export function maskParams(params: readonly EffectiveParam[]): EffectiveParam[] {
  const mask = createMasker(secretsOf(params));
  return params.map((param) => ({ ...param, value: param.sensitive ? MASK : mask(param.value) }));
}

/** The sensitive values. */
export function secretsOf(params: readonly EffectiveParam[]): string[] {
  return params.filter((param) => param.sensitive).map((param) => param.value);
}

/** The environment variables of every step: ENV params whose name starts with an upper case letter or `_`. */
export function environmentOf(params: readonly EffectiveParam[]): Record<string, string> {
  return byName(params.filter(({ usageType, name }) => usageType === "ENV" && /^[A-Z_]/.test(name)));
}

/** The params that configure the runner, by name. */
export function runnerParamsOf(params: readonly EffectiveParam[]): Record<string, string> {
  return byName(params.filter(({ usageType }) => usageType === "RUNNER"));
}

/** From entries, so that a param called `__proto__` is an entry like any other. */
function byName(params: readonly EffectiveParam[]): Record<string, string> {
  return Object.fromEntries(params.map(({ name, value }) => [name, value]));
}

/** Longest value of a label, see the schema `Labels`. */
const MAX_LABEL_LENGTH = 512;

/**
 * Labels from the values of params declared with `searchLabel`. Left out are sensitive values, values that
 * contain one, and values too long for a label.
 */
export function searchLabelsOf(declared: readonly RunParam[], params: readonly EffectiveParam[]): Labels {
  const wanted = new Set<string>();
  for (const { name, searchLabel } of declared) if (searchLabel) wanted.add(name);
  if (wanted.size === 0) return {};
  const mask = createMasker(secretsOf(params));
  return byName(
    params.filter(
      ({ name, value, sensitive }) =>
        wanted.has(name) && !sensitive && value.length <= MAX_LABEL_LENGTH && mask(value) === value,
    ),
  );
}
