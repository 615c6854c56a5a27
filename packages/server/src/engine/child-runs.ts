// The PIPELINE runner: the work of its tasks is a run of another pipeline. It stands in the engine, because that is what
// starts and cancels runs; to the engine's workers it is a runner like any other. It keeps nothing: the task's row has
// the id of the run, the run's row says how it stands, and its end comes as an effect of the transaction that ended it.

import { chainBelow } from "@mflow/core/chain";
import type { Report } from "@mflow/core/change";
import { checkedSpec } from "@mflow/core/checked-spec";
import { MflowError } from "@mflow/core/errors";
import { createMasker } from "@mflow/core/mask";
import { ChildRunSpec, type RunOrigin } from "@mflow/core/schema/chain";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { ParamValue } from "@mflow/core/schema/param";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { CancelRequest } from "@mflow/core/schema/request";
import { isRunEnded } from "@mflow/core/state";
import {
  type AttemptRef,
  RetryableStartError,
  type Runner,
  type RunnerHost,
  type StartRequest,
  type StartResult,
  type StopOptions,
  type StopResult,
} from "../runners/runner.ts";
import type { RunStore } from "../store/store.ts";
import type { ChainedRun, ChainedRuns } from "./chained-runs.ts";
import { stateOf } from "./memory.ts";
import type { Actor } from "./submit.ts";

export interface ChildRunsParts {
  runs: Pick<RunStore, "run" | "task" | "load" | "definition">;
  chained: Pick<ChainedRuns, "start">;
  cancelRun(runId: string, request: CancelRequest, actor: Actor): Promise<unknown>;
  isSealed(text: string): boolean;
  /** Milliseconds since the epoch. */
  now(): number;
}

export class ChildRuns implements Runner {
  readonly type = "PIPELINE";
  readonly #parts: ChildRunsParts;
  #host: RunnerHost | undefined;

  constructor(parts: ChildRunsParts) {
    this.#parts = parts;
  }

  async open(host: RunnerHost): Promise<void> {
    this.#host = host;
  }

