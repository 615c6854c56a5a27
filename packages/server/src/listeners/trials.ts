// What is remembered of deliveries that did not arrive at once. It is in memory: a new life of the server, and somebody
// who sends a dead one again, begin anew.

/** How it went with one delivery so far. */
export interface Trial {
  /** Attempts, those that came too early for the place among them. */
  tries: number;
  /** Those of them that failed: each makes the next pause longer. */
  failures: number;
  /** Receipts of the cards that an update has reached already. */
  updated: Set<string>;
}

/** Of older ones it is forgotten, and they are tried a little sooner. */
const KEPT = 10_000;

export class Trials {
  readonly #trials = new Map<string, Trial>();

  /** Of a delivery, by its id; new when nothing is known of it. Changes are kept. */
  of(id: string): Trial {
    const trial = this.#trials.get(id) ?? { tries: 0, failures: 0, updated: new Set() };
    // Last in the map is latest used.
    this.#trials.delete(id);
    this.#trials.set(id, trial);
    const [oldest] = this.#trials.keys();
    if (this.#trials.size > KEPT && oldest !== undefined) this.#trials.delete(oldest);
    return trial;
  }

  /** The delivery has ended. */
  forget(id: string): void {
    this.#trials.delete(id);
  }
}
