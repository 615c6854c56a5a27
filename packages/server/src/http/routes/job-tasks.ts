// JobTasks: runs of tasks, in a pipeline or alone, and the verbs on them (semantics, sections 3 and 4).

import { MflowError } from "@mflow/core/errors";
import { checkRevision } from "@mflow/core/revision";
import { JobTaskPage, JobTaskQuery, JobTaskView, RunJobResponse, ScopeQuery } from "@mflow/core/schema/api";
import { StatusCall } from "@mflow/core/schema/chain";
import type { JobTask } from "@mflow/core/schema/job-task";
import {
  CancelRequest,
  DecideRequest,
  RunJobRequest,
  UpdateOutputRequest,
  UpdateStatusRequest,
  WithdrawRequest,
} from "@mflow/core/schema/request";
import { Why } from "@mflow/core/schema/why";
import type { Actor } from "../../engine/submit.ts";
import type { Role } from "../../store/store.ts";
import { actorIn, type Caller, demand, demandTask } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { checkRunDocuments, checkRunGates, checkRunListeners } from "../manifest-input.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { deciderIn } from "../source.ts";
import { taskView } from "../task-view.ts";

const tag = "Job tasks";
const one = { 200: { description: "The task.", schema: JobTaskView } };
const gateErrors = [
  "NOT_FOUND",
  "COMMENT_REQUIRED",
  "NOT_LISTED",
  "SELF_DECISION",
  "GATE_NOT_OPEN",
  "ALREADY_DECIDED",
  "CONTENT_CHANGED",
  "PUSH_BACK_REFUSED",
  "STALE_REVISION",
] as const;

