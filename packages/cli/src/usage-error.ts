// A mistake in how the command was called, or in what it was given.

import type { ErrorDetail } from "@mflow/core/errors";

/** `message` says what is wrong, `remedy` what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly remedy: string;
  readonly details: readonly ErrorDetail[];

  constructor(message: string, remedy = "", details: readonly ErrorDetail[] = []) {
    super(message);
    this.remedy = remedy;
    this.details = details;
  }
}
