// Masks the secrets of a task in what people write and read about it: messages, and comments on its gates.

import type { Context } from "./change.ts";
import { MflowError } from "./errors.ts";
import { createMasker, MASK, type Masker } from "./mask.ts";
import type { JobTask } from "./schema/job-task.ts";

/**
 * Masks every secret of the task: its sensitive params, and what it put out that is sensitive. When the key of one is
 * gone nobody can say whether a text has it, so all of a text is masked: a text must not keep a change from being made.
 */
export function taskMasker(
  { params = [], status }: Pick<JobTask, "params" | "status">,
  { isSealed, unseal }: Pick<Context, "isSealed" | "unseal">,
): Masker {
  const sealed = [
    ...params.filter(({ sensitive }) => sensitive).map(({ value }) => value),
    ...Object.values(status.runtimeEnvs ?? {}).filter((value) => isSealed(value)),
  ];
  try {
    return createMasker(sealed.map((value) => (isSealed(value) ? unseal(value) : value)));
  } catch (error) {
    if (error instanceof MflowError && error.code === "SECRET_KEY_UNKNOWN") return () => MASK;
    throw error;
  }
}

/** The request with its comment as it may be kept: histories and the decision record stay for ever. */
export function withMaskedComment<T extends { comment?: string }>(
  request: T,
  task: JobTask,
  context: Pick<Context, "isSealed" | "unseal">,
): T {
  const comment = request.comment?.trim();
  return comment ? { ...request, comment: taskMasker(task, context)(comment) } : request;
}
