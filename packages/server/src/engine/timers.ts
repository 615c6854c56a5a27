// Timers, all of which end with their owner. Those of a clock may ring a moment early, and none runs longer than 24.8
// days; here alone this is taken care of.

import { type Clock, MAX_DELAY_MS } from "./clock.ts";

export class Timers {
  readonly #clock: Clock;
  readonly #set = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls back once, when the clock has come to `time`, milliseconds since the epoch, and never before; not within this
   * call. The answer cancels.
   */
  at(time: number, callback: () => void): () => void {
    let cancel = () => {};
    const arm = () => {
      cancel = this.after(Math.min(time - this.#clock.now(), MAX_DELAY_MS), ring);
    };
    const ring = () => (this.#clock.now() < time ? arm() : callback());
    arm();
    return () => cancel();
  }

  /**
   * Calls back once, after a pause of about `ms`, at most 24.8 days, whatever becomes of the clock. The answer cancels.
   * Once closed none is set: it would keep the process alive.
   */
  after(ms: number, callback: () => void): () => void {
    if (this.#isClosed) return () => {};
    const stop = this.#clock.setTimeout(
      () => {
        this.#set.delete(stop);
        callback();
      },
      Math.max(ms, 0),
    );
    this.#set.add(stop);
    return () => {
      this.#set.delete(stop);
      stop();
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const stop of this.#set) stop();
    this.#set.clear();
  }
}
