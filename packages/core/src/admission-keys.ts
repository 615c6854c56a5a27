// What a run must hold to begin and a task to start, and what keeps either while it is closed. All of it follows from
// definition and row, both of which are fixed when they are made; the engine counts by these keys.

import type { Need } from "./admission.ts";
import { taskSpecOf } from "./decide/freeze.ts";
import type { HeldKey } from "./schema/concurrency.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";
import type { Scope } from "./schema/scalars.ts";
import { isRunEnded, isWorking, takesSlot } from "./state.ts";
import { isAtWork } from "./transitions.ts";

/** The gate that a drained server closes. */
export const SERVER_GATE = "server";
/** The task slots of the server. */
export const SLOTS = "slots";

const PIPELINE_RUNS = "pipeline-runs/";

/** The gate that a paused pipeline closes. */
export function pipelineGate({ domain, namespace }: Scope, name: string): string {
  return `pipeline/${domain}/${namespace}/${name}`;
}

/** The gate that a run closes while it is paused or has let its lock go. */
export function runGate(runId: string): string {
  return `run/${runId}`;
}

/** The run whose gate it is; nothing for other gates. */
export function runOfGate(gate: string): string | undefined {
  return gate.startsWith("run/") ? gate.slice("run/".length) : undefined;
}

/** The key of a group of a scope. */
export function groupKey({ domain, namespace }: Scope, group: string): string {
  return `group/${domain}/${namespace}/${group}`;
}

/** What a new run must hold until it ends. */
export function needsOfNewRun(
  scope: Scope,
  parts: {
    lockKey?: string;
    group?: string;
    groupLimit?: number;
    /** Name of the pipeline; absent for a nameless spec. */
    pipeline?: string;
    maxRuns?: number;
  },
): HeldKey[] {
  const needs: HeldKey[] = [];
  if (parts.lockKey !== undefined) needs.push({ key: parts.lockKey, limit: 1 });
  if (parts.group !== undefined)
    needs.push({ key: groupKey(scope, parts.group), limit: parts.groupLimit ?? 1 });
  if (parts.pipeline !== undefined) {
    needs.push(
      limited(`${PIPELINE_RUNS}${scope.domain}/${scope.namespace}/${parts.pipeline}`, parts.maxRuns),
    );
  }
  return needs;
}

/** The key that all runs of its pipeline need; none for a nameless spec. */
export function runsKeyOf(run: PipelineTask): string | undefined {
  return needsOf(run).find(({ key }) => key.startsWith(PIPELINE_RUNS))?.key;
}

/** The name of the pipeline that a run is of; absent for a nameless spec. */
function pipelineOf(run: PipelineTask): string | undefined {
  return runsKeyOf(run) === undefined ? undefined : run.name;
}

/** What a run holds from its begin to its end; runs of earlier versions say their lock alone. */
export function needsOf(run: PipelineTask): readonly HeldKey[] {
  return run.needs ?? (run.lockKey === undefined ? [] : [{ key: run.lockKey, limit: 1 }]);
}

/** What keeps a run while one of them is closed, the widest first. */
export function gatesOfRun(run: PipelineTask): string[] {
  const pipeline = pipelineOf(run);
  const gates = [SERVER_GATE];
  if (pipeline !== undefined) gates.push(pipelineGate(run, pipeline));
  gates.push(runGate(run.id));
  return gates;
}

/** The same of a task; a lone one has no run. */
export function gatesOfTask(run: PipelineTask | undefined): string[] {
  return run ? gatesOfRun(run) : [SERVER_GATE];
}

/** What a task holds from its start to its end, a confirm that waits included: its group. */
function lastingNeeds(task: JobTask, run: PipelineTask | undefined, definition: RunDefinition): Need[] {
  // A run that holds the group itself has it for its tasks too.
  if (task.group === undefined || task.group === run?.group) return [];
  const { concurrency } = taskSpecOf(definition, task);
  return [{ key: groupKey(task, task.group), limit: concurrency?.limit ?? 1 }];
}

/** What a task holds while its work may be running. */
function workingNeeds(task: JobTask, run: PipelineTask | undefined, definition: RunDefinition): Need[] {
  const { domain, namespace, runnerType } = task;
  const needs: Need[] = [];
  const job = definition.jobs[task.job.id];
  if (job) needs.push(limited(`job/${job.domain}/${job.namespace}/${job.name}`, job.spec.maxTasks));
  const pipeline = run && pipelineOf(run);
  if (pipeline !== undefined) {
    const key = `pipeline-tasks/${domain}/${namespace}/${pipeline}`;
    needs.push(limited(key, definition.pipeline?.maxTasks));
  }
  if (usesMachines(task)) needs.push({ key: `scope/${domain}/${namespace}` }, { key: `scope/${domain}` });
  // Who waits for another run would keep the tasks of that run waiting.
  if (runnerType !== "PIPELINE") needs.push({ key: `runner/${runnerType}` });
  if (takesSlot(task)) needs.push({ key: SLOTS });
  return needs;
}

/**
 * Whether admins' limits of a scope count the task. One that waits for another run, or for a status call, does nothing
 * meanwhile; and what it waits for may be work of the same scope.
 */
function usesMachines({ runnerType }: Pick<JobTask, "runnerType">): boolean {
  return runnerType !== "PIPELINE" && runnerType !== "MANUAL";
}

function limited(key: string, limit: number | undefined): HeldKey {
  return limit === undefined ? { key } : { key, limit };
}

/** What a task needs to start. */
export function needsOfTask(task: JobTask, run: PipelineTask | undefined, definition: RunDefinition): Need[] {
  return [...lastingNeeds(task, run, definition), ...workingNeeds(task, run, definition)];
}

/** What a task holds as it is now. */
export function heldByTask(task: JobTask, run: PipelineTask | undefined, definition: RunDefinition): Need[] {
  if (!isAtWork(task.status.stage)) return [];
  const lasting = lastingNeeds(task, run, definition);
  return isWorking(task) ? [...lasting, ...workingNeeds(task, run, definition)] : lasting;
}

/** What a run holds as it is now. */
export function heldByRun(run: PipelineTask): readonly HeldKey[] {
  if (run.status.stage === "PENDING" || isRunEnded(run)) return [];
  return run.status.lock ? needsOf(run).filter(({ key }) => key !== run.lockKey) : needsOf(run);
}

/** What a run waits for: its turn, or the lock that it let go. */
export function awaitedByRun(run: PipelineTask): readonly HeldKey[] | undefined {
  if (run.status.stage === "PENDING") return needsOf(run);
  if (isRunEnded(run) || run.status.lock?.state !== "WANTED") return undefined;
  return needsOf(run).filter(({ key }) => key === run.lockKey);
}

/** Whether a task waits for its keys now, and not for the time of its next try. */
export function isAwaiting({ status }: JobTask): boolean {
  return status.stage === "SCHEDULING" && status.retryAt === undefined;
}
