// runPipeline: from a request to a run with all its tasks (semantics, section 5).

import type { Context, RunPipelineChange } from "../change.ts";
import { checkParams } from "../check-params.ts";
import { MflowError } from "../errors.ts";
import { listenersOf, sealListeners } from "../listeners/secrets.ts";
import { matchesScope, restoreMasked } from "../params.ts";
import { refusePlan } from "../plan/problems.ts";
import type { JobSnapshot } from "../schema/job.ts";
import type { JobTask } from "../schema/job-task.ts";
import { paramValueList } from "../schema/param.ts";
import type { TaskSpec } from "../schema/pipeline.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import type { Labels } from "../schema/scalars.ts";
import {
  markedInPipeline,
  markedNames,
  sealJobSpec,
  sealPipelineSpec,
  sealValues,
  sensitiveNames,
} from "../sealing.ts";
import { makeState, type RunState } from "../state.ts";
import { isEnded } from "../transitions.ts";
import { effectiveParams, jobOf, placeOf, refuseInvalid, taskSpecOf } from "./freeze.ts";
import { makeTasks } from "./make-tasks.ts";
import { placeInLine, queueRun } from "./queue.ts";
import { refuseRunListeners } from "./refuse-listeners.ts";
import { sealDocuments, startsRuns } from "./start-others.ts";
import { refuseGatesThatCannotPass } from "./task-gates.ts";

/** The run as it is before its first task's turn: everything checked, everything PENDING. */
export function createRun(change: RunPipelineChange, context: Context): RunState {
  const { pipeline } = change;
  if (pipeline.spec.isTemplate) {
    throw new MflowError("TEMPLATE_NOT_RUNNABLE", `pipeline \`${pipeline.name ?? ""}\` is a template`);
  }
  refusePlan(pipeline.spec);
  refuseRunListeners(change.request, pipeline.spec, context);
  const made = makeRun(change, context);
  const { definition, jobOfTask } = snapshot(change, context);
  const queued = queueRun(change, made, definition, context);
  const tasks = pipeline.spec.stages.flatMap((stage, stageIndex) =>
    stage.tasks.flatMap((task, taskIndex) =>
      makeTasks(made, definition, { stage, stageIndex, task, taskIndex }, jobOfTask(task), context).map(
        (each) => placeInLine(each, made, definition, context),
      ),
    ),
  );
  return checkedRun(queued, definition, tasks, context);
}

/** The state of a new run, once nothing speaks against it. Tasks that have ended already are not asked. */
export function checkedRun(
  made: PipelineTask,
  definition: RunDefinition,
  tasks: readonly JobTask[],
  context: Context,
): RunState {
  refuseTooManyTasks(tasks.length);
  const left = tasks.filter((task) => !isEnded(task.status.stage));
  const progress = { tasks: tasks.length, open: 0, ended: tasks.length - left.length };
  const run = { ...made, status: { ...made.status, progress } };
  const state = makeState(run.id, run, definition, tasks);
  const wanted = left.filter((task) => !task.rollback?.skip);
  refuseScopesWithoutAudit(definition, tasks);
  refuseGatesThatCannotPass(definition, wanted, context);
  refuseInvalid(checkTasks(state, wanted, context));
  return state;
}

/**
 * What is wrong with the params of the tasks before any has run. What a later task lacks may still come as a
 * runtime env; a value that it has and that does not parse is wrong now.
 */
function checkTasks(state: RunState, tasks: readonly JobTask[], context: Context) {
  const first = new Set(firstTasks(state));
  return tasks
    .filter((task) => first.has(task) || (isWanted(state, task) && hasTypedParams(state, task)))
    .map((task) => {
      const { params, declared } = effectiveParams(state, task, context);
      const asked = first.has(task) ? declared : declared.map((param) => ({ ...param, required: false }));
      return { task, problems: checkParams(asked, params) };
    });
}

function isWanted({ definition }: RunState, task: JobTask): boolean {
  return !taskSpecOf(definition, task).skipRun;
}

/** Most jobs declare text alone, which always parses: their params need not be merged yet. */
function hasTypedParams({ definition }: RunState, task: JobTask): boolean {
  const declared = jobOf(definition, task).spec.runParams ?? [];
  return declared.some(({ valueType = "TEXT" }) => valueType !== "TEXT");
}

/** The pipeline's labels join the run's without overwriting. */
function runLabels({ pipeline, request }: RunPipelineChange): Labels {
  return { ...pipeline.labels, ...request.labels };
}

/** The run, PENDING and without tasks. */
export function makeRun(change: RunPipelineChange, context: Context): PipelineTask {
  const { pipeline, request, scope } = change;
  const run: PipelineTask = {
    id: change.id,
    ...scope,
    name: pipeline.name ?? request.name ?? "unnamed",
    labels: runLabels(change),
    triggerMode: request.triggerMode ?? "MANUAL",
    runBy: context.actor?.name ?? "mflow",
    status: { stage: "PENDING", progress: { tasks: 0, open: 0, ended: 0 } },
    createdAt: context.now,
    updatedAt: context.now,
    revision: 1,
  };
  if (pipeline.id !== undefined) run.pipelineId = pipeline.id;
  Object.assign(run, change.origin);
  const lockKey = sequenceLockOf(change);
  if (lockKey !== undefined) run.lockKey = lockKey;
  const priority = request.priority ?? pipeline.spec.priority ?? 0;
  if (priority !== 0) run.priority = priority;
  return run;
}

