// Deleting runs and lone tasks with all that they own: what speaks against it, and in which order it goes.

import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { isOver, isRunEnded, type RunState } from "@mflow/core/state";
import { isEnded } from "@mflow/core/transitions";
import type { LogStore } from "../logs/log-store.ts";
import type { Runner, RunnerHost } from "../runners/runner.ts";
import type { RunStore } from "../store/store.ts";
import { isNextToStart } from "./next-runs.ts";
import type { EngineOptions } from "./options.ts";
import type { Actor } from "./submit.ts";

export interface RemovalsParts {
  runs: RunStore;
  logs: Pick<LogStore, "remove">;
  /** Absent: nothing is kept. */
  files: Pick<NonNullable<EngineOptions["files"]>, "removeOf"> | undefined;
  runnerOf(type: string): Runner | undefined;
  standing: RunnerHost["standing"];
  /** Milliseconds since the epoch. */
  now(): number;
  tell(event: HistoryEvent): void;
}

/** Tasks of a run that are read at once when it is deleted. */
const DISCARDED_AT_ONCE = 100;

export class Removals {
  readonly #parts: RemovalsParts;
  /** Those that are under way. */
  readonly #removing = new Set<string>();
  /** Runs and lone tasks of which something is just being made, by how many requests. */
  readonly #held = new Map<string, number>();
  /** Of each unfinished rollback the runs that it goes back to: its tasks may fetch what those keep. */
  readonly #goesBackTo = new Map<string, ReadonlySet<string>>();
  readonly #counts = { request: 0, retention: 0 };

  constructor(parts: RemovalsParts) {
    this.#parts = parts;
  }

  /** Runs and lone tasks that were removed, by why. */
  get counts(): Readonly<Record<"request" | "retention", number>> {
    return this.#counts;
  }

  /** Takes note of a run as it is now. */
  note(state: RunState): void {
    if (state.run?.mode !== "ROLLBACK") return;
    if (isOver(state)) this.#goesBackTo.delete(state.id);
    else if (!this.#goesBackTo.has(state.id)) this.#goesBackTo.set(state.id, runsBefore(state));
  }

  /**
   * Keeps a run or lone task while something is made of it, until the answer is called. CONFLICT when it is being deleted
   * already: what is made of it would miss what is gone.
   */
  hold(aggregateId: string): () => void {
    if (this.#removing.has(aggregateId)) {
      const what = aggregateId.startsWith("run-") ? "run" : "task";
      throw new MflowError("CONFLICT", `${what} ${aggregateId} is just being deleted`);
    }
    this.#held.set(aggregateId, (this.#held.get(aggregateId) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(aggregateId) ?? 0) - 1;
      if (left > 0) this.#held.set(aggregateId, left);
      else this.#held.delete(aggregateId);
    };
  }

  /** Deletes it; NOT_FOUND, and CONFLICT while somebody needs it. What fails half-way can be repeated. */
  async remove(aggregateId: string, actor?: Actor, because?: string): Promise<void> {
    const { runs, files, now, tell } = this.#parts;
    const run = await runs.run(aggregateId);
    const task = run ? undefined : await runs.task(aggregateId);
    const record = run ?? task;
    if (!record || task?.pipelineTaskId !== undefined)
      throw new MflowError("NOT_FOUND", `there is no run or lone task ${aggregateId}`);
    if (run ? !isRunEnded(run) : task && !isEnded(task.status.stage)) {
      throw new MflowError("CONFLICT", `${aggregateId} has not ended; cancel it before it is deleted`);
    }
    if (run) await this.#refuseWhileAwaited(run);
    // From here on until it is noted nothing else happens.
    this.#refuseWhileUsed(aggregateId);
    this.#removing.add(aggregateId);
    try {
      // The rows last: after a crash in between they are still there, and deleting can be repeated.
      await this.#discard(aggregateId, task);
      await files?.removeOf(aggregateId);
      const event = deletion(record, new Date(now()).toISOString(), actor, because);
      for (const committed of await runs.remove(aggregateId, [event])) tell(committed);
    } finally {
      this.#removing.delete(aggregateId);
    }
    this.#counts[because === undefined ? "request" : "retention"]++;
  }

  /** What follows from the end of a run is done soon, and needs the run; so does the note that it has followed. */
  async #refuseWhileAwaited(run: PipelineTask): Promise<void> {
    const { id, parent, previous, status } = run;
    const isAwaited = parent !== undefined && (await this.#parts.standing(parent)) === "AT_WORK";
    if (isAwaited) refuse(`task ${parent.taskId} has still to be told how ${id} ended; try again`);
    if (isNextToStart(run))
      refuse(`\`${status.next?.pipeline}\`, which follows ${id}, is just being started; try again`);
    const before = previous && (await this.#parts.runs.run(previous.runId));
    if (before && isNextToStart(before))
      refuse(`run ${before.id}, which ${id} follows, has still to be told that it has; try again`);
  }

  /** A rollback needs what it goes back to until its own end. */
  #refuseWhileUsed(id: string): void {
    if (this.#held.has(id)) refuse(`${id} is just being run again; try again`);
    for (const [rollback, runs] of this.#goesBackTo)
      if (runs.has(id)) refuse(`rollback ${rollback} goes back to ${id}; delete it once that has ended`);
  }

  /** Removes the logs of a run's tasks, or of the lone task, and what their runners keep. */
  async #discard(aggregateId: string, lone: JobTask | undefined): Promise<void> {
    const { runs, logs, runnerOf } = this.#parts;
    const types = new Set<string>();
    for (let done = 0; ; ) {
      // A few at a time: what a wide run takes to read holds up commits.
      const tasks = lone ? [lone] : await runs.someTasksOfRun(aggregateId, done, DISCARDED_AT_ONCE);
      for (const { id, runnerType } of tasks) {
        types.add(runnerType);
        await runnerOf(runnerType)?.discard?.(id);
        await logs.remove(id);
      }
      done += tasks.length;
      if (lone || tasks.length < DISCARDED_AT_ONCE) break;
    }
    // What was to be released and is not yet goes with the rows.
    for (const type of types) await runnerOf(type)?.release(aggregateId);
  }
}

function refuse(why: string): never {
  throw new MflowError("CONFLICT", why);
}

function runsBefore({ tasks }: RunState): Set<string> {
  return new Set(
    [...tasks.values()].flatMap(({ rollback }) =>
      rollback?.lastSuccess ? [rollback.lastSuccess.runId] : [],
    ),
  );
}

function deletion(
  record: PipelineTask | JobTask,
  at: string,
  actor?: Actor,
  because?: string,
): NewHistoryEvent {
  const { id, domain, namespace, name } = record;
  return {
    type: "DELETED",
    at,
    domain,
    namespace,
    name,
    ...(actor && { actor: actor.name }),
    ...(because !== undefined && { reason: "RETENTION", message: because }),
    ["runBy" in record ? "pipelineTaskId" : "taskId"]: id,
  };
}
