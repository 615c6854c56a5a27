// What the runner remembers of its attempts and of the volumes of runs: in memory, and in the store before it counts.

import type { RunnerAttemptStore } from "../../store/store.ts";
import { attemptKey } from "../attempt-key.ts";
import type { AttemptRef } from "../runner.ts";
import { type Placement, WORKSPACES_ATTEMPT, type Workspaces } from "./placement.ts";

/** Longer than any start can be under way, milliseconds. */
const TOMBSTONE_MS = 7 * 24 * 3600 * 1000;

export interface Placed {
  ref: AttemptRef;
  placement: Placement;
}

export class Placements {
  readonly #store: RunnerAttemptStore;
  readonly #runner: string;
  readonly #placed = new Map<string, Placed>();
  readonly #workspaces = new Map<string, Workspaces>();

  constructor(store: RunnerAttemptStore, runner: string) {
    this.#store = store;
    this.#runner = runner;
  }

  /** Reads what an earlier life left; called once, before anything else. */
  async load(): Promise<void> {
    const expired: AttemptRef[] = [];
    for (const { taskId, attempt, body } of await this.#store.list(this.#runner)) {
      const ref = { taskId, attempt };
      const placement = body as Placement;
      if (attempt === WORKSPACES_ATTEMPT) this.#workspaces.set(taskId, body as Workspaces);
      else if (placement.state === "STOPPED" && Date.now() - placement.since > TOMBSTONE_MS)
        expired.push(ref);
      else this.#placed.set(attemptKey(ref), { ref, placement });
    }
    await this.#store.remove(this.#runner, expired);
  }

  find(ref: AttemptRef): Placement | undefined {
    return this.#placed.get(attemptKey(ref))?.placement;
  }

  /** All, the oldest first. */
  all(): Placed[] {
    return [...this.#placed.values()];
  }

  /** Durable when it resolves. */
  async put({ taskId, attempt }: AttemptRef, placement: Placement): Promise<void> {
    const ref = { taskId, attempt };
    await this.#store.put(this.#runner, { ...ref, body: placement });
    this.#placed.set(attemptKey(ref), { ref, placement });
  }

  async remove(ref: AttemptRef): Promise<void> {
    await this.#store.remove(this.#runner, [ref]);
    this.#placed.delete(attemptKey(ref));
  }

  /** The volumes of a run or lone task. */
  workspacesOf(aggregateId: string): Workspaces | undefined {
    return this.#workspaces.get(aggregateId);
  }

  /** Runs and lone tasks that have ended and whose volumes are still there. */
  releasedWorkspaces(): string[] {
    return [...this.#workspaces].flatMap(([id, { isReleased }]) => (isReleased ? [id] : []));
  }

  /** Whether an attempt is known, under way or kept, whose pods mount the volume of a run or lone task. */
  mountsWorkspaceOf(aggregateId: string): boolean {
    return this.all().some(({ placement }) => placement.workspaceOf === aggregateId);
  }

  async putWorkspaces(aggregateId: string, workspaces: Workspaces): Promise<void> {
    const row = { taskId: aggregateId, attempt: WORKSPACES_ATTEMPT, body: workspaces };
    await this.#store.put(this.#runner, row);
    this.#workspaces.set(aggregateId, workspaces);
  }

  async removeWorkspaces(aggregateId: string): Promise<void> {
    await this.#store.remove(this.#runner, [{ taskId: aggregateId, attempt: WORKSPACES_ATTEMPT }]);
    this.#workspaces.delete(aggregateId);
  }
}
