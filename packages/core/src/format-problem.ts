// How a problem reads in a terminal: one line, in the form that editors and CI systems turn into links.

import type { ErrorDetail } from "./errors.ts";

/** `file:line:column: error: message`; without a place in a file the pointer stands there instead. */
export function formatProblem(detail: ErrorDetail): string {
  const place = [detail.file, detail.line, detail.line === undefined ? undefined : detail.column]
    .filter((part) => part !== undefined)
    .join(":");
  const where = place || detail.path;
  const message = detail.message.replace(/\s*[\r\n]+\s*/g, " ");
  return `${where ? `${where}: ` : ""}${detail.severity ?? "error"}: ${message}`;
}
