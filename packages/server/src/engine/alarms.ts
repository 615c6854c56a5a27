// One timer per run and task that has a `wakeAt`, derived from the rows like everything else here. They end with the
// engine's timers; the next life takes them from the rows.

import type { Timers } from "./timers.ts";

/** A run or a task. */
interface Row {
  id: string;
  wakeAt?: string;
}

export class Alarms {
  readonly #timers: Timers;
  /** Is told the id of the row: a task's, or that of the run itself. */
  readonly #ring: (aggregateId: string, rowId: string) => void;
  readonly #alarms = new Map<string, { wakeAt: string; cancel: () => void }>();

  constructor(timers: Timers, ring: (aggregateId: string, rowId: string) => void) {
    this.#timers = timers;
    this.#ring = ring;
  }

  /** Takes note of a run or task as it is now. */
  note(aggregateId: string, { id, wakeAt }: Row): void {
    const known = this.#alarms.get(id);
    if (known?.wakeAt === wakeAt) return;
    known?.cancel();
    this.#alarms.delete(id);
    if (wakeAt === undefined) return;
    const cancel = this.#timers.at(Date.parse(wakeAt), () => {
      this.#alarms.delete(id);
      this.#ring(aggregateId, id);
    });
    this.#alarms.set(id, { wakeAt, cancel });
  }
}
