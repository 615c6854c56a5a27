// What runners ask of attempts, and what they report of them. All answers come from the rows: a runner may know an attempt
// of which the engine has nothing in memory.

import type { Report } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import { isAtWork } from "@mflow/core/transitions";
import type { AttemptRef, RunnerHost, StartRequest } from "../runners/runner.ts";
import type { RunStore } from "../store/store.ts";
import { isWanted } from "./effects.ts";
import type { Memory } from "./memory.ts";
import type { EngineOptions } from "./options.ts";
import { makeStartRequest } from "./start-request.ts";

export interface AttemptsParts extends Pick<EngineOptions, "keys" | "logs" | "files" | "mflowUrl"> {
  runs: RunStore;
  memory: Memory;
  submit(aggregateId: string, change: { type: "report"; report: Report }): Promise<void>;
}

export class Attempts {
  readonly #parts: AttemptsParts;

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
  }

  /** The engine as runners see it. */
  host(): RunnerHost {
    const { files, logs } = this.#parts;
    return {
      ...(files && { files }),
      report: (report) => this.#report(report),
      logs,
      standing: (ref) => this.standing(ref),
      isWanted: (ref) => this.#isWanted(ref),
      isStopping: (ref) => this.#isStopping(ref),
      startRequest: (ref) => this.#startRequest(ref),
    };
  }

  /** The run or lone task that a task belongs to. */
  async aggregateOf(taskId: string): Promise<string | undefined> {
    return this.#parts.memory.aggregateOf(taskId) ?? (await this.#parts.runs.aggregateOf(taskId));
  }

  async standing({ taskId, attempt }: AttemptRef): ReturnType<RunnerHost["standing"]> {
    const task = await this.#parts.runs.task(taskId);
    if (!task) return "UNKNOWN";
    return task.attempt === attempt && isAtWork(task.status.stage) ? "AT_WORK" : "OVER";
  }

  /** Logs of ended attempts that no runner knows any more get no more lines. */
  async finishLogs(isKnown: (ref: AttemptRef) => boolean): Promise<void> {
    const { logs } = this.#parts;
    for (const ref of await logs.unfinished()) {
      if ((await this.standing(ref)) !== "AT_WORK" && !isKnown(ref)) await logs.finish(ref);
    }
  }

  async #isWanted({ taskId, attempt }: AttemptRef): Promise<boolean> {
    const task = await this.#parts.runs.task(taskId);
    return task !== undefined && task.attempt === attempt && isWanted(task);
  }

  async #isStopping({ taskId, attempt }: AttemptRef): Promise<boolean> {
    const task = await this.#parts.runs.task(taskId);
    if (!task || task.attempt !== attempt || !isAtWork(task.status.stage)) return false;
    return task.status.stage === "CANCELING" || task.status.stopping !== undefined;
  }

  async #startRequest({ taskId, attempt }: AttemptRef): Promise<StartRequest | undefined> {
    const { runs, memory, keys, mflowUrl } = this.#parts;
    const task = await runs.task(taskId);
    const aggregateId = await this.aggregateOf(taskId);
    if (aggregateId === undefined) return undefined;
    // Each task of a run asks; what the run is made of grows with their number, and is read once if it can be.
    const definition = memory.get(aggregateId)?.definition ?? (await runs.definition(aggregateId));
    if (!task || !definition || task.attempt !== attempt || !isWanted(task)) return undefined;
    return makeStartRequest(task, definition, keys, mflowUrl());
  }

  async #report(report: Report): Promise<void> {
    const aggregateId = await this.aggregateOf(report.taskId);
    // Deleted meanwhile: there is nobody left to tell.
    if (aggregateId === undefined) return;
    try {
      await this.#parts.submit(aggregateId, { type: "report", report });
    } catch (error) {
      if (error instanceof MflowError && error.code === "NOT_FOUND") return;
      throw error;
    }
  }
}
