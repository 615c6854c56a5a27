// The combinations of values for which a task runs (semantics, section 5).

import { MflowError } from "./errors.ts";
import { isMap } from "./is-map.ts";
import { quoted } from "./quoted.ts";
import type { JobSnapshot } from "./schema/job.ts";
import { type Combination, MAX_WAYS, type MatrixSpec } from "./schema/matrix.ts";
import { sensitiveNames } from "./sealing.ts";

type Value = Combination[string];

/** The combinations of a matrix that is written down, in order; may be more than MAX_WAYS. None for one with `fromEnv`. */
export function combinationsOf({ params = {}, include = [], exclude = [] }: MatrixSpec): Combination[] {
  const names = Object.keys(params);
  let combined: Combination[] = names.length > 0 ? [{}] : [];
  for (const name of names) {
    combined = combined.flatMap((each) => (params[name] ?? []).map((value) => ({ ...each, [name]: value })));
    // Enough to be refused, whatever is left out.
    if (combined.length > MAX_WAYS * MAX_WAYS) break;
  }
  const kept = combined.filter((each) => !exclude.some((part) => holds(each, part)));
  return withoutRepeats([...kept, ...include]);
}

/** Whether a combination has all values of another. */
function holds(combination: Combination, part: Combination): boolean {
  return Object.entries(part).every(
    ([name, value]) => combination[name] !== undefined && String(combination[name]) === String(value),
  );
}

/** Params hold texts, so that 1 and "1" are the same. */
function withoutRepeats(combinations: readonly Combination[]): Combination[] {
  const textOf = (each: Combination) =>
    JSON.stringify(
      Object.entries(each)
        .map(([name, value]) => [name, String(value)])
        .sort(),
    );
  const byText = new Map<string, Combination>();
  for (const each of combinations) if (!byText.has(textOf(each))) byText.set(textOf(each), each);
  return [...byText.values()];
}

/** The combinations that a runtime env holds; throws MATRIX_INVALID that says what is wrong with it. */
export function combinationsIn(name: string, text: string): Combination[] {
  const combinations = combinationsOfJson(name, parsed(name, text));
  if (combinations.length > MAX_WAYS) {
    throw invalid(name, `has ${combinations.length} combinations; at most ${MAX_WAYS} are possible`);
  }
  return combinations;
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(name, 'is no JSON; put out a list, e.g. ["a","b"]');
  }
}

function combinationsOfJson(name: string, json: unknown): Combination[] {
  if (Array.isArray(json)) {
    return withoutRepeats(
      json.map((item: unknown, index) => {
        if (isValue(item)) return { [name]: item };
        if (isCombination(item)) return item;
        throw invalid(name, `has as item ${index + 1} neither a value nor an object of values`);
      }),
    );
  }
  if (isMap(json) && Object.values(json).every((list) => Array.isArray(list) && list.every(isValue))) {
    return combinationsOf({ params: json as Record<string, Value[]> });
  }
  throw invalid(name, 'is neither a list, e.g. ["a","b"], nor an object of lists, e.g. {"OS":["linux"]}');
}

function isCombination(item: unknown): item is Combination {
  return isMap(item) && Object.values(item).every(isValue);
}

function isValue(item: unknown): item is Value {
  return typeof item === "string" || typeof item === "number" || typeof item === "boolean";
}

function invalid(name: string, what: string): MflowError {
  return new MflowError("MATRIX_INVALID", `the matrix comes from the runtime env ${name}, which ${what}`);
}

const LONGEST_VALUES = 80;

/** Name of a task of a matrix: `build (linux, 18)`; with values that are too long for a name its number instead. */
export function wayName(name: string, number: number, values: Combination): string {
  const text = Object.values(values)
    .map((value) => String(value).replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " "))
    .join(", ");
  return `${name} (${text.length > LONGEST_VALUES || text === "" ? number : text})`;
}

/**
 * Why combinations cannot be those of a job, as a sentence; undefined when they can. Their values are seen by all who see
 * the task: they are its name.
 */
export function secretProblem(
  { name, spec }: Pick<JobSnapshot, "name" | "spec">,
  combinations: readonly Combination[],
): string | undefined {
  const names = new Set(combinations.flatMap((each) => Object.keys(each)));
  const secret = sensitiveNames(spec).find((each) => names.has(each));
  if (secret === undefined) return undefined;
  return secretWays(`param ${quoted(secret)} of job ${quoted(name)}`);
}

/** A sentence on something secret that was to be values of a matrix. */
export function secretWays(what: string): string {
  return `${what} is sensitive, and the values of a matrix are seen by everybody, in the names of its tasks; use names instead, and let each task look its secret up`;
}

/** What is wrong with a matrix that is written down, as the end of a sentence; undefined when nothing is. */
export function matrixProblem(spec: MatrixSpec): string | undefined {
  const { params, include, fromEnv } = spec;
  if (fromEnv !== undefined) {
    const other = (["params", "include", "exclude"] as const).find((key) => spec[key] !== undefined);
    return other && `has \`fromEnv\` and ${quoted(other)}; keep one of them`;
  }
  if (!params && !include) return "has no combinations; give `params`, `include` or `fromEnv`";
  const { length } = combinationsOf(spec);
  if (length === 0) return "has no combinations: `exclude` leaves out all of them";
  return length > MAX_WAYS ? `has ${length} combinations; at most ${MAX_WAYS} are possible` : undefined;
}

/** The entries of `exclude` that leave nothing out. */
export function uselessExcludes({ params = {}, exclude = [] }: MatrixSpec): Combination[] {
  const all = combinationsOf({ params });
  return exclude.filter((part) => !all.some((each) => holds(each, part)));
}