  async start(request: StartRequest): Promise<StartResult> {
    const host = this.#requireHost();
    const ref = { taskId: request.taskId, attempt: request.attempt };
    const spec = checkedSpec(ChildRunSpec, request.spec);
    const task = await this.#parts.runs.task(request.taskId);
    const runId = task && childOf(task, request.attempt);
    if (!task || runId === undefined || !(await host.isWanted(ref))) return { state: "STOPPED" };
    const wanted = await this.#wanted(task, runId, spec, request);
    const outcome = await retryable(() => this.#parts.chained.start(wanted));
    await host.logs.finish(ref);
    const at = new Date(this.#parts.now()).toISOString();
    const startAt = (await this.#parts.runs.run(runId))?.createdAt ?? at;
    const message = `its work is run ${runId} of pipeline \`${spec.pipeline}\``;
    await host.report({ ...ref, stage: "ACTIVE", at, startAt, message });
    return { state: outcome };
  }

  async #wanted(
    task: JobTask,
    id: string,
    { pipeline, runParams = {}, labels, queue }: ChildRunSpec,
    { secrets }: StartRequest,
  ): Promise<ChainedRun> {
    const { pipelineTaskId: runId } = task;
    const { runs } = this.#parts;
    const above = runId === undefined ? undefined : await runs.run(runId);
    const definition = (await runs.definition(runId ?? task.id)) ?? {};
    const parent: RunOrigin["parent"] = { taskId: task.id, attempt: task.attempt };
    if (runId !== undefined) parent.runId = runId;
    const from = above ?? task;
    const mask = createMasker(secrets);
    const given = Object.entries(runParams).map(([name, value]): ParamValue => {
      // What was put in from a sensitive param is sensitive there too.
      return mask(String(value)) === String(value) ? { name, value } : { name, value, sensitive: true };
    });
    return {
      ...{ id, pipeline, given, definition },
      from: { domain: from.domain, namespace: from.namespace },
      by: task.startedBy,
      origin: { parent, ...(above && { chain: chainBelow(above) }) },
      ...(labels && { labels }),
      ...(queue && { queue }),
    };
  }

  async stop({ taskId, attempt }: AttemptRef, { graceMs }: StopOptions): Promise<StopResult> {
    const task = await this.#parts.runs.task(taskId);
    const runId = task && childOf(task, attempt);
    const child = runId === undefined ? undefined : await this.#parts.runs.run(runId);
    if (!task || !child) return "GONE";
    // The end of a run is told by itself.
    if (isRunEnded(child)) return "STOPPING";
    await this.#cancel(child, task, graceMs);
    return "STOPPING";
  }

  async #cancel(child: PipelineTask, task: JobTask, graceMs: number): Promise<void> {
    const { canceledBy, stopping } = task.status;
    const why = stopping === "TIMEOUT" ? "timed out" : "was canceled";
    const request: CancelRequest = {
      message: `task \`${task.name}\` (${task.id}), whose work this run is, ${why}`,
    };
    if (graceMs === 0) request.force = true;
    try {
      await this.#parts.cancelRun(child.id, request, { name: canceledBy ?? "mflow", operator: true });
    } catch (error) {
      // It has ended or was deleted just now.
      const isOver = error instanceof MflowError && (error.code === "CONFLICT" || error.code === "NOT_FOUND");
      if (!isOver) throw error;
    }
  }

  async list(): Promise<AttemptRef[]> {
    return [];
  }

  /** A run that goes on, or whose end is about to be told, says so by itself; one that is not there never will. */
  async resume({ taskId, attempt }: AttemptRef): Promise<void> {
    const task = await this.#parts.runs.task(taskId);
    const runId = task && childOf(task, attempt);
    if (runId !== undefined && (await this.#parts.runs.run(runId))) return;
    await this.#requireHost().report({
      taskId,
      attempt,
      stage: "FAILED",
      reason: "LOST",
      message: `run ${runId ?? ""}, which was its work, is not there any more`,
      at: new Date(this.#parts.now()).toISOString(),
    });
  }

  /** Tells the task whose work a run was that the run has ended, and hands it what the run handed on. */
  async tellParent(runId: string): Promise<void> {
    const aggregate = await this.#parts.runs.load(runId);
    const { run } = aggregate ?? {};
    if (!aggregate || !run?.parent) return;
    const report = endReport(run);
    for (const [name, value] of stateOf(aggregate).exported) {
      const kind = this.#parts.isSealed(value) ? "sealedEnvs" : "runtimeEnvs";
      report[kind] = { ...report[kind], [name]: value };
    }
    await this.#requireHost().report(report);
  }

  async release(): Promise<void> {}

  async close(): Promise<void> {
    this.#host = undefined;
  }

  #requireHost(): RunnerHost {
    if (!this.#host) throw new RetryableStartError("the server is stopping");
    return this.#host;
  }
}

/** The run that is, or was, the work of an attempt. Of one that was pushed back the task keeps the number until it opens. */
function childOf(task: JobTask, attempt: number): string | undefined {
  const present = task.attempt === attempt ? task.status.child : undefined;
  const past = task.pastAttempts?.find((each) => each.attempt === attempt)?.status.child;
  return (present ?? past)?.runId;
}

function endReport({ id, name, parent, status, updatedAt }: PipelineTask): Report {
  const { stage, reason, message, canceledBy, startAt, endAt } = status;
  const report: Report = {
    taskId: parent?.taskId ?? "",
    attempt: parent?.attempt ?? 0,
    stage: stage as "SUCCEEDED" | "FAILED" | "CANCELED",
    at: endAt ?? updatedAt,
  };
  if (startAt !== undefined) report.startAt = startAt;
  const why = [reason && ` (${reason})`, message && `: ${message}`].filter(Boolean).join("");
  if (stage === "FAILED") {
    report.reason = "CHILD_FAILED";
    report.message = `run ${id} of pipeline \`${name}\` FAILED${why}`;
  }
  if (stage === "CANCELED") {
    report.message = `run ${id} of pipeline \`${name}\` was canceled${why}`;
    if (canceledBy !== undefined) report.canceledBy = canceledBy;
  }
  return report;
}

/** A refusal is final; what the server cannot do just now is tried again. */
async function retryable<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof MflowError && error.status >= 500) throw new RetryableStartError(error.message);
    throw error;
  }
}
