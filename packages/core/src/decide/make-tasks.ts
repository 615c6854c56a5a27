// The tasks of a new run as they begin, PENDING: of a matrix one for each of its ways.

import type { Context } from "../change.ts";
import { parseDuration } from "../duration.ts";
import { MflowError } from "../errors.ts";
import { combinationsOf, secretProblem, wayName } from "../matrix.ts";
import { refuseRetry } from "../plan/problems.ts";
import type { JobSnapshot } from "../schema/job.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import type { Labels } from "../schema/scalars.ts";
import { taskSpecOf } from "./freeze.ts";
import { gatesOf } from "./task-gates.ts";

/** Where a task is written in its pipeline; indexes count from 0. */
export interface TaskSource {
  stage: StageSpec;
  stageIndex: number;
  task: TaskSpec;
  taskIndex: number;
}

/** The tasks of one task of the pipeline: of a matrix one for each combination, as far as they are known. */
export function makeTasks(
  run: PipelineTask,
  definition: RunDefinition,
  { stage, stageIndex, task, taskIndex }: TaskSource,
  job: JobSnapshot,
  context: Context,
): JobTask[] {
  const template: JobTask = {
    ...makeJobTask(context.newId("task"), task, job, run.runBy, context),
    domain: run.domain,
    namespace: run.namespace,
    pipelineTaskId: run.id,
    stageName: stage.name,
    stageNumber: stageIndex + 1,
    taskNumber: taskIndex + 1,
  };
  if (stage.ignoreFailed) template.ignoreFailed = true;
  if (!task.matrix || task.matrix.fromEnv !== undefined) {
    return [{ ...template, ...gatesOf(definition, template) }];
  }
  const combinations = combinationsOf(task.matrix);
  const problem = secretProblem(job, combinations);
  if (problem !== undefined) throw new MflowError("MATRIX_INVALID", `task \`${task.name}\`: ${problem}`);
  return combinations.map((values, index) => {
    const number = index + 1;
    const change = { name: wayName(task.name, number, values), way: { number, values } };
    return makeWay(definition, template, job, change, context);
  });
}

/** One task of a matrix, like the given one but for its name, its values and what comes from them. */
export function makeWay(
  definition: RunDefinition,
  template: JobTask,
  job: JobSnapshot,
  change: Pick<JobTask, "name" | "way">,
  context: Context,
): JobTask {
  const { stageName, stageNumber, taskNumber, pipelineTaskId, domain, namespace, startedBy } = template;
  const spec = taskSpecOf(definition, template);
  const made: JobTask = {
    ...makeJobTask(context.newId("task"), spec, job, startedBy, context),
    ...{ domain, namespace, pipelineTaskId, stageName, stageNumber, taskNumber },
    ...(template.ignoreFailed && { ignoreFailed: true }),
    ...change,
  };
  return { ...made, ...gatesOf(definition, made) };
}

/** A PENDING task of a job, as pipelines and lone runs make it; without its place and its gates. */
export function makeJobTask(
  id: string,
  task: TaskSpec,
  job: JobSnapshot,
  startedBy: string,
  context: Context,
): JobTask {
  const made: JobTask = {
    id,
    domain: job.domain,
    namespace: job.namespace,
    name: task.name,
    job: { id: job.id, name: job.name, version: job.version },
    runnerType: job.spec.runnerType,
    attempt: 0,
    status: { stage: "PENDING" },
    startedBy,
    createdAt: context.now,
    updatedAt: context.now,
    revision: 1,
  };
  const labels = ownLabels(job, task);
  if (labels) made.labels = labels;
  if (job.spec.manualUpdateStatus) made.manualUpdateStatus = true;
  if (task.ignoreFailed) made.ignoreFailed = true;
  if (task.priority) made.priority = task.priority;
  refuseRetry(job.spec.retry);
  const timeout = task.timeout ?? job.spec.timeout;
  if (timeout !== undefined) made.timeoutMs = parseDuration(timeout);
  return made;
}

/** The labels of a task before its params are known. */
export function ownLabels(job: JobSnapshot, task: TaskSpec): Labels | undefined {
  const labels = { ...job.labels, ...task.labels };
  return Object.keys(labels).length > 0 ? labels : undefined;
}
