// The clock of the schedules of a play: it stands still until it is put forward, and outlives restarts.

import type { Clock } from "../clock.ts";

export class PlayClock implements Clock {
  #now = Date.now();
  readonly #timers = new Set<{ at: number; ring(): void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(ring: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, ring };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Puts it forward and rings what is due by then. */
  forward(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue;
      timer.ring();
    }
  }
}
