// What a task puts out: runtime envs and markdown (semantics, section 3, updateJobTaskOutput).

import type { Change, Context } from "../change.ts";
import { MflowError } from "../errors.ts";
import { createMasker, type Masker } from "../mask.ts";
import { checkRevision } from "../revision.ts";
import type { JobTask } from "../schema/job-task.ts";
import { MAX_RUNTIME_ENV_BYTES, MAX_RUNTIME_ENVS } from "../schema/request.ts";
import { sensitiveNames } from "../sealing.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { requireTaskToken } from "./token.ts";

type OutputCall = Extract<Change, { type: "updateOutput" }>;

export interface Output {
  runtimeEnvs?: Record<string, string>;
  /** Values that are sealed already; never from outside. */
  sealedEnvs?: Record<string, string>;
  markdownOutput?: string;
}

export function updateOutput(draft: Draft, task: JobTask, call: OutputCall): void {
  const { request, ifRevision } = call;
  requireTaskToken(draft, task, request.updateToken);
  checkRevision(`Task ${task.id}`, task.revision, ifRevision);
  const { stage, reported } = task.status;
  if (stage === "PENDING" || stage === "SCHEDULING") {
    throw new MflowError(
      "CONFLICT",
      `task \`${task.name}\` (${task.id}) is ${stage}; it puts out nothing before it runs`,
    );
  }
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

/** Adds output to a task, last wins per name; OUTPUT_TOO_LARGE when it is too much, OUTPUT_REFUSED when it pretends. */
export function mergeOutput(draft: Draft, task: JobTask, output: Output): JobTask {
  const { context } = draft;
  const mask = maskerOfTask(task, context);
  const change: Pick<Output, "runtimeEnvs" | "markdownOutput"> = {};
  const { runtimeEnvs = {}, sealedEnvs } = output;
  if (Object.keys({ ...runtimeEnvs, ...sealedEnvs }).length > 0) {
    refuseSealed(task, runtimeEnvs, context);
    const merged = { ...task.status.runtimeEnvs, ...sealSecrets(draft, runtimeEnvs, mask), ...sealedEnvs };
    refuseTooLarge(task, merged, context);
    change.runtimeEnvs = merged;
  }
  if (output.markdownOutput !== undefined) change.markdownOutput = mask(output.markdownOutput);
  return change.runtimeEnvs || change.markdownOutput !== undefined ? draft.updateStatus(task, change) : task;
}

/** Masks the values of a task's sensitive params, for everything that comes from its work. */
export function maskerOfTask(task: JobTask, context: Pick<Context, "unseal">): Masker {
  const sensitive = (task.params ?? []).filter((param) => param.sensitive);
  return createMasker(sensitive.map((param) => context.unseal(param.value)));
}

/**
 * A runtime env that carries a secret of the task, or a line of one, is sealed like the param it came from; so is
 * one that a job of the run declares as a sensitive param.
 */
function sealSecrets(draft: Draft, envs: Record<string, string>, mask: Masker): Record<string, string> {
  const sensitive = new Set(Object.values(draft.definition.jobs).flatMap((job) => sensitiveNames(job.spec)));
  return Object.fromEntries(
    Object.entries(envs).map(([name, value]) => {
      const isSecret = value !== "" && (sensitive.has(name) || mask(value) !== value);
      return [name, isSecret ? draft.context.seal(value) : value];
    }),
  );
}

/** A ciphertext that a task puts out would be opened for the tasks after it: nobody may hand on what is sealed. */
function refuseSealed(task: JobTask, envs: Record<string, string>, context: Context): void {
  const name = Object.keys(envs).find((each) => context.isSealed(envs[each] as string));
  if (name === undefined) return;
  throw new MflowError(
    "OUTPUT_REFUSED",
    `task \`${task.name}\` put out ${name} with a value that looks like a secret sealed by mflow`,
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
