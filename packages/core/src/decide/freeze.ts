// What a task will run with: the levels merged, validated and sealed, the spec rendered, the digest taken
// (semantics, section 2). Done once, when the task's turn comes; later runtime envs do not change it.

import type { Context } from "../change.ts";
import { checkParams } from "../check-params.ts";
import { contentDigest } from "../digest.ts";
import { type ErrorDetail, MflowError } from "../errors.ts";
import { mergeParams, type ParamLevel, type Place, restoreMasked, searchLabelsOf } from "../params.ts";
import { renderSpec } from "../render.ts";
import type { JobSnapshot } from "../schema/job.ts";
import type { JobTask, Reported } from "../schema/job-task.ts";
import { type ParamValue, type ParamValues, paramValueList, type RunParam } from "../schema/param.ts";
import type { StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import type { ExportedEnvs, RunState } from "../state.ts";

/** What params are merged from: a run state, or the decision under way on it. */
type Snapshot = Pick<RunState, "definition"> & { readonly exported: ExportedEnvs };

type Opening = Pick<Context, "unseal" | "isSealed">;

/** The job that a task runs, from the run's snapshot. */
export function jobOf(definition: RunDefinition, task: Pick<JobTask, "job">): JobSnapshot {
  const job = definition.jobs[task.job.id];
  if (!job) throw new Error(`the snapshot has no job ${task.job.id}`);
  return job;
}

/** Where a task stands in its run. */
export type TaskPlace = Pick<JobTask, "stageNumber" | "taskNumber">;

/** The task as its pipeline, or the request of a lone task, wrote it. */
export function taskSpecOf(definition: RunDefinition, task: TaskPlace): TaskSpec {
  const spec = definition.task ?? stageOf(definition, task)?.tasks[(task.taskNumber ?? 0) - 1];
  if (!spec) {
    throw new Error(`the snapshot does not describe task ${task.taskNumber} of stage ${task.stageNumber}`);
  }
  return spec;
}

/** The stage of a task; a lone one has none. */
export function stageOf(definition: RunDefinition, task: TaskPlace): StageSpec | undefined {
  return definition.pipeline?.stages[(task.stageNumber ?? 0) - 1];
}

/** Whether the task is of a `finally` stage. */
export function isFinallyTask(definition: RunDefinition, task: TaskPlace): boolean {
  return stageOf(definition, task)?.finally === true;
}

/** Where values with a scope look for a task: all ways of a matrix have the name that the pipeline gives it. */
export function placeOf(definition: RunDefinition, task: JobTask): Place {
  const place: Place = { taskName: taskSpecOf(definition, task).name };
  if (task.stageName !== undefined) place.stageName = task.stageName;
  if (task.stageNumber !== undefined) place.stageNumber = task.stageNumber;
  if (task.taskNumber !== undefined) place.taskNumber = task.taskNumber;
  return place;
}

/** A sealed value opened, and so sensitive; others as they are. */
export function openValue<V extends { value?: ParamValue["value"]; sensitive?: boolean }>(
  value: V,
  context: Opening,
): V {
  if (typeof value.value !== "string" || !context.isSealed(value.value)) return value;
  return { ...value, value: context.unseal(value.value), sensitive: true };
}

/** The values of a level. A masked one, which a client was shown and sent back, leaves the lower levels alone. */
function openValues(values: ParamValues | undefined, context: Opening): ParamValue[] {
  const opened = paramValueList(values).map((value) => openValue(value, context));
  return restoreMasked(opened, () => undefined);
}

/** The declared params of a job with sealed defaults opened. */
function openDeclared(job: JobSnapshot, context: Opening): RunParam[] {
  return (job.spec.runParams ?? []).map((param) => openValue(param, context));
}

/** What is given for a task by others than itself: by its pipeline, its stage and the run request. */
export function levelsAbove(
  definition: RunDefinition,
  place: TaskPlace,
  context: Opening,
): [ParamLevel, ParamLevel, ParamLevel] {
  return [
    { setBy: "PIPELINE", values: openValues(definition.pipeline?.with, context) },
    { setBy: "STAGE", values: openValues(stageOf(definition, place)?.with, context) },
    { setBy: "RUN", values: openValues(definition.runParams, context) },
  ];
}

/** Effective params with plain values, and the problems that keep the task from running. */
export function effectiveParams(
  state: Snapshot,
  task: JobTask,
  context: Opening,
): ReturnType<typeof mergeParams> & { declared: RunParam[] } {
  const { definition } = state;
  const declared = openDeclared(jobOf(definition, task), context);
  const place = placeOf(definition, task);
  const [pipeline, stage, run] = levelsAbove(definition, task, context);
  if (definition.mode === "ROLLBACK") {
    // Nothing else fills them: what the pipeline gives is what is rolled back, and nothing is put out anew.
    const values = (task.rollback?.params ?? []).map(({ name, value, sensitive }) =>
      openValue({ name, value, ...(sensitive && { sensitive }) }, context),
    );
    return {
      ...mergeParams({ declared, levels: [{ setBy: "LAST_SUCCESS", values }, run], place }),
      declared,
    };
  }
  const own: ParamLevel = {
    setBy: "TASK",
    values: openValues(taskSpecOf(definition, task).runParams, context),
  };
  const levels: ParamLevel[] = [pipeline, stage, own, run];
  const envs: ParamValue[] = [];
  for (const { name } of declared) {
    const value = state.exported.get(name);
    if (value !== undefined) envs.push(openValue({ name, value }, context));
  }
  levels.push({ setBy: "RUNTIME_ENV", values: envs });
  // Which way of a matrix a task is, nothing changes.
  levels.push({ setBy: "MATRIX", values: paramValueList(task.way?.values) });
  return { ...mergeParams({ declared, levels, place }), declared };
}

/**
 * What a task that is about to run will run with: its params, sensitive ones sealed, and its labels with the
 * search labels. INVALID_PARAMS names all problems at once.
 */
export function freezeTask(
  state: Snapshot,
  task: JobTask,
  context: Context,
): Pick<JobTask, "params" | "labels"> {
  const { params, declared } = effectiveParams(state, task, context);
  refuseInvalid([{ task, problems: checkParams(declared, params) }]);
  const sealed = params.map((param) =>
    param.sensitive ? { ...param, value: context.seal(param.value) } : param,
  );
  const labels = { ...task.labels, ...searchLabelsOf(declared, params) };
  return Object.keys(labels).length > 0 ? { params: sealed, labels } : { params: sealed };
}

/** INVALID_PARAMS that names all problems of all tasks; nothing when there are none. */
export function refuseInvalid(
  checked: readonly { task: Pick<JobTask, "name">; problems: ErrorDetail[] }[],
): void {
  const wrong = checked.filter(({ problems }) => problems.length > 0);
  if (wrong.length === 0) return;
  const sentences = wrong.map(
    ({ task, problems }) => `task \`${task.name}\`: ${problems.map((each) => each.message).join("; ")}`,
  );
  throw new MflowError(
    "INVALID_PARAMS",
    sentences.join("; "),
    wrong.flatMap(({ problems }) => problems),
  );
}

/** Digest of what the task will run with, and of its result when one is reported. */
export function taskDigest(
  definition: RunDefinition,
  task: JobTask,
  context: Context,
  reported?: Reported,
): string {
  const job = jobOf(definition, task);
  const params = (task.params ?? []).map((param) =>
    param.sensitive ? { ...param, value: context.fingerprint(context.unseal(param.value)) } : param,
  );
  const spec = renderSpec(job.spec.runnerSpec, params, job.spec.runParams);
  if (!reported) return contentDigest({ job, spec, params });
  const result: NonNullable<Parameters<typeof contentDigest>[0]["result"]> = { reported };
  if (task.status.runtimeEnvs) result.runtimeEnvs = fingerprintEnvs(task.status.runtimeEnvs, context);
  if (task.status.markdownOutput) result.markdownOutput = task.status.markdownOutput;
  return contentDigest({ job, spec, params, result });
}

function fingerprintEnvs(envs: Record<string, string>, context: Context): Record<string, string> {
  return Object.fromEntries(
    Object.entries(envs).map(([name, value]) => [
      name,
      context.isSealed(value) ? context.fingerprint(context.unseal(value)) : value,
    ]),
  );
}
