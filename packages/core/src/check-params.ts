// Whether the values of params are valid, and what is said of one that is not (semantics, section 2).

import type { ErrorDetail } from "./errors.ts";
import { createMasker, MASK } from "./mask.ts";
import { SYSTEM_PARAMS, secretsOf } from "./params.ts";
import type { EffectiveParam, RunParam } from "./schema/param.ts";

/** Names that are declared more than once, in the order in which the second ones come. */
export function duplicateParams(declared: readonly RunParam[]): string[] {
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  for (const { name } of declared) {
    if (seen.has(name)) duplicates.add(name);
    seen.add(name);
  }
  return [...duplicates];
}

/**
 * All that is wrong with the params of a task: required ones without a value, and values that do not parse.
 * Sensitive values are masked in the messages.
 */
export function checkParams(declared: readonly RunParam[], params: readonly EffectiveParam[]): ErrorDetail[] {
  const given = new Map(params.map((param) => [param.name, param]));
  const problems: ErrorDetail[] = [];
  const checked = new Set<string>(SYSTEM_PARAMS);
  for (const declaration of declared) {
    const { name } = declaration;
    if (checked.has(name)) continue;
    checked.add(name);
    const param = given.get(name);
    const path = `/runParams/${name}`;
    if (param === undefined) {
      if (declaration.required)
        problems.push({ path, message: `param ${name} is required and has no value` });
      continue;
    }
    const expected = expectation(declaration, param);
    if (expected === undefined) continue;
    const shown = shownValue(param, params);
    problems.push({ path, message: `param ${name} (set by ${param.setBy}) is ${shown}, but ${expected}` });
  }
  return problems;
}

/** What a value that does not parse must be, as the end of a sentence; nothing when it is fine. */
function expectation(
  declaration: RunParam,
  { value, usageType, valueType }: EffectiveParam,
): string | undefined {
  if (usageType === "ENV" && value.includes("\0")) {
    return "an environment variable cannot hold a NUL character";
  }
  if (valueType === "NUMBER" && numberOf(value) === undefined) {
    return `must be a number such as 3, -1 or 0.5, whole ones at most ${Number.MAX_SAFE_INTEGER}`;
  }
  if (valueType === "BOOLEAN" && booleanOf(value) === undefined) return "must be one of: true, false";
  if (valueType === "ENUM") {
    const options = (declaration.enumOptions ?? []).map((option) =>
      (typeof option === "string" ? option : option.value).trim(),
    );
    if (options.length === 0) return "the job declares no enumOptions for it, so no value is valid";
    if (!options.includes(value)) return `must be one of: ${optionList(options)}`;
  }
  return undefined;
}

const MAX_SHOWN_OPTIONS = 32;
const MAX_SHOWN_VALUE = 80;

function optionList(options: readonly string[]): string {
  const more = options.length - MAX_SHOWN_OPTIONS;
  const shown = options.slice(0, MAX_SHOWN_OPTIONS).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function shownValue(param: EffectiveParam, params: readonly EffectiveParam[]): string {
  if (param.sensitive) return MASK;
  const value = createMasker(secretsOf(params))(param.value);
  return JSON.stringify(value.length > MAX_SHOWN_VALUE ? `${value.slice(0, MAX_SHOWN_VALUE)}…` : value);
}

const NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** The number that a NUMBER value says; nothing for text, and for whole numbers that would lose digits. */
export function numberOf(value: string): number | undefined {
  if (!NUMBER.test(value)) return undefined;
  const number = Number(value);
  if (!Number.isFinite(number)) return undefined;
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? undefined : number;
}

/** What a BOOLEAN value says. Scripts compare with `true`, so no other spelling is taken. */
export function booleanOf(value: string): boolean | undefined {
  if (value === "true") return true;
  return value === "false" ? false : undefined;
}
