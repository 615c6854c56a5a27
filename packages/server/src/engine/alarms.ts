// One timer per run and task that has a `wakeAt`, derived from the rows like everything else here.

import type { Clock } from "./clock.ts";

/** A run or a task. */
interface Row {
  id: string;
  wakeAt?: string;
}

export class Alarms {
  readonly #clock: Clock;
  /** Is told the id of the row: a task's, or that of the run itself. */
  readonly #ring: (aggregateId: string, rowId: string) => void;
  readonly #alarms = new Map<string, { wakeAt: string; cancel: () => void }>();
  #isClosed = false;

  constructor(clock: Clock, ring: (aggregateId: string, rowId: string) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Takes note of a run or task as it is now. */
  note(aggregateId: string, row: Row): void {
    if (this.#isClosed) return;
    const known = this.#alarms.get(row.id);
    if (known?.wakeAt === row.wakeAt) return;
    known?.cancel();
    this.#alarms.delete(row.id);
    if (row.wakeAt !== undefined) this.#arm(aggregateId, row.id, row.wakeAt);
  }

  #arm(aggregateId: string, rowId: string, wakeAt: string): void {
    const delay = Date.parse(wakeAt) - this.#clock.now();
    const cancel = this.#clock.setTimeout(() => {
      this.#alarms.delete(rowId);
      // A delay longer than timers take rings early.
      if (Date.parse(wakeAt) > this.#clock.now()) this.#arm(aggregateId, rowId, wakeAt);
      else this.#ring(aggregateId, rowId);
    }, delay);
    this.#alarms.set(rowId, { wakeAt, cancel });
  }

  /** Nothing rings from now on; the next life takes the alarms from the rows. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#alarms.values()) cancel();
    this.#alarms.clear();
  }
}