/** The sequence lock that the run needs; none for a parallel or a nameless pipeline. */
function sequenceLockOf(change: RunPipelineChange): string | undefined {
  const { pipeline, request, scope } = change;
  if (pipeline.spec.isParallel || pipeline.name === undefined) return undefined;
  const base = `sequence/${scope.domain}/${scope.namespace}/${pipeline.name}`;
  const labelKey = request.sequenceLabelKey ?? pipeline.spec.sequenceLabelKey;
  if (labelKey === undefined) return base;
  const value = runLabels(change)[labelKey];
  if (value === undefined || value === "") {
    throw new MflowError(
      "BAD_REQUEST",
      `runs of \`${pipeline.name}\` are kept in sequence by the label \`${labelKey}\`, which this run lacks; give it, e.g. \`--label ${labelKey}=VALUE\``,
    );
  }
  return `${base}/${labelKey}=${value}`;
}

interface Snapshot {
  definition: RunDefinition;
  jobOfTask(task: TaskSpec): JobSnapshot;
}

function snapshot(change: RunPipelineChange, context: Context): Snapshot {
  const { pipeline, request, jobs } = change;
  const seal = (value: string) => (context.isSealed(value) ? value : context.seal(value));
  const sealed = new Map<string, JobSnapshot>();
  const byId: Record<string, JobSnapshot> = {};
  for (const [ref, job] of jobs) {
    byId[job.id] ??= { ...job, spec: sealJobSpec(job.spec, seal) };
    sealed.set(ref, byId[job.id] as JobSnapshot);
  }
  const values = restoreMasked(paramValueList(request.runParams), () => undefined);
  const marked = [...markedNames(values), ...markedInPipeline(pipeline.spec)];
  const sensitive = [...marked, ...[...sealed.values()].flatMap((job) => sensitiveNames(job.spec))];
  const definition: RunDefinition = {
    jobs: byId,
    pipeline: sealPipelineSpec(pipeline.spec, sealed, seal, marked),
    runParams: sealValues(values, new Set(sensitive), seal),
  };
  if (request.auditors?.length) definition.auditors = request.auditors;
  if (startsRuns(pipeline.spec, byId)) definition.documents = sealDocuments(request.documents, context);
  const listeners = sealListeners(listenersOf(request), seal);
  if (Object.keys(listeners).length > 0) definition.listeners = listeners;
  return { definition, jobOfTask: (task) => requireJob(sealed, task) };
}

function requireJob(jobs: ReadonlyMap<string, JobSnapshot>, task: TaskSpec): JobSnapshot {
  const job = jobs.get(task.job);
  if (!job)
    throw new MflowError("NOT_FOUND", `task \`${task.name}\` names job \`${task.job}\`, which is unknown`);
  return job;
}

/** An auditor who is added with a scope must find an audit there; else nobody would ever ask them. */
function refuseScopesWithoutAudit(definition: RunDefinition, tasks: readonly JobTask[]): void {
  for (const { name, scope } of definition.auditors ?? []) {
    const matched = tasks.some((task) => task.audit && matchesScope(scope, placeOf(definition, task)));
    if (matched) continue;
    const where =
      scope === undefined || scope === "*" ? "no task" : `no task in scope ${JSON.stringify(scope)}`;
    throw new MflowError("BAD_REQUEST", `auditor ${name} is added, but ${where} has an audit enabled`);
  }
}

/** The tasks before which nothing ran, so that no runtime env can fill what they lack. */
function firstTasks({ definition, tasks, progress }: RunState): JobTask[] {
  if (!progress) return [];
  const first = progress.fork();
  const found: JobTask[] = [];
  for (let step = first.next(false); step.do !== "wait" && step.do !== "end"; step = first.next(false)) {
    if (step.do === "turn") {
      if (definition.pipeline?.stages[step.stage]?.when !== undefined) break;
      first.beginStage(step.stage);
      continue;
    }
    const task = tasks.get(step.taskId) as JobTask;
    const { when, ...spec } = taskSpecOf(definition, task);
    const skipRun = spec.skipRun || task.rollback?.skip !== undefined;
    // One that may be skipped asks for its params when its turn comes.
    if (when === undefined && !skipRun) found.push(task);
    if (!skipRun) first.note(task, { ...task, open: true });
    else first.note(task, { ...task, status: { stage: "SKIPPED" } });
  }
  return found;
}

/** Tasks of one run, the ways of matrices counted. */
const MAX_TASKS = 20_000;

function refuseTooManyTasks(count: number): void {
  if (count <= MAX_TASKS) return;
  const message = `the run would have ${count} tasks; at most ${MAX_TASKS} are possible`;
  throw new MflowError("BAD_REQUEST", message);
}
