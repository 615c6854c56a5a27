// What unfinished runs and tasks wait for, in sentences and as facts: of the line, of runners, and of the rows.

import { MflowError } from "@mflow/core/errors";
import { isId } from "@mflow/core/ids";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Why } from "@mflow/core/schema/why";
import type { RunState } from "@mflow/core/state";
import { type WaitFacts, waitSentence } from "@mflow/core/wait-sentence";
import { runWaitingReason, waitingReason } from "@mflow/core/waiting";
import type { PlaceInLine } from "@mflow/core/why";
import type { AttemptRef, Runner } from "../runners/runner.ts";
import type { Turns } from "./turns.ts";

export interface WaitsParts {
  turns: Pick<Turns, "waitOf" | "sentence">;
  runnerOf(type: string): Runner | undefined;
  aggregateOf(taskId: string): Promise<string | undefined>;
  stateOf(aggregateId: string): Promise<RunState | undefined>;
  /** Why an attempt could not be started or stopped yet. */
  troubleOf(ref: AttemptRef): string | undefined;
}

export class Waits {
  readonly #parts: WaitsParts;

  constructor(parts: WaitsParts) {
    this.#parts = parts;
  }

  ofTask(task: JobTask): string | undefined {
    const { child } = task.status;
    const childWaits = child && this.#placeOf(child.runId)?.sentence;
    const own = this.#placeOf(task.id)?.sentence ?? waitingReason(task, childWaits);
    const runners = this.#runnerWait(task);
    return isStopping(task) && runners !== undefined ? `${own}: ${runners}` : (runners ?? own);
  }

  ofRun(run: PipelineTask): string | undefined {
    return this.#parts.turns.sentence(run.id) ?? runWaitingReason(run);
  }

  /** What a task or run waits for in line. */
  inLine(id: string): WaitFacts | undefined {
    return this.#parts.turns.waitOf(id);
  }

  /** All causes of a run or task; NOT_FOUND when there is none. */
  async why(id: string): Promise<Why> {
    const { aggregateOf, stateOf } = this.#parts;
    const aggregateId = isId("run", id) ? id : await aggregateOf(id);
    const state = aggregateId === undefined ? undefined : await stateOf(aggregateId);
    // Not loaded before somebody asks: a start needs none of it.
    const { whyTask } = await import("@mflow/core/why");
    const { whyRun } = await import("@mflow/core/why-run");
    const facts = {
      placeOf: (waiting: string) => this.#placeOf(waiting),
      runnerWait: (task: JobTask) => this.#runnerWait(task),
      runnerTrouble: ({ id: taskId, attempt }: JobTask) => this.#parts.troubleOf({ taskId, attempt }),
    };
    const task = state?.tasks.get(id);
    if (state && task) return whyTask(state, task, facts);
    if (state?.run?.id === id) return whyRun(state, state.run, facts);
    throw new MflowError("NOT_FOUND", `there is no run or task ${id}`);
  }

  /** What the runner says that an attempt waits for. */
  #runnerWait(task: JobTask): string | undefined {
    const { id, attempt, status, runnerType } = task;
    const { stage, reported, stopping, workGoneAt } = status;
    const isAtWork = stage === "CREATING" || (stage === "ACTIVE" && !reported && !workGoneAt);
    if (!isAtWork && !isStopping(task)) return undefined;
    const ref = { taskId: id, attempt };
    const trouble = stage === "CREATING" && !stopping ? this.#parts.troubleOf(ref) : undefined;
    if (trouble !== undefined) return `cannot be started yet: ${trouble}; it is tried again`;
    return this.#parts.runnerOf(runnerType)?.waitingFor?.(ref);
  }

  #placeOf(id: string): PlaceInLine | undefined {
    const wait = this.inLine(id);
    return wait && { ...wait, sentence: waitSentence(wait) };
  }
}

function isStopping({ status }: JobTask): boolean {
  return status.stage === "CANCELING" || (status.stage === "ACTIVE" && status.stopping !== undefined);
}
