// Whether a new run begins at once, waits in line, or is refused (semantics, section 5, "Sequence").

import { gatesOfRun, needsOfNewRun, runsKeyOf } from "../admission-keys.ts";
import type { Context, RunPipelineChange } from "../change.ts";
import { type GroupValues, groupName } from "../concurrency-group.ts";
import { MflowError } from "../errors.ts";
import { DEFAULT_QUEUE_LENGTH } from "../schema/concurrency.ts";
import type { JobTask } from "../schema/job-task.ts";
import { paramValueList } from "../schema/param.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import { DraftAdmission } from "./draft-admission.ts";
import { taskSpecOf } from "./freeze.ts";

/** The run with all that it needs: ACTIVE when that is free, else PENDING. Throws when it may not wait. */
export function queueRun(
  change: RunPipelineChange,
  run: PipelineTask,
  definition: RunDefinition,
  context: Context,
): PipelineTask {
  const { spec, name } = change.pipeline;
  const queued: PipelineTask = { ...run };
  if (spec.concurrency) {
    const values = groupValues(run, definition, context);
    queued.group = groupName(spec.concurrency, values, `pipeline \`${run.name}\``);
  }
  queued.needs = needsOfNewRun(run, {
    ...(run.lockKey === undefined ? {} : { lockKey: run.lockKey }),
    ...(queued.group === undefined ? {} : { group: queued.group, groupLimit: spec.concurrency?.limit }),
    ...(name === undefined ? {} : { pipeline: name, maxRuns: spec.maxRuns }),
  });
  const admission = new DraftAdmission(context.admission);
  if (admission.admits(gatesOfRun(queued), queued.needs, run.priority ?? 0)) {
    return { ...queued, status: { ...run.status, stage: "ACTIVE", startAt: context.now } };
  }
  refuseToWait(change, queued, context);
  return queued;
}

/** Throws PIPELINE_IS_RUNNING when others are before the run and it is not to wait, QUEUE_FULL when too many do. */
function refuseToWait(
  { request, pipeline: { spec } }: RunPipelineChange,
  run: PipelineTask,
  context: Context,
): void {
  // Of a parallel pipeline those wait in line who need one of its `maxRuns` places, or its group.
  const key = run.lockKey ?? runsKeyOf(run);
  if (key === undefined) return;
  const { first, waiting } = context.admission.lineAt(key);
  // Nobody is before it: something else keeps it, and it waits for that.
  if (first === undefined) return;
  const isParallel = run.lockKey === undefined;
  const isQueueWanted = isParallel || spec.queue !== undefined || spec.concurrency?.cancelInProgress === true;
  if (!(request.queue ?? isQueueWanted)) {
    const message = isParallel
      ? `pipeline \`${run.name}\` cannot begin one more run now, and this one is not to wait: ${first} is before it; wait for its end, or let it wait in line without \`--no-queue\``
      : `pipeline \`${run.name}\` is running as ${first}; wait for its end, wait in line with \`--queue\`, or cancel it with \`mflow cancel ${first}\``;
    throw new MflowError("PIPELINE_IS_RUNNING", message, [{ path: "/pipelineId", message: first }]);
  }
  const standard = isParallel && !spec.queue ? Number.POSITIVE_INFINITY : DEFAULT_QUEUE_LENGTH;
  if (waiting < (spec.queue?.maxLength ?? standard)) return;
  const wait = waiting === 1 ? "run waits" : "runs wait";
  const forWhat = isParallel ? "their turn in" : "the sequence lock of";
  throw new MflowError(
    "QUEUE_FULL",
    `${waiting} ${wait} for ${forWhat} pipeline \`${run.name}\`, which is as many as may (\`queue.maxLength\`); try later, or cancel those that wait with \`mflow cancel --queue ${run.name}\``,
  );
}

/**
 * A task of a run with its priority and its group. The ways of a matrix that comes from an earlier task get their group
 * once they are known. Throws BAD_REQUEST when the name of the group cannot be made.
 */
export function placeInLine(
  task: JobTask,
  run: PipelineTask,
  definition: RunDefinition,
  context: Pick<Context, "isSealed">,
): JobTask {
  const { concurrency, priority, matrix } = taskSpecOf(definition, task);
  const placed: JobTask = { ...task };
  const own = priority ?? run.priority ?? 0;
  if (own !== 0) placed.priority = own;
  if (!concurrency || (matrix?.fromEnv !== undefined && !task.way)) return placed;
  const values = groupValues(run, definition, context);
  const way = task.way?.values ?? {};
  const find: GroupValues = (name) => (Object.hasOwn(way, name) ? String(way[name]) : values(name));
  placed.group = groupName(concurrency, find, `task \`${task.name}\``);
  return placed;
}

/** The values that names of groups may ask for: run params that are for all tasks, `with` of the pipeline, labels. */
function groupValues(
  run: PipelineTask,
  definition: RunDefinition,
  { isSealed }: Pick<Context, "isSealed">,
): GroupValues {
  const given = [
    ...definition.runParams.filter(({ scope }) => scope === undefined || scope === "*"),
    ...paramValueList(definition.pipeline?.with),
  ];
  return (name) => {
    const param = given.find((value) => value.name === name && value.value !== "");
    if (!param) return run.labels?.[name];
    const text = String(param.value);
    return param.sensitive || isSealed(text) ? null : text;
  };
}
