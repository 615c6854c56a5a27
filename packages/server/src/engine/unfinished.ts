// What has not come to its end: runs and lone tasks, and runs that have ended and are still to be followed by another
// pipeline. Of the latter nothing else is there until the run that follows is.

import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { isOver, isRunEnded, type RunState } from "@mflow/core/state";
import { isNextToStart } from "./next-runs.ts";

export class Unfinished {
  readonly #ids = new Set<string>();
  /** Ended runs of which the next pipeline is to be started. */
  readonly #toFollow = new Set<string>();

  /** Takes note of a run or lone task as it is now. */
  note(state: RunState): void {
    if (state.run) this.noteRun(state.run);
    else set(this.#ids, state.id, !isOver(state));
  }

  /** The same of a run of which no more than its row is read. */
  noteRun(run: PipelineTask): void {
    set(this.#ids, run.id, !isRunEnded(run));
    set(this.#toFollow, run.id, isNextToStart(run));
  }

  /** Whether anything is still to come of what was asked for. */
  get isAny(): boolean {
    return this.#ids.size > 0 || this.#toFollow.size > 0;
  }

  /** Runs and lone tasks that have not ended. */
  get count(): number {
    return this.#ids.size;
  }
}

function set(ids: Set<string>, id: string, isIn: boolean): void {
  if (isIn) ids.add(id);
  else ids.delete(id);
}
