// The unfinished runs that are kept in memory between changes. Bounded: what is not used for long is
// dropped and loaded again. Entries are trusted because every commit is guarded by their revision.

import { makeState, type RunState } from "@mflow/core/state";
import type { Aggregate } from "../store/store.ts";

/** What the rows of a run or lone task come to. */
export function stateOf(aggregate: Aggregate): RunState {
  return makeState(aggregate.id, aggregate.run, aggregate.definition, aggregate.tasks);
}

export class Memory {
  readonly #maxTasks: number;
  /** In order of last use, oldest first. */
  readonly #states = new Map<string, RunState>();
  readonly #aggregateOf = new Map<string, string>();

  /** `maxTasks`: tasks of all kept runs together. */
  constructor(maxTasks = 50_000) {
    this.#maxTasks = maxTasks;
  }

  get(id: string): RunState | undefined {
    const state = this.#states.get(id);
    if (!state) return undefined;
    this.#states.delete(id);
    this.#states.set(id, state);
    return state;
  }

  put(state: RunState): void {
    this.drop(state.id);
    this.#states.set(state.id, state);
    for (const taskId of state.tasks.keys()) this.#aggregateOf.set(taskId, state.id);
    for (const oldest of this.#states.keys()) {
      if (this.#aggregateOf.size <= this.#maxTasks || oldest === state.id) break;
      this.drop(oldest);
    }
  }

  drop(id: string): void {
    const state = this.#states.get(id);
    if (!state) return;
    this.#states.delete(id);
    for (const taskId of state.tasks.keys()) this.#aggregateOf.delete(taskId);
  }

  aggregateOf(taskId: string): string | undefined {
    return this.#aggregateOf.get(taskId);
  }
}
