// Timers of the engine, all of which end with it.

import type { Clock } from "./clock.ts";

export class Timers {
  readonly #clock: Clock;
  readonly #set = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once closed none is set: it would keep the process alive. */
  after(ms: number, callback: () => void): void {
    if (this.#isClosed) return;
    const cancel = this.#clock.setTimeout(() => {
      this.#set.delete(cancel);
      callback();
    }, ms);
    this.#set.add(cancel);
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#set) cancel();
    this.#set.clear();
  }
}
