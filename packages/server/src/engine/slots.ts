// The task slots of this server: who holds one, who waits for one, first come first served. All of it is
// derived from the tasks' rows, so that no crash can leak a slot.

import type { JobTask } from "@mflow/core/schema/job-task";
import { holdsSlot, wantsSlot } from "@mflow/core/state";

export class Slots {
  readonly limit: number;
  readonly #holders = new Set<string>();
  /** Aggregate by waiting task, in order of arrival. */
  readonly #waiting = new Map<string, string>();
  /** Waiting tasks that were told that a slot is free and have not answered yet. */
  readonly #granted = new Set<string>();
  /** How many wait before each waiting task; counted anew once the line has changed. */
  #places: Map<string, number> | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Slots that a change may take; those who wait go first. */
  freeFor(change: "slotFree" | "other"): number {
    const free = this.limit - this.#holders.size;
    if (change === "slotFree") return Math.max(free, 0);
    return this.#waiting.size > 0 ? 0 : Math.max(free - this.#granted.size, 0);
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes note of a task as it is now. */
  note(aggregateId: string, task: JobTask): void {
    if (holdsSlot(task)) this.#holders.add(task.id);
    else this.#holders.delete(task.id);
    if (wantsSlot(task)) {
      if (this.#waiting.has(task.id)) return;
      this.#waiting.set(task.id, aggregateId);
      this.#places = undefined;
    } else {
      if (this.#waiting.delete(task.id)) this.#places = undefined;
      this.#granted.delete(task.id);
    }
  }

  /** The waiting tasks that are to be told now that a slot is free for them. */
  grant(): { taskId: string; aggregateId: string }[] {
    const granted: { taskId: string; aggregateId: string }[] = [];
    let free = this.limit - this.#holders.size - this.#granted.size;
    if (free <= 0) return granted;
    for (const [taskId, aggregateId] of this.#waiting) {
      if (free <= 0) break;
      if (this.#granted.has(taskId)) continue;
      this.#granted.add(taskId);
      granted.push({ taskId, aggregateId });
      free--;
    }
    return granted;
  }

  /** The grant was not used: the task may be told again. */
  ungrant(taskId: string): void {
    this.#granted.delete(taskId);
  }

  /** How many wait before this task; undefined when it does not wait. */
  placeOf(taskId: string): number | undefined {
    this.#places ??= new Map(Array.from(this.#waiting.keys(), (id, place) => [id, place]));
    return this.#places.get(taskId);
  }

  get counts(): { held: number; waiting: number } {
    return { held: this.#holders.size, waiting: this.#waiting.size };
  }
}
