// What a task puts out: runtime envs and markdown (semantics, section 3, updateJobTaskOutput).

import type { Context } from "../change.ts";
import { MflowError } from "../errors.ts";
import { MIN_MASKED_LENGTH, maskText } from "../mask.ts";
import type { JobTask } from "../schema/job-task.ts";
import { MAX_RUNTIME_ENV_BYTES, MAX_RUNTIME_ENVS, type UpdateOutputRequest } from "../schema/request.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { requireTaskToken } from "./token.ts";

export interface Output {
  runtimeEnvs?: Record<string, string>;
  markdownOutput?: string;
}

export function updateOutput(draft: Draft, task: JobTask, request: UpdateOutputRequest): void {
  requireTaskToken(draft, task, request.updateToken);
  const { stage, reported } = task.status;
  if (isEnded(stage)) {
    throw new MflowError(
      "TASK_ENDED",
      `task \`${task.name}\` (${task.id}) has ended ${stage}; its output is final`,
    );
  }
  if (reported) {
    throw new MflowError(
      "ALREADY_REPORTED",
      `task \`${task.name}\` has reported ${reported.stage} and waits for its confirm; its output is final`,
    );
  }
  const updated = mergeOutput(draft, task, request);
  draft.recordTask("TASK_OUTPUT", updated, { message: Object.keys(request.runtimeEnvs ?? {}).join(", ") });
}

/** Adds output to a task, last wins per name; OUTPUT_TOO_LARGE when it is too much. */
export function mergeOutput(draft: Draft, task: JobTask, output: Output): JobTask {
  const { context } = draft;
  const secrets = secretsOfTask(task, context);
  const change: Output = {};
  if (output.runtimeEnvs && Object.keys(output.runtimeEnvs).length > 0) {
    const merged = { ...task.status.runtimeEnvs, ...sealSecrets(output.runtimeEnvs, secrets, context) };
    refuseTooLarge(task, merged, context);
    change.runtimeEnvs = merged;
  }
  if (output.markdownOutput !== undefined) change.markdownOutput = maskText(output.markdownOutput, secrets);
  return change.runtimeEnvs || change.markdownOutput !== undefined ? draft.updateStatus(task, change) : task;
}

/** The plain values of a task's sensitive params. */
export function secretsOfTask(task: JobTask, context: Pick<Context, "unseal">): string[] {
  return (task.params ?? []).filter((param) => param.sensitive).map((param) => context.unseal(param.value));
}

/** A runtime env that carries a secret is sealed like the param it came from. */
function sealSecrets(
  envs: Record<string, string>,
  secrets: string[],
  context: Context,
): Record<string, string> {
  const long = secrets.filter((secret) => secret.length >= MIN_MASKED_LENGTH);
  if (long.length === 0) return envs;
  const isSecret = (value: string) => long.some((secret) => value.includes(secret));
  return Object.fromEntries(
    Object.entries(envs).map(([name, value]) => [name, isSecret(value) ? context.seal(value) : value]),
  );
}

function refuseTooLarge(task: JobTask, envs: Record<string, string>, context: Context): void {
  const entries = Object.entries(envs);
  if (entries.length > MAX_RUNTIME_ENVS) {
    throw new MflowError(
      "OUTPUT_TOO_LARGE",
      `task \`${task.name}\` put out ${entries.length} runtime envs; at most ${MAX_RUNTIME_ENVS} are kept`,
    );
  }
  let bytes = 0;
  for (const [name, value] of entries) {
    bytes += utf8Length(name) + utf8Length(context.isSealed(value) ? context.unseal(value) : value);
  }
  if (bytes > MAX_RUNTIME_ENV_BYTES) {
    throw new MflowError(
      "OUTPUT_TOO_LARGE",
      `task \`${task.name}\` put out ${bytes} bytes of runtime envs; at most ${MAX_RUNTIME_ENV_BYTES} are kept`,
    );
  }
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
