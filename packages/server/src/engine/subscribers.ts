// Who hears of committed events in this process.

import type { HistoryEvent } from "@mflow/core/schema/event";

export class Subscribers {
  readonly #warn: (message: string, error: unknown) => void;
  readonly #listeners = new Set<(event: HistoryEvent) => void>();

  constructor(warn: (message: string, error: unknown) => void) {
    this.#warn = warn;
  }

  /** What it answers ends the subscription. */
  add(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One that throws keeps nothing from the others. */
  tell(event: HistoryEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#warn("a subscriber failed", error);
      }
    }
  }
}