export function jobTaskRoutes({ store, engine, lint }: Services): Route[] {
  function answer(task: JobTask): Answer {
    return { body: taskView(engine, task), revision: task.revision };
  }

  /** The task that a call is about, when the caller may. */
  async function find(call: Call<unknown, unknown>, caller: Caller, role: Role): Promise<JobTask> {
    const { id } = call.params;
    return demandTask(caller, role, await store.runs.task(id ?? ""), id);
  }

  /** A person's decision: whoever may see the task may try, the gate's rules say who may. */
  function decision(kind: "audit" | "confirm", summary: string, description: string): Route {
    return route({
      method: "POST",
      path: `/job-tasks/:id/${kind}`,
      id: `${kind}JobTask`,
      tag,
      summary,
      description,
      access: "caller",
      headers: ["If-Match"],
      body: DecideRequest,
      successes: one,
      errors: [...gateErrors],
      async handle(call, caller) {
        const task = await find(call, caller, "viewer");
        const actor = deciderIn(caller, task, call.request);
        return answer(await engine[kind](task.id, call.body, actor, call.revisions));
      },
    });
  }

  function withdrawal(gate: "audit" | "confirm"): Route {
    return route({
      method: "POST",
      path: `/job-tasks/:id/${gate}/withdraw`,
      id: `withdraw${gate === "audit" ? "Audit" : "Confirm"}`,
      tag,
      summary: `Take back your own pass of a task's ${gate}`,
      description:
        "While the gate waits, or while the task that an audit let through has not started. You may decide again then.",
      access: "caller",
      headers: ["If-Match"],
      body: WithdrawRequest,
      bodyOptional: true,
      successes: one,
      errors: ["NOT_FOUND", "GATE_NOT_OPEN", "WITHDRAW_REFUSED", "STALE_REVISION"],
      async handle(call, caller) {
        const task = await find(call, caller, "viewer");
        const actor = deciderIn(caller, task, call.request);
        return answer(await engine.withdraw(task.id, gate, call.body, actor, call.revisions));
      },
    });
  }

  /**
   * Who makes a status or output call: a person, or the task itself by its update token, in the body or as
   * bearer. The engine checks an update token, so that a caller that has none of the two learns nothing.
   */
  async function taskActor<B extends { updateToken?: string }>(
    call: Call<unknown, B>,
    caller: Caller | undefined,
    bearer: string | undefined,
  ): Promise<{ request: B; actor?: Actor }> {
    const { body } = call;
    if (caller) {
      const task = await find(call, caller, "operator");
      return { request: body, actor: actorIn(caller, task) };
    }
    const updateToken = body.updateToken ?? bearer;
    if (updateToken === undefined) {
      throw new MflowError("UNAUTHORIZED", "Neither a bearer token nor the task's update token was sent.");
    }
    return { request: { ...body, updateToken } };
  }

  return [
    route({
      method: "POST",
      path: "/job-tasks",
      id: "runJob",
      tag,
      summary: "Run a job alone, or an ended task again",
      description:
        "With `id` an ended task gets a new attempt. With an Idempotency-Key the same request again answers " +
        "with the same task. `dryRun` stores nothing. Needs operator.",
      access: "caller",
      headers: ["Idempotency-Key"],
      query: ScopeQuery,
      body: RunJobRequest,
      successes: {
        201: { description: "The task.", schema: RunJobResponse },
        200: { description: "A dry run, or the task that the key was used for.", schema: RunJobResponse },
      },
      errors: [
        "NOT_FOUND",
        "INVALID_DOCUMENT",
        "INVALID_PARAMS",
        "JOB_NOT_RUNNABLE",
        "TASK_IS_RUNNING",
        "AUDIT_DENIED",
        "GATE_CANNOT_PASS",
        "IDEMPOTENCY_CONFLICT",
      ],
      async handle({ query, body, idempotencyKey }, caller) {
        let scope = requestScope(query);
        const again = body.id === undefined ? undefined : await store.runs.task(body.id);
        if (again) {
          const { domain, namespace } = demandTask(caller, "operator", again, body.id);
          scope = { domain, namespace };
        }
        demand(caller, "operator", scope);
        await checkRunDocuments(lint, body, scope);
        await checkRunListeners(lint, body, "task");
        await checkRunGates(lint, body, scope);
        const actor = actorIn(caller, scope);
        const result = await engine.runJob({ request: body, scope, actor, idempotencyKey });
        const task = taskView(engine, result.task);
        const status = body.dryRun || result.repeated ? 200 : 201;
        return { status, body: { ...result, task }, revision: task.revision };
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks",
      id: "listJobTasks",
      tag,
      summary: "List tasks, newest first",
      access: "caller",
      query: JobTaskQuery,
      successes: { 200: { description: "A page of tasks.", schema: JobTaskPage } },
      errors: [],
      async handle({ query }, caller) {
        const { stage: stages, job, pipelineTaskId } = query;
        const page = await store.runs.listTasks({
          ...pageQuery(caller, query),
          stages,
          job,
          pipelineTaskId,
        });
        return { body: { ...page, items: page.items.map((task) => taskView(engine, task)) } };
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id",
      id: "getJobTask",
      tag,
      summary: "Get a task",
      access: "caller",
      successes: one,
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        return answer(await find(call, caller, "viewer"));
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/why",
      id: "whyJobTask",
      tag,
      summary: "Why a task waits",
      description: "Every cause, as a sentence and as facts.",
      access: "caller",
      successes: { 200: { description: "The causes.", schema: Why } },
      errors: ["NOT_FOUND"],
      async handle(call, caller) {
        return { body: await engine.why((await find(call, caller, "viewer")).id) };
      },
    }),
    route({
      method: "POST",
      path: "/job-tasks/:id/status",
      id: "updateJobTaskStatus",
      tag,
      summary: "Report a task's stage",
      description:
        "For the task itself, with its update token as bearer or in the body, and for operators. " +
        "The stage that it has already is a success that changes nothing.",
      access: "task",
      headers: ["If-Match"],
      body: UpdateStatusRequest,
      successes: one,
      errors: ["NOT_FOUND", "TASK_ENDED", "ILLEGAL_TRANSITION", "ALREADY_REPORTED", "STALE_REVISION"],
      async handle(call, caller, bearer) {
        const { request, actor } = await taskActor(call, caller, bearer);
        return answer(await engine.updateStatus(call.params.id ?? "", request, actor, call.revisions));
      },
    }),
    route({
      method: "POST",
      path: "/job-tasks/:id/status-call",
      id: "giveStatusCall",
      tag,
      summary: "Get what somebody outside needs to end a task",
      description:
        "Address, update token and a ready command for a task that waits for a status call: of a MANUAL job, or with " +
        "`manualUpdateStatus`. Whoever has it can speak for this attempt alone. The history says who fetched it. Needs operator.",
      access: "caller",
      successes: { 200: { description: "The call.", schema: StatusCall } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle(call, caller) {
        const task = await find(call, caller, "operator");
        return { body: await engine.statusCall(task.id, actorIn(caller, task)) };
      },
    }),
    route({
      method: "POST",
      path: "/job-tasks/:id/output",
      id: "updateJobTaskOutput",
      tag,
      summary: "Put out runtime envs and markdown",
      description:
        "Names that start with an upper case letter are handed to later tasks. Sent again, the last one wins " +
        "per name. For the task itself and for operators.",
      access: "task",
      headers: ["If-Match"],
      body: UpdateOutputRequest,
      successes: one,
      errors: ["NOT_FOUND", "TASK_ENDED", "OUTPUT_TOO_LARGE", "ALREADY_REPORTED", "STALE_REVISION"],
      async handle(call, caller, bearer) {
        const { request, actor } = await taskActor(call, caller, bearer);
        return answer(await engine.updateOutput(call.params.id ?? "", request, actor, call.revisions));
      },
    }),
    decision(
      "audit",
      "Pass or deny a task's audit",
      "A DENY needs a comment. Only people whom the audit lists decide, each once, or who stands in for one who is away.",
    ),
    decision(
      "confirm",
      "Accept, deny or push back a task's result",
      "A DENY and a PUSH_BACK need a comment; PUSH_BACK lets the task named in `pushBackTo` run again with what comes " +
        "after it. Only people whom the confirm lists decide, each once, or who stands in for one who is away.",
    ),
    withdrawal("audit"),
    withdrawal("confirm"),
    route({
      method: "POST",
      path: "/job-tasks/:id/cancel",
      id: "cancelJobTask",
      tag,
      summary: "Cancel a task",
      description: "One that runs is stopped first. Needs operator.",
      access: "caller",
      headers: ["If-Match"],
      body: CancelRequest,
      bodyOptional: true,
      successes: one,
      errors: ["NOT_FOUND", "TASK_ENDED", "STALE_REVISION"],
      async handle(call, caller) {
        const task = await find(call, caller, "operator");
        return answer(await engine.cancelTask(task.id, call.body, actorIn(caller, task), call.revisions));
      },
    }),
    route({
      method: "DELETE",
      path: "/job-tasks/:id",
      id: "deleteJobTask",
      tag,
      summary: "Delete an ended task that ran alone",
      description: "With its logs; its history stays. A task of a run goes with the run. Needs admin.",
      access: "caller",
      headers: ["If-Match"],
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        const task = await find(call, caller, "admin");
        checkRevision(`Task ${task.id}`, task.revision, call.revisions);
        if (task.pipelineTaskId !== undefined) {
          throw new MflowError(
            "CONFLICT",
            `Task ${task.id} belongs to run ${task.pipelineTaskId}; delete that.`,
          );
        }
        await engine.remove(task.id, actorIn(caller, task));
        return {};
      },
    }),
  ];
}
