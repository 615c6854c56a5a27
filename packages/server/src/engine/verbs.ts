// Requests that change runs and tasks which exist, each submitted as one change.

import type { Change } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RunState } from "@mflow/core/state";
import type { RunStore } from "../store/store.ts";
import type { Committer } from "./committer.ts";
import { isGateChange, type Refusals } from "./refusals.ts";
import type { Actor, Engine } from "./submit.ts";

type SubmittedChange = Exclude<Change, { type: "runPipeline" }>;

export interface VerbsParts {
  runs: Pick<RunStore, "pending">;
  committer: Committer;
  refusals: Refusals;
  aggregateOf(taskId: string): Promise<string | undefined>;
  refuseWhenDraining(): void;
}

export class Verbs {
  readonly #parts: VerbsParts;

  constructor(parts: VerbsParts) {
    this.#parts = parts;
  }

  updateStatus: Engine["updateStatus"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "updateStatus", taskId, request, ifRevision }, actor);

  updateOutput: Engine["updateOutput"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "updateOutput", taskId, request, ifRevision }, actor);

  audit: Engine["audit"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "audit", taskId, request, ifRevision }, actor);

  confirm: Engine["confirm"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "confirm", taskId, request, ifRevision }, actor);

  withdraw: Engine["withdraw"] = (taskId, gate, request, actor, ifRevision) =>
    this.#changeTask({ type: "withdraw", gate, taskId, request, ifRevision }, actor);

  cancelTask: Engine["cancelTask"] = (taskId, request, actor, ifRevision) =>
    this.#changeTask({ type: "cancelTask", taskId, request, ifRevision }, actor);

  cancelRun: Engine["cancelRun"] = (runId, { stage, ...request }, actor, ifRevision) =>
    this.#changeRun(
      runId,
      stage === undefined
        ? { type: "cancelRun", request, ifRevision }
        : { type: "cancelStage", stage, request, ifRevision },
      actor,
    );

  pauseRun: Engine["pauseRun"] = (runId, request, actor, ifRevision) =>
    this.#changeRun(runId, { type: "pauseRun", request, ifRevision }, actor);

  resumeRun: Engine["resumeRun"] = (runId, actor, ifRevision) =>
    this.#changeRun(runId, { type: "resumeRun", ifRevision }, actor);

  cancelQueue: Engine["cancelQueue"] = async ({ domain, namespace }, pipeline, request, actor) => {
    const pending = (await this.#parts.runs.pending()).filter(
      (run) => run.name === pipeline && run.domain === domain && run.namespace === namespace,
    );
    const change = { type: "cancelRun", request, onlyWaiting: true } as const;
    // Those of the end first: none gets its turn because one before it was canceled.
    const runs = await Promise.all(pending.reverse().map((run) => this.#changeRun(run.id, change, actor)));
    return runs.filter(({ status }) => status.stage === "CANCELED").reverse();
  };

  async #changeRun(runId: string, change: SubmittedChange, actor: Actor): Promise<PipelineTask> {
    return (await this.#submit(runId, change, actor)).run as PipelineTask;
  }

  async #changeTask(change: Extract<Change, { taskId: string }>, actor?: Actor): Promise<JobTask> {
    const { refusals, aggregateOf } = this.#parts;
    const { taskId } = change;
    const aggregateId = await aggregateOf(taskId);
    if (aggregateId === undefined) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    const submit = () => this.#submit(aggregateId, change, actor);
    const state =
      actor && isGateChange(change) ? await refusals.guard(change, actor, submit) : await submit();
    return state.tasks.get(taskId) as JobTask;
  }

  async #submit(aggregateId: string, change: SubmittedChange, actor?: Actor): Promise<RunState> {
    this.#parts.refuseWhenDraining();
    return this.#parts.committer.submit(aggregateId, change, actor);
  }
}
