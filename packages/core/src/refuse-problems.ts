// Documents with problems are refused in one way: the message names the first problem, the error carries all.

import { type ErrorDetail, MflowError } from "./errors.ts";

/** Throws INVALID_DOCUMENT unless there are no problems. */
export function refuseProblems(problems: readonly ErrorDetail[]): void {
  const [first] = problems;
  if (!first) return;
  const at = [first.file, first.line, first.column].filter((part) => part !== undefined).join(":");
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  throw new MflowError("INVALID_DOCUMENT", `${at || first.path || "/"}: ${first.message}${more}`, [
    ...problems,
  ]);
}
