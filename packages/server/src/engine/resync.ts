// After a start: the rows say what should be under way, the runners say what is. Starts that were not
// finished are done again, what a runner lost is said to be LOST, timers are set, and who holds and waits for what is counted anew.
// Runners that keep nothing themselves lose nothing: they take up what the rows say.

import type { Report } from "@mflow/core/change";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RunState } from "@mflow/core/state";
import type { AttemptRef, Runner } from "../runners/runner.ts";
import type { Effect, Lease, Outbox, RunStore } from "../store/store.ts";
import { stateOf } from "./memory.ts";

export interface ResyncParts {
  runs: RunStore;
  outbox: Outbox;
  runners: ReadonlyMap<string, Runner>;
  lease(): Lease;
  now(): number;
  /** An unfinished run or lone task as it was left. */
  found(state: RunState): void;
  /** A run that waits in line; there may be very many, so no more than its row is read. */
  foundWaiting(run: PipelineTask): void;
  /** A run that has ended and is still to be followed by another pipeline. */
  foundToFollow(run: PipelineTask): void;
  report(aggregateId: string, report: Report): Promise<void>;
  stopped(aggregateId: string, taskId: string, attempt: number): Promise<void>;
}

export interface Resynced {
  /** What an earlier life left to do, for the workers. */
  effects: Effect[];
  /** Whether a runner still knows the attempt. */
  isKnown(ref: AttemptRef): boolean;
}

/** Brings the engine up to date. */
export async function resync(parts: ResyncParts): Promise<Resynced> {
  const { outbox, runs } = parts;
  await outbox.releaseAll();
  const expected: { aggregateId: string; task: JobTask }[] = [];
  for (const id of await runs.unfinished()) {
    const aggregate = await runs.load(id);
    if (!aggregate) continue;
    const state = stateOf(aggregate);
    parts.found(state);
    for (const task of state.tasks.values()) {
      if (isWithRunner(task)) expected.push({ aggregateId: id, task });
    }
  }
  for (const run of await runs.pending()) parts.foundWaiting(run);
  // Those that wait for their backoff are due as well: the reason may have gone with the restart.
  const effects = await outbox.claim(parts.lease(), Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  for (const { kind, aggregateId } of effects) {
    const run = kind === "NEXT_RUN" ? await runs.run(aggregateId) : undefined;
    if (run) parts.foundToFollow(run);
  }
  const starting = new Set(effects.filter((effect) => effect.kind === "START").map(attemptKey));
  const known = await knownAttempts(parts.runners);
  for (const { aggregateId, task } of expected) {
    const ref = { taskId: task.id, attempt: task.attempt };
    const key = attemptKey(ref);
    if (known.has(key) || starting.has(key)) continue;
    const runner = parts.runners.get(task.runnerType);
    if (runner?.resume) await runner.resume(ref);
    else if (task.status.stopping) await parts.stopped(aggregateId, task.id, task.attempt);
    else await parts.report(aggregateId, lostReport(task, parts.now()));
  }
  return { effects, isKnown: (ref) => known.has(attemptKey(ref)) };
}

function isWithRunner(task: JobTask): boolean {
  const { stage, reported, workGoneAt } = task.status;
  if (reported || workGoneAt) return false;
  return stage === "CREATING" || stage === "ACTIVE" || stage === "CANCELING";
}

function lostReport(task: JobTask, now: number): Report {
  return {
    taskId: task.id,
    attempt: task.attempt,
    stage: "FAILED",
    reason: "LOST",
    message: `the runner ${task.runnerType} does not know this attempt any more`,
    at: new Date(now).toISOString(),
  };
}

async function knownAttempts(runners: ReadonlyMap<string, Runner>): Promise<Set<string>> {
  const known = new Set<string>();
  for (const runner of runners.values()) {
    for (const ref of await runner.list()) known.add(attemptKey(ref));
  }
  return known;
}

function attemptKey({ taskId, attempt }: AttemptRef): string {
  return `${taskId}.${attempt}`;
}
