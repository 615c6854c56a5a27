// The order in which problems are shown, and how many of them.

import type { ErrorDetail } from "./errors.ts";

/** More than these help nobody, and a text of 1 MiB can have hundreds of thousands. */
const MAX_PROBLEMS = 1000;

/** Problems of one text by line and column; those without a place keep their order. */
export function byPlace(problems: readonly ErrorDetail[]): ErrorDetail[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** The first 1000 problems, errors before warnings when some have to go, and a last one that says how many more. */
export function atMost(problems: readonly ErrorDetail[]): ErrorDetail[] {
  const more = problems.length - MAX_PROBLEMS;
  if (more <= 0) return [...problems];
  const warnings = problems.filter(({ severity }) => severity === "warning");
  const errors = problems.filter(({ severity }) => severity !== "warning");
  const message = `and ${more} more problems; correct these first`;
  const severity = errors.length > 0 ? "error" : "warning";
  return [...errors, ...warnings].slice(0, MAX_PROBLEMS).concat({ path: "", message, severity });
}
