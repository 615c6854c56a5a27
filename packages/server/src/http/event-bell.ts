// Wakes those who wait for events, whoever committed them: the engine, the catalogue or the schedules. It carries no events:
// a woken reader reads the history, so that it can miss none and see none twice.

import type { HistoryEvent } from "@mflow/core/schema/event";

/** Calls back for every event that it committed; the answer unsubscribes. */
interface EventSource {
  subscribe(listener: (event: HistoryEvent) => void): () => void;
}

export class EventBell {
  readonly #listeners = new Set<(event: HistoryEvent) => void>();
  readonly #unsubscribes: (() => void)[];

  constructor(...sources: EventSource[]) {
    this.#unsubscribes = sources.map((source) => source.subscribe((event) => this.#ring(event)));
  }

  #ring(event: HistoryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Rings for events that none of the sources committed. */
  announce(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#ring(event);
  }

  /** Calls back for every event; the answer ends that. */
  listen(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    this.#listeners.clear();
  }
}
