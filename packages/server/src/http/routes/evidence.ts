// What somebody who decides a gate has to see. The store's part of it: what it shows is put together in core.

import { MflowError } from "@mflow/core/errors";
import { assembleEvidence, gateInQuestion, type TaskSurroundings } from "@mflow/core/evidence";
import type { GateKind } from "@mflow/core/gate";
import { Evidence, EvidenceQuery } from "@mflow/core/schema/evidence";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { LogLine } from "../../logs/log-store.ts";
import { demandTask, missing } from "../caller.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

/** Lines of the log that show how the work ended. */
const LOG_LINES = 30;

const KIND = { AUDIT: "audit", CONFIRM: "confirm" } as const satisfies Record<string, GateKind>;

export function evidenceRoutes({ store, logs, accounts, catalog }: Services): Route[] {
  /** The task with its definition and the tasks around it; nothing when it was deleted meanwhile. */
  async function surroundings(task: JobTask): Promise<TaskSurroundings | undefined> {
    const { id, pipelineTaskId } = task;
    const definition = await store.runs.definition(pipelineTaskId ?? id);
    if (!definition) return undefined;
    const tasks = pipelineTaskId === undefined ? [task] : await store.runs.tasksOfRun(pipelineTaskId);
    return { task, definition, tasks };
  }

  async function lastSuccess(
    task: JobTask,
    pipeline: string | undefined,
  ): Promise<TaskSurroundings | undefined> {
    const last = await store.runs.lastSucceeded({
      scope: { domain: task.domain, namespace: task.namespace },
      ...(pipeline !== undefined && { pipeline }),
      job: task.job.name,
      ...(task.stageName !== undefined && { stageName: task.stageName }),
      name: task.name,
      before: task.id,
    });
    return last && surroundings(last);
  }

  async function endOfLog(task: JobTask, kind: GateKind | undefined): Promise<LogLine[]> {
    if (kind !== "confirm" || task.attempt < 1) return [];
    return logs.tail({ taskId: task.id, attempt: task.attempt }, LOG_LINES);
  }

  return [
    route({
      method: "GET",
      path: "/job-tasks/:id/evidence",
      id: "getEvidence",
      tag: "Gates",
      summary: "What somebody who decides a task's gate has to see",
      description:
        "What it will run with, or how its work ended; what changed since it last SUCCEEDED; what was decided on it " +
        "before; what earlier tasks put out; who may decide, and who has. Sensitive values are `***`: of one that " +
        "changed it is told only that it did.",
      access: "caller",
      query: EvidenceQuery,
      successes: { 200: { description: "The evidence.", schema: Evidence } },
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        const task = demandTask(caller, "viewer", await store.runs.task(params.id ?? ""), params.id);
        const run = task.pipelineTaskId === undefined ? undefined : await store.runs.run(task.pipelineTaskId);
        const around = await surroundings(task);
        if (!around) throw new MflowError("NOT_FOUND", `There is no ${missing("task", task.id)}.`);
        const kind = query.gate ? KIND[query.gate] : gateInQuestion(task);
        const before = await lastSuccess(task, run?.name);
        const evidence = assembleEvidence(
          {
            ...around,
            ...(run && { run }),
            ...(query.gate && { kind: KIND[query.gate] }),
            ...(before && { lastSuccess: before }),
            log: await endOfLog(task, kind),
          },
          {
            ...catalog.vault,
            groupMembers: (group, scope) => accounts.groupMembers(group, scope),
            standInOf: (user) => accounts.standInOf(user),
            cannotDecide: (user, scope) => accounts.cannotDecide(user, scope),
          },
        );
        return { body: evidence, revision: task.revision };
      },
    }),
  ];
}
