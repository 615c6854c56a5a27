// Runs of pipelines and of single tasks.

import type {
  ApiPage,
  JobTaskQuery,
  JobTaskView,
  PipelineTaskQuery,
  PipelineTaskView,
  RunJobResponse,
  RunPipelineResponse,
  RunView,
} from "@mflow/core/schema/api";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { Evidence, EvidenceQuery } from "@mflow/core/schema/evidence";
import type { PauseRequest } from "@mflow/core/schema/pause";
import type { PipelineTask, RunDefinition } from "@mflow/core/schema/pipeline-task";
import type {
  CancelRequest,
  CancelRunRequest,
  DecideRequest,
  RerunRequest,
  RollbackRequest,
  RunJobRequest,
  RunPipelineRequest,
  UpdateOutputRequest,
  UpdateStatusRequest,
  WithdrawRequest,
} from "@mflow/core/schema/request";
import type { Why } from "@mflow/core/schema/why";
import type { InScope } from "./catalog.ts";
import { openTerminal, type TerminalOptions } from "./terminal.ts";
import { path, type Transport } from "./transport.ts";

export interface RunOptions extends InScope {
  /** Requests with the same key and content start one run in 24 hours; made up when left out, so that retries are safe. */
  idempotencyKey?: string;
}

/** A rerun or rollback is in the scope of its run. */
export type MadeOptions = Pick<RunOptions, "idempotencyKey">;

function runCall(at: string, body: unknown, { idempotencyKey, domain, namespace }: RunOptions) {
  return {
    method: "POST",
    path: at,
    query: { domain, namespace },
    body,
    headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID() },
    repeatable: true,
  } as const;
}

/** Runs of pipelines (PipelineTasks). */
export function runCalls(transport: Transport) {
  return {
    start: (request: RunPipelineRequest, options: RunOptions = {}) =>
      transport.json<RunPipelineResponse>(runCall("/pipeline-tasks", request, options)),
    list: (query: PipelineTaskQuery = {}) =>
      transport.json<ApiPage<RunView>>({ path: "/pipeline-tasks", query }),
    get: (id: string) => transport.json<PipelineTaskView>({ path: path`/pipeline-tasks/${id}` }),
    /** Why the run waits: what its tasks wait for, grouped. */
    why: (id: string) => transport.json<Why>({ path: path`/pipeline-tasks/${id}/why` }),
    /** What the run was asked to do: the snapshot of its pipeline and jobs. */
    definition: (id: string) =>
      transport.json<RunDefinition>({ path: path`/pipeline-tasks/${id}/definition` }),
    cancel: (id: string, request: CancelRunRequest = {}) =>
      transport.json<PipelineTask>({
        method: "POST",
        path: path`/pipeline-tasks/${id}/cancel`,
        body: request,
      }),
    /** Runs an ended run again: what failed, all, or from a task on. */
    rerun: (id: string, request: RerunRequest = {}, { idempotencyKey }: MadeOptions = {}) =>
      transport.json<RunPipelineResponse>(
        runCall(path`/pipeline-tasks/${id}/rerun`, request, { idempotencyKey }),
      ),
    /** Brings the tasks of an ended run back to what they ran when they last succeeded before it. */
    rollback: (id: string, request: RollbackRequest = {}, { idempotencyKey }: MadeOptions = {}) =>
      transport.json<RunPipelineResponse>(
        runCall(path`/pipeline-tasks/${id}/rollback`, request, { idempotencyKey }),
      ),
    /** Nothing new of it starts until it is resumed. */
    pause: (id: string, request: PauseRequest = {}) =>
      transport.json<PipelineTask>({
        method: "POST",
        path: path`/pipeline-tasks/${id}/pause`,
        body: request,
      }),
    resume: (id: string) =>
      transport.json<PipelineTask>({ method: "POST", path: path`/pipeline-tasks/${id}/resume` }),
    /** An ended run, with its tasks and logs. */
    remove: (id: string) => transport.json<void>({ method: "DELETE", path: path`/pipeline-tasks/${id}` }),
  };
}

/** Runs of tasks (JobTasks), in a pipeline or alone. */
export function taskCalls(transport: Transport) {
  const post = <T>(id: string, verb: string, body: unknown) =>
    transport.json<T>({ method: "POST", path: path`/job-tasks/${id}/${verb}`, body });
  return {
    /** Runs a job alone; with the `id` of an ended task, that task again. */
    run: (request: RunJobRequest, options: RunOptions = {}) =>
      transport.json<RunJobResponse>(runCall("/job-tasks", request, options)),
    list: (query: JobTaskQuery = {}) => transport.json<ApiPage<JobTaskView>>({ path: "/job-tasks", query }),
    get: (id: string) => transport.json<JobTaskView>({ path: path`/job-tasks/${id}` }),
    /** Why the task waits. */
    why: (id: string) => transport.json<Why>({ path: path`/job-tasks/${id}/why` }),
    updateStatus: (id: string, request: UpdateStatusRequest) => post<JobTaskView>(id, "status", request),
    updateOutput: (id: string, request: UpdateOutputRequest) => post<JobTaskView>(id, "output", request),
    /** What somebody outside needs to end a task that waits for a status call; the history says who fetched it. */
    statusCall: (id: string) =>
      transport.json<StatusCall>({ method: "POST", path: path`/job-tasks/${id}/status-call` }),
    audit: (id: string, request: DecideRequest) => post<JobTaskView>(id, "audit", request),
    confirm: (id: string, request: DecideRequest) => post<JobTaskView>(id, "confirm", request),
    /** Takes back one's own pass. */
    withdraw: (id: string, gate: "audit" | "confirm", request: WithdrawRequest = {}) =>
      transport.json<JobTaskView>({
        method: "POST",
        path: path`/job-tasks/${id}/${gate}/withdraw`,
        body: request,
      }),
    /** What somebody who decides its gate has to see. */
    evidence: (id: string, query: EvidenceQuery = {}) =>
      transport.json<Evidence>({ path: path`/job-tasks/${id}/evidence`, query }),
    cancel: (id: string, request: CancelRequest = {}) => post<JobTaskView>(id, "cancel", request),
    /** Opens a terminal in the container of a K8S_JOB task, or in a copy of it when it has ended. */
    terminal: (id: string, options: TerminalOptions) => openTerminal(transport, id, options),
    /** An ended task that ran alone, with its logs. */
    remove: (id: string) => transport.json<void>({ method: "DELETE", path: path`/job-tasks/${id}` }),
  };
}
