// Errors for people: what is wrong, each place, what to do. Never a stack trace, unless `--debug` asks for it.

import type { ErrorDetail } from "@mflow/core/errors";
import { formatProblem } from "@mflow/core/format-problem";
import type { Style } from "./display/style.ts";
import { plainLine } from "./display/width.ts";
import { EXIT } from "./exit-code.ts";

/** What any of the errors may carry; the classes are not imported, because most commands fail without them. */
interface Report {
  name: string;
  message: string;
  code?: string;
  status?: number;
  remedy?: string;
  details?: readonly ErrorDetail[];
  requestId?: string;
  stack?: string;
}

/** What the command line can do where the server speaks of headers. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNAUTHORIZED: "Give a token with `--token` or `MFLOW_TOKEN`; an admin makes one with `mflow token create`.",
  STALE_REVISION: "Somebody else changed it meanwhile; look at it and try again.",
};

/** One problem of a document: `file:line:column: error: message`. */
export function problemLine(detail: ErrorDetail, style: Style): string {
  const severity = `${detail.severity ?? "error"}:`;
  const tone = severity === "error:" ? "bad" : "attention";
  return plainLine(formatProblem(detail)).replace(severity, () => style.tone(tone, severity));
}

/** The lines that report an error on stderr. */
export function errorLines(error: unknown, style: Style, debug = false): string[] {
  const report: Report = error instanceof Error ? error : { name: "Error", message: String(error) };
  const known = ["UsageError", "ApiError", "ConnectionError", "MflowError"].includes(report.name);
  const head = known ? report.message : `internal error: ${report.message}`;
  const remedy = known ? remedyOf(report) : "This is a defect of mflow; `--debug` shows where.";
  const lines = [`${style.tone("bad", "mflow:")} ${plainLine(head)}`];
  for (const detail of report.details ?? []) {
    // What the message says already is worth a line of its own only with its place.
    if (detail.file || !report.message.includes(detail.message)) lines.push(problemLine(detail, style));
  }
  if (remedy) lines.push(remedy);
  if (report.requestId && (report.status ?? 0) >= 500) lines.push(`Request id: ${report.requestId}`);
  if (debug && report.stack) lines.push(report.stack);
  return lines;
}

function remedyOf({ name, code, remedy }: Report): string {
  if (name === "ApiError" && code !== undefined) return REMEDIES[code] ?? remedy ?? "";
  if (name === "ConnectionError") return remedy ?? "Check the address, and that an mflow server runs there.";
  return remedy ?? "";
}

/** The exit code that an error stands for. */
export function errorExitCode(error: unknown): number {
  if (!(error instanceof Error)) return EXIT.unreachable;
  if (error.name === "MflowError" && (error as Report).code === "DATA_FOLDER_IN_USE") return EXIT.taken;
  if (error.name === "UsageError" || error.name === "MflowError") return EXIT.refused;
  if (error.name === "ApiError") {
    return (error as Report).status !== undefined && ((error as Report).status ?? 0) < 500
      ? EXIT.refused
      : EXIT.unreachable;
  }
  return EXIT.unreachable;
}
