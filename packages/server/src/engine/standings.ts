// Keeps the admission in step with the rows: what a run or task holds and waits for follows from its row alone.

import {
  awaitedByRun,
  gatesOfRun,
  gatesOfTask,
  heldByRun,
  heldByTask,
  isAwaiting,
  needsOfTask,
  runGate,
} from "@mflow/core/admission-keys";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { isRunEnded, type RunState } from "@mflow/core/state";
import type { Admission, Standing } from "./admission.ts";

/** Takes note of a run, whose tasks need not be in memory. */
export function noteRun(admission: Admission, run: PipelineTask): void {
  const { paused, lock } = run.status;
  const gate = runGate(run.id);
  if (isRunEnded(run) || (!paused && !lock)) admission.open(gate);
  else if (paused) admission.close(gate, paused);
  else if (lock) admission.close(gate, { at: lock.since });
  const needs = awaitedByRun(run);
  const standing: Standing = { aggregateId: run.id, holds: heldByRun(run), parent: run.parent?.taskId };
  if (needs) {
    const since = run.createdAt;
    // The gate that waits for the lock is not in the way of the lock.
    const gates = lock && !paused ? gatesOfRun(run).filter((each) => each !== gate) : gatesOfRun(run);
    standing.waits = { gates, needs, priority: run.priority ?? 0, since };
  }
  admission.note(run.id, standing);
}

/** Takes note of a task of the run or lone task, as it is now. */
export function noteTask(admission: Admission, { run, definition, id }: RunState, task: JobTask): void {
  const standing: Standing = { aggregateId: id, holds: heldByTask(task, run, definition) };
  if (isAwaiting(task)) {
    standing.waits = {
      gates: gatesOfTask(run),
      needs: needsOfTask(task, run, definition),
      priority: task.priority ?? 0,
      since: task.status.waitingSince ?? task.updatedAt,
    };
  }
  admission.note(task.id, standing);
}

/** Takes note of all of a run or lone task. */
export function noteState(admission: Admission, state: RunState): void {
  if (state.run) noteRun(admission, state.run);
  for (const task of state.tasks.values()) noteTask(admission, state, task);
}

/** Forgets all of it, for it was not written; what is stored is to be noted anew. */
export function forgetState(admission: Admission, state: RunState): void {
  if (state.run) {
    admission.open(runGate(state.run.id));
    admission.note(state.run.id);
  }
  for (const id of state.tasks.keys()) admission.note(id);
}
