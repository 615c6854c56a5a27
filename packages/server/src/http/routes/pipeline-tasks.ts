// PipelineTasks: runs of pipelines (semantics, section 5).

import { MflowError } from "@mflow/core/errors";
import { runnablePipelines } from "@mflow/core/extend-pipeline";
import { checkRevision } from "@mflow/core/revision";
import {
  PipelineTaskPage,
  PipelineTaskQuery,
  PipelineTaskView,
  type RunAgain,
  RunPipelineResponse,
  ScopeQuery,
} from "@mflow/core/schema/api";
import { PipelineTask, RunDefinition } from "@mflow/core/schema/pipeline-task";
import {
  CancelRunRequest,
  RerunRequest,
  RollbackRequest,
  RunPipelineRequest,
} from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import { Why } from "@mflow/core/schema/why";
import { findPipeline } from "../../catalog/find.ts";
import type { RunPipelineResult } from "../../engine/submit.ts";
import type { Role } from "../../store/store.ts";
import { actorIn, type Caller, demand, demandRecord, demandRun } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { checkRunDocuments, checkRunGates, checkRunListeners } from "../manifest-input.ts";
import { type Answer, type Route, route } from "../route.ts";
import { runView } from "../run-view.ts";
import type { Services } from "../services.ts";
import { taskView } from "../task-view.ts";

const tag = "Pipeline tasks";

/** Reruns and rollbacks that are shown with a run. */
const MOST_AGAIN = 50;

const madeSuccesses = {
  201: { description: "The new run.", schema: RunPipelineResponse },
  200: { description: "A dry run, or the run that the key was used for.", schema: RunPipelineResponse },
};
const madeErrors = [
  "ARTIFACT_GONE",
  "NOT_FOUND",
  "RUN_NOT_ENDED",
  "INVALID_PARAMS",
  "JOB_NOT_RUNNABLE",
  "PIPELINE_IS_RUNNING",
  "GATE_CANNOT_PASS",
  "IDEMPOTENCY_CONFLICT",
] as const;

