// Wakes those who wait for events, whoever committed them: the engine or the catalogue. It carries no events:
// a woken reader reads the history, so that it can miss none and see none twice.

import type { HistoryEvent } from "@mflow/core/schema/event";
import type { Engine } from "../engine/submit.ts";

export class EventBell {
  readonly #listeners = new Set<(event: HistoryEvent) => void>();
  readonly #unsubscribe: () => void;

  constructor(engine: Pick<Engine, "subscribe">) {
    this.#unsubscribe = engine.subscribe((event) => this.#ring(event));
  }

  #ring(event: HistoryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Rings for events that the engine did not commit. */
  announce(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#ring(event);
  }

  /** Calls back for every event; the answer ends that. */
  listen(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }
}
