// What the server says of manifests, told with their places in the files: for apply and diff.

import type { ErrorDetail } from "@mflow/core/errors";
import type { ParsedDocument } from "@mflow/core/manifest";
import { ApiError } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { placeInFiles, problemsError } from "../manifest-files.ts";
import { problemLine } from "../report-error.ts";
import { UsageError } from "../usage-error.ts";

/** The error of a request with manifests, with the places in the files that it speaks of. */
export function refusedInFiles(error: unknown, documents: readonly ParsedDocument[]): unknown {
  if (!(error instanceof ApiError) || error.details.length === 0) return error;
  const details = placeInFiles(error.details, documents);
  if (error.code === "INVALID_DOCUMENT") return problemsError(details);
  return new UsageError(error.message, error.remedy, details);
}

/** Warnings on stderr. */
export function printWarnings(
  { io, errorStyle }: Context,
  warnings: readonly ErrorDetail[],
  documents: readonly ParsedDocument[],
): void {
  for (const warning of placeInFiles(warnings, documents)) {
    io.stderr.write(`${problemLine(warning, errorStyle)}\n`);
  }
}
