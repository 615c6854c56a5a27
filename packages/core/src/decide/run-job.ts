// runJob: one job as a task of its own, or a new attempt of a task that ended (semantics, section 3).

import type { Context, RunJobChange } from "../change.ts";
import { checkParams } from "../check-params.ts";
import { MflowError } from "../errors.ts";
import { listenersOf, sealListeners } from "../listeners/secrets.ts";
import { restoreMasked } from "../params.ts";
import type { JobTask } from "../schema/job-task.ts";
import { paramValueList } from "../schema/param.ts";
import type { TaskSpec } from "../schema/pipeline.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import { markedNames, sealJobSpec, sealValues, sensitiveNames } from "../sealing.ts";
import { makeState, type RunState } from "../state.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { effectiveParams, refuseInvalid, taskSpecOf } from "./freeze.ts";
import { makeJobTask } from "./make-tasks.ts";
import { resetTask } from "./new-attempt.ts";
import { refuseLoneListeners } from "./refuse-listeners.ts";
import { sealDocuments, startsRuns } from "./start-others.ts";
import { gatesOf, refuseGatesThatCannotPass } from "./task-gates.ts";

/** The lone task as it is before its turn: everything checked, PENDING. */
export function createLoneTask(change: RunJobChange, context: Context): RunState {
  const { request, scope, job } = change;
  if (!job) {
    throw new MflowError("BAD_REQUEST", "name the job to run in `job`, e.g. `docker_build:v1`");
  }
  refuseLoneListeners(request, context);
  const id = request.id ?? context.newId("task");
  const seal = (value: string) => (context.isSealed(value) ? value : context.seal(value));
  const sealed = { ...job, spec: sealJobSpec(job.spec, seal) };
  const values = restoreMasked(paramValueList(request.runParams), () => undefined);
  const task: TaskSpec = {
    name: request.name ?? job.name,
    job: `#${job.id}`,
    ...sealListeners(listenersOf(request), seal),
  };
  const sensitive = new Set([...markedNames(values), ...sensitiveNames(job.spec)]);
  if (values.length > 0) task.runParams = sealValues(values, sensitive, seal);
  if (request.labels) task.labels = request.labels;
  if (request.timeout !== undefined) task.timeout = request.timeout;
  if (request.priority) task.priority = request.priority;
  if (request.skipRun) task.skipRun = true;
  if (request.audit) task.audit = request.audit;
  if (request.confirm) task.confirm = request.confirm;
  const definition: RunDefinition = {
    jobs: { [job.id]: sealed },
    task,
    runParams: [],
  };
  if (startsRuns(undefined, definition.jobs)) {
    definition.documents = sealDocuments(request.documents, context);
  }
  const made: JobTask = {
    ...makeJobTask(id, task, sealed, context.actor?.name ?? "mflow", context),
    ...scope,
  };
  Object.assign(made, gatesOf(definition, made));
  const state = makeState(id, undefined, definition, [made]);
  refuseGatesThatCannotPass(definition, [made], context);
  if (!task.skipRun) {
    const { params, declared } = effectiveParams(state, made, context);
    refuseInvalid([{ task: made, problems: checkParams(declared, params) }]);
  }
  return state;
}

/**
 * runJob on a task that exists: a task that waits for its audit stays as it is, one under way is a conflict,
 * an ended one is made ready for a new attempt. False when there is nothing to open.
 */
export function prepareRerun(draft: Draft, task: JobTask): boolean {
  const { stage } = task.status;
  if (task.audit?.stage === "DENY") {
    throw new MflowError("AUDIT_DENIED", `the audit of task \`${task.name}\` (${task.id}) was denied`);
  }
  if (stage === "PENDING" && task.audit?.stage === "WAITING") return false;
  if (!isEnded(stage)) {
    throw new MflowError(
      "TASK_IS_RUNNING",
      `task \`${task.name}\` (${task.id}) is ${stage}; wait for its end or cancel it`,
    );
  }
  if (draft.run) {
    throw new MflowError(
      "CONFLICT",
      `task \`${task.name}\` (${task.id}) belongs to run ${draft.run.id}; run that again instead, e.g. with \`mflow rerun ${draft.run.id} --from ${taskSpecOf(draft.definition, task).name}\``,
    );
  }
  const startedBy = draft.context.actor?.name ?? task.startedBy;
  const reset = resetTask(draft, task, "rerun", { startedBy, pushBacks: undefined });
  refuseGatesThatCannotPass(draft.definition, [reset], draft.context);
  return true;
}