export function pipelineTaskRoutes({ store, engine, lint }: Services): Route[] {
  async function find(id: string | undefined, caller: Caller, role: Role): Promise<PipelineTask> {
    return demandRun(caller, role, await store.runs.run(id ?? ""), id);
  }

  /**
   * The scope of a new run: that of the query, else of the pipeline it names or brings along. Checks that the
   * caller may run things there, and there where the pipeline is.
   */
  async function runScope(
    query: Partial<Scope>,
    request: RunPipelineRequest,
    caller: Caller,
  ): Promise<Scope> {
    const asked = requestScope(query);
    const isAsked = query.domain !== undefined || query.namespace !== undefined;
    let scope = asked;
    if (request.pipelineId !== undefined) {
      const pipeline = await findPipeline(store.catalog, request.pipelineId, asked);
      if (pipeline) {
        demandRecord(caller, "operator", pipeline, `pipeline \`${request.pipelineId}\``);
        if (!isAsked) scope = { domain: pipeline.domain, namespace: pipeline.namespace };
      }
    } else if (!isAsked) {
      const brought = runnablePipelines(
        request.documents?.filter((document) => document.kind === "Pipeline") ?? [],
      );
      if (brought.length === 1 && brought[0]) scope = requestScope(brought[0].metadata);
    }
    demand(caller, "operator", scope);
    return scope;
  }

  /** Reruns and rollbacks of a run; they are in its scope. */
  async function runsMadeOf({ id, domain, namespace }: PipelineTask): Promise<RunAgain[]> {
    const { items } = await store.runs.listRuns({ scope: { domain, namespace }, of: id, limit: MOST_AGAIN });
    return items.map(({ id, rerunOf, status, runBy, createdAt }) => ({
      id,
      mode: rerunOf ? "RUN" : "ROLLBACK",
      stage: status.stage,
      runBy,
      createdAt,
    }));
  }

  function madeRun({ run, tasks, ...result }: RunPipelineResult, isDryRun = false): Answer {
    const status = isDryRun || result.repeated ? 200 : 201;
    const views = tasks.map((task) => taskView(engine, task));
    const shown = isDryRun ? run : runView(engine, run);
    return { status, body: { run: shown, tasks: views, ...result }, revision: run.revision };
  }

  return [
    route({
      method: "POST",
      path: "/pipeline-tasks",
      id: "runPipeline",
      tag,
      summary: "Run a pipeline",
      description:
        "A stored one, one of `documents`, or a bare `spec`. While another run holds the sequence lock it is refused, or " +
        "with `queue` waits in line as PENDING. With an Idempotency-Key the same request again " +
        "answers with the same run. `dryRun` stores nothing. Needs operator.",
      access: "caller",
      headers: ["Idempotency-Key"],
      query: ScopeQuery,
      body: RunPipelineRequest,
      successes: {
        201: { description: "The new run.", schema: RunPipelineResponse },
        200: { description: "A dry run, or the run that the key was used for.", schema: RunPipelineResponse },
      },
      errors: [
        "NOT_FOUND",
        "INVALID_DOCUMENT",
        "INVALID_PARAMS",
        "NOTHING_TO_RUN",
        "PLAN_CYCLE",
        "MATRIX_INVALID",
        "CONDITION_FAILED",
        "TEMPLATE_NOT_RUNNABLE",
        "JOB_NOT_RUNNABLE",
        "PIPELINE_IS_RUNNING",
        "QUEUE_FULL",
        "GATE_CANNOT_PASS",
        "IDEMPOTENCY_CONFLICT",
      ],
      async handle({ query, body, idempotencyKey }, caller) {
        const scope = await runScope(query, body, caller);
        await checkRunDocuments(lint, body, scope);
        await checkRunListeners(lint, body, "pipeline");
        await checkRunGates(lint, body, scope);
        const actor = actorIn(caller, scope);
        const result = await engine.runPipeline({ request: body, scope, actor, idempotencyKey });
        return madeRun(result, body.dryRun);
      },
    }),
    route({
      method: "GET",
      path: "/pipeline-tasks",
      id: "listPipelineTasks",
      tag,
      summary: "List runs, newest first",
      access: "caller",
      query: PipelineTaskQuery,
      successes: { 200: { description: "A page of runs.", schema: PipelineTaskPage } },
      errors: [],
      async handle({ query }, caller) {
        const { stage: stages, pipeline, of } = query;
        const page = await store.runs.listRuns({ ...pageQuery(caller, query), stages, pipeline, of });
        return { body: { ...page, items: page.items.map((run) => runView(engine, run)) } };
      },
    }),
    route({
      method: "GET",
      path: "/pipeline-tasks/:id",
      id: "getPipelineTask",
      tag,
      summary: "Get a run with its tasks",
      access: "caller",
      successes: {
        200: { description: "The run, and its tasks in the pipeline's order.", schema: PipelineTaskView },
      },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        const run = await find(params.id, caller, "viewer");
        const tasks = await store.runs.tasksOfRun(run.id);
        const again = await runsMadeOf(run);
        return {
          body: {
            run: runView(engine, run),
            tasks: tasks.map((task) => taskView(engine, task)),
            ...(again.length > 0 && { again }),
          },
          revision: run.revision,
        };
      },
    }),
    route({
      method: "GET",
      path: "/pipeline-tasks/:id/why",
      id: "whyPipelineTask",
      tag,
      summary: "Why a run waits",
      description: "What its unfinished tasks wait for, grouped; each cause as a sentence and as facts.",
      access: "caller",
      successes: { 200: { description: "The causes.", schema: Why } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        return { body: await engine.why((await find(params.id, caller, "viewer")).id) };
      },
    }),
    route({
      method: "GET",
      path: "/pipeline-tasks/:id/definition",
      id: "getPipelineTaskDefinition",
      tag,
      summary: "Get what a run was asked to do",
      description: "The snapshot of its pipeline and jobs, and the values of its request.",
      access: "caller",
      successes: { 200: { description: "The definition.", schema: RunDefinition } },
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        const run = await find(params.id, caller, "viewer");
        const definition = await store.runs.definition(run.id);
        if (!definition) throw new MflowError("NOT_FOUND", `Run ${run.id} has no definition.`);
        return { body: definition };
      },
    }),
    route({
      method: "POST",
      path: "/pipeline-tasks/:id/rerun",
      id: "rerunPipelineTask",
      tag,
      summary: "Run an ended run again",
      description:
        "A new run of what that run was asked to do, with its snapshot. Without `mode` what failed or did not run when the run " +
        "did not succeed, else all. `again` says what is kept and what runs, and why. With an Idempotency-Key the same " +
        "request again, at the same moment too, answers with the same run. `dryRun` stores nothing. Needs operator.",
      access: "caller",
      headers: ["Idempotency-Key"],
      body: RerunRequest,
      bodyOptional: true,
      successes: madeSuccesses,
      errors: [...madeErrors, "NOTHING_TO_RUN_AGAIN"],
      async handle({ params, body, idempotencyKey }, caller) {
        const { id, ...scope } = await find(params.id, caller, "operator");
        const actor = actorIn(caller, scope);
        const result = await engine.rerun({ runId: id, request: body, actor, idempotencyKey });
        return madeRun(result, body.dryRun);
      },
    }),
    route({
      method: "POST",
      path: "/pipeline-tasks/:id/rollback",
      id: "rollbackPipelineTask",
      tag,
      summary: "Roll an ended run back",
      description:
        "A new run in mode ROLLBACK: each task of it whose job has `allowRollback` runs again what it ran when it last " +
        "succeeded before that run; the others are skipped. `again` says what becomes of each task, and why. " +
        "With an Idempotency-Key the same request again answers with the same run. `dryRun` stores nothing. Needs operator.",
      access: "caller",
      headers: ["Idempotency-Key"],
      body: RollbackRequest,
      bodyOptional: true,
      successes: madeSuccesses,
      errors: [...madeErrors, "NOTHING_TO_ROLL_BACK"],
      async handle({ params, body, idempotencyKey }, caller) {
        const { id, ...scope } = await find(params.id, caller, "operator");
        const actor = actorIn(caller, scope);
        const result = await engine.rollback({ runId: id, request: body, actor, idempotencyKey });
        return madeRun(result, body.dryRun);
      },
    }),
    route({
      method: "POST",
      path: "/pipeline-tasks/:id/cancel",
      id: "cancelPipelineTask",
      tag,
      summary: "Cancel a run",
      description:
        "What runs is stopped, what has not started is canceled; its `finally` stages run then. With `stage` only the tasks of that stage. Needs operator.",
      access: "caller",
      headers: ["If-Match"],
      body: CancelRunRequest,
      bodyOptional: true,
      successes: { 200: { description: "The run.", schema: PipelineTask } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle({ params, body, revisions }, caller) {
        const found = await find(params.id, caller, "operator");
        const run = await engine.cancelRun(found.id, body, actorIn(caller, found), revisions);
        return { body: run, revision: run.revision };
      },
    }),
    route({
      method: "DELETE",
      path: "/pipeline-tasks/:id",
      id: "deletePipelineTask",
      tag,
      summary: "Delete an ended run",
      description: "With its tasks and logs; its history stays. Needs admin.",
      access: "caller",
      headers: ["If-Match"],
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle({ params, revisions }, caller) {
        const found = await find(params.id, caller, "admin");
        checkRevision(`Run ${found.id}`, found.revision, revisions);
        await engine.remove(found.id, actorIn(caller, found));
        return {};
      },
    }),
  ];
}
