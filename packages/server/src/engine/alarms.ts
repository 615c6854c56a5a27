// One timer per task that has a `wakeAt`, derived from the rows like everything else here.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { Clock } from "./clock.ts";

export class Alarms {
  readonly #clock: Clock;
  readonly #ring: (aggregateId: string, taskId: string) => void;
  readonly #alarms = new Map<string, { wakeAt: string; cancel: () => void }>();
  #isClosed = false;

  constructor(clock: Clock, ring: (aggregateId: string, taskId: string) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Takes note of a task as it is now. */
  note(aggregateId: string, task: JobTask): void {
    if (this.#isClosed) return;
    const known = this.#alarms.get(task.id);
    if (known?.wakeAt === task.wakeAt) return;
    known?.cancel();
    this.#alarms.delete(task.id);
    if (task.wakeAt !== undefined) this.#arm(aggregateId, task.id, task.wakeAt);
  }

  #arm(aggregateId: string, taskId: string, wakeAt: string): void {
    const delay = Date.parse(wakeAt) - this.#clock.now();
    const cancel = this.#clock.setTimeout(() => {
      this.#alarms.delete(taskId);
      // A delay longer than timers take rings early.
      if (Date.parse(wakeAt) > this.#clock.now()) this.#arm(aggregateId, taskId, wakeAt);
      else this.#ring(aggregateId, taskId);
    }, delay);
    this.#alarms.set(taskId, { wakeAt, cancel });
  }

  /** Nothing rings from now on; the next life takes the alarms from the rows. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#alarms.values()) cancel();
    this.#alarms.clear();
  }
}
