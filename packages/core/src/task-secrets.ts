// Masks the secrets of a task in what people write and read about it: messages, and comments on its gates.

import type { Context } from "./change.ts";
import { MflowError } from "./errors.ts";
import { createMasker, MASK, type Masker } from "./mask.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { RunDefinition } from "./schema/pipeline-task.ts";

/** What opens secrets. */
type Secrets = Pick<Context, "isSealed" | "unseal">;

/**
 * Masks every secret of the task: its sensitive params, and what it put out that is sensitive. When the key of one is
 * gone nobody can say whether a text has it, so all of a text is masked: a text must not keep a change from being made.
 */
export function taskMasker(
  { params = [], status }: Pick<JobTask, "params" | "status">,
  { isSealed, unseal }: Secrets,
): Masker {
  const sealed = [
    ...params.filter(({ sensitive }) => sensitive).map(({ value }) => value),
    ...Object.values(status.runtimeEnvs ?? {}).filter((value) => isSealed(value)),
  ];
  return maskerOf(sealed, { isSealed, unseal });
}

/** Like `taskMasker`, for what is said of a run or of a task that has no params yet: masks every secret of the run. */
export function runMasker(
  definition: RunDefinition,
  tasks: readonly Pick<JobTask, "params" | "status">[],
  context: Secrets,
): Masker {
  const shown = tasks.map(({ params, status }) => [params, status.runtimeEnvs]);
  return maskerOf(sealedIn([definition, shown], context), context);
}

/** Every sealed text within, however deep. */
function sealedIn(value: unknown, context: Secrets): string[] {
  if (typeof value === "string") return context.isSealed(value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((each) => sealedIn(each, context));
}

function maskerOf(secrets: readonly string[], { isSealed, unseal }: Secrets): Masker {
  try {
    return createMasker(secrets.map((value) => (isSealed(value) ? unseal(value) : value)));
  } catch (error) {
    if (error instanceof MflowError && error.code === "SECRET_KEY_UNKNOWN") return () => MASK;
    throw error;
  }
}

/**
 * The request with its comment as it may be kept: histories and the decision record stay for ever. `definition`: for a
 * task whose turn has not come, which has no params yet.
 */
export function withMaskedComment<T extends { comment?: string }>(
  request: T,
  task: JobTask,
  context: Secrets,
  definition?: RunDefinition,
): T {
  const comment = request.comment?.trim();
  if (!comment) return request;
  const mask = definition ? runMasker(definition, [task], context) : taskMasker(task, context);
  return { ...request, comment: mask(comment) };
}
