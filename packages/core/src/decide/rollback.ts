// The tasks of a rollback: each runs again what it ran when it last succeeded before the run that is rolled back, with the
// params that its job declares for rollbacks. See docs/decisions/43-what-a-rollback-runs.md.

import type { Context, LastSuccess, MadeOf } from "../change.ts";
import { digestOf } from "../digest.ts";
import { MflowError } from "../errors.ts";
import { hasRun } from "../has-run.ts";
import { restoreMasked } from "../params.ts";
import type { JobSnapshot } from "../schema/job.ts";
import type { JobTask, TaskRollback } from "../schema/job-task.ts";
import { paramValueList } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { PipelineTask, RunDefinition } from "../schema/pipeline-task.ts";
import { markedNames, sealValues, sensitiveNames } from "../sealing.ts";
import { jobOf, taskSpecOf } from "./freeze.ts";
import { makeWay } from "./make-tasks.ts";
import type { MadeRun } from "./rerun.ts";

type Rollback = Extract<MadeOf, { how: "ROLLBACK" }>;

/** Throws NOTHING_TO_ROLL_BACK. */
export function makeRollback(made: PipelineTask, madeOf: Rollback, context: Context): MadeRun {
  const { old, request } = madeOf;
  const { definition: before } = old;
  if (!before.pipeline) throw new Error(`run ${old.run.id} has no pipeline`);
  const jobs = new RollbackJobs();
  const planned = old.tasks.map((task) => planTask(task, madeOf, jobs));
  refuseNothing(old.run, planned);
  const values = restoreMasked(paramValueList(request.runParams), () => undefined);
  const all = Object.values(jobs.byId);
  const sensitive = new Set([...markedNames(values), ...all.flatMap(({ spec }) => sensitiveNames(spec))]);
  const seal = (value: string) => (context.isSealed(value) ? value : context.seal(value));
  const definition: RunDefinition = {
    ...before,
    mode: "ROLLBACK",
    jobs: jobs.byId,
    pipeline: withoutConditions(before.pipeline),
    runParams: sealValues(values, sensitive, seal),
  };
  const run: PipelineTask = { ...made, mode: "ROLLBACK", rollbackOf: old.run.id };
  const tasks = planned.map(({ task, job, rollback }): JobTask => {
    const template = { ...task, pipelineTaskId: run.id, startedBy: run.runBy };
    const { name, way } = task;
    return { ...makeWay(definition, template, job, { name, ...(way && { way }) }, context), rollback };
  });
  return { run, definition, tasks };
}

interface PlannedRollback {
  task: JobTask;
  job: JobSnapshot;
  rollback: TaskRollback;
}

/** The rule for a task: the first reason against it that holds, else what it goes back to. */
function planTask(task: JobTask, { old, lastSuccesses }: Rollback, jobs: RollbackJobs): PlannedRollback {
  const own = jobOf(old.definition, task);
  const skip = (reason: string, message: string): PlannedRollback => ({
    task,
    job: jobs.add(own),
    rollback: { skip: { reason, message } },
  });
  if (taskSpecOf(old.definition, task).skipRun) return skip("NOT_RUN", "it has `skipRun`");
  if (!hasRun(task))
    return skip("NOT_RUN", `it did not run in run ${old.run.id}: there is nothing to roll back`);
  const last = lastSuccesses.get(task.id);
  const job = last?.job ?? own;
  if (!job.spec.allowRollback) {
    const isOther = job.version !== own.version || job.name !== own.name;
    const what = `job \`${job.name}:${job.version}\`${isOther ? ", which it ran when it last succeeded," : ""}`;
    return skip("NO_ROLLBACK", `${what} does not allow rollbacks (\`allowRollback\`)`);
  }
  if (!last) return skip("NEVER_SUCCEEDED", `it has not succeeded before run ${old.run.id}`);
  return { task, job: jobs.add(job), rollback: goingBackTo(last) };
}

/** To where the work was done; when that run is deleted, to the one that kept it, which has what tasks may fetch too. */
function goingBackTo({ task, isOriginGone }: LastSuccess): TaskRollback {
  const kept = { runId: task.pipelineTaskId ?? "", taskId: task.id };
  const lastSuccess = isOriginGone ? kept : (task.keptFrom ?? kept);
  return { lastSuccess, params: task.params ?? [] };
}

/** The jobs of a rollback by id: they declare what rollbacks fill. */
class RollbackJobs {
  readonly byId: Record<string, JobSnapshot> = {};
  readonly #added = new Map<JobSnapshot, JobSnapshot>();

  add(given: JobSnapshot): JobSnapshot {
    const added = this.#added.get(given) ?? this.#add(given);
    this.#added.set(given, added);
    return added;
  }

  #add(given: JobSnapshot): JobSnapshot {
    const { runParams, rollbackParams = runParams } = given.spec;
    const spec = { ...given.spec, ...(rollbackParams && { runParams: rollbackParams }) };
    const known = this.byId[given.id];
    if (!known) return this.#put({ ...given, spec });
    if (!isBrought(given) || digestOf(known.spec) === digestOf(spec)) return known;
    let number = 2;
    while (this.byId[`${given.id}~${number}`]) number++;
    return this.#put({ ...given, id: `${given.id}~${number}`, spec });
  }

  #put(job: JobSnapshot): JobSnapshot {
    this.byId[job.id] = job;
    return job;
  }
}

/** Whether a job came with a run request: it may be another one in each run, under the same id. */
function isBrought({ id }: JobSnapshot): boolean {
  return id.startsWith("document:");
}

/** What the conditions decided in that run stands: what they skipped is not rolled back. */
function withoutConditions(pipeline: PipelineSpec): PipelineSpec {
  const stages = pipeline.stages.map(({ when: _when, ...stage }) => ({
    ...stage,
    tasks: stage.tasks.map(({ when: _ofTask, ...task }) => task),
  }));
  return { ...pipeline, stages };
}

function refuseNothing(run: PipelineTask, planned: readonly PlannedRollback[]): void {
  if (planned.some(({ rollback }) => rollback.lastSuccess)) return;
  const details = planned.map(({ task, rollback }) => ({
    path: "",
    message: `task \`${task.name}\`: ${rollback.skip?.message}`,
  }));
  const shown = details.slice(0, MAX_NAMED).map(({ message }) => message);
  const more = details.length > MAX_NAMED ? `; and ${details.length - MAX_NAMED} more` : "";
  const message = `nothing of run ${run.id} can be rolled back: ${shown.join("; ")}${more}`;
  throw new MflowError("NOTHING_TO_ROLL_BACK", message, details);
}

/** So many tasks are named in a sentence; all of them are in its details. */
const MAX_NAMED = 8;
