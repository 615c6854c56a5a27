// Timers, all of which end with their owner. Those of a clock may ring a moment early, and know nothing of a machine that
// slept or a clock that was put forward; here alone this is taken care of.

import type { Clock } from "./clock.ts";

/**
 * No timer for a time is set to longer than this, milliseconds: the machine may sleep, or its clock be put forward,
 * meanwhile, and what is due then comes no later than this.
 */
const LONGEST_SLEEP_MS = 60_000;

/** What waits for a time. */
interface Waiting {
  /** Milliseconds since the epoch. */
  time: number;
  callback: () => void;
  cancel: () => void;
}

export class Timers {
  readonly #clock: Clock;
  readonly #set = new Set<() => void>();
  /** What is further away than the longest sleep: thousands of gates may wait for days, and one timer serves them all. */
  readonly #far = new Set<Waiting>();
  #cancelLook: () => void = () => {};
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls back once, when the clock has come to `time`, milliseconds since the epoch, and never before; not within this
   * call. The answer cancels.
   */
  at(time: number, callback: () => void): () => void {
    if (this.#isClosed) return () => {};
    const waiting: Waiting = { time, callback, cancel: () => {} };
    this.#arm(waiting);
    return () => waiting.cancel();
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
    this.#far.clear();
  }

  #arm(waiting: Waiting): void {
    const ms = waiting.time - this.#clock.now();
    if (ms > LONGEST_SLEEP_MS) this.#putFar(waiting);
    else waiting.cancel = this.after(ms, () => this.#ring(waiting));
  }

  #ring(waiting: Waiting): void {
    if (this.#clock.now() < waiting.time) this.#arm(waiting);
    else waiting.callback();
  }

  #putFar(waiting: Waiting): void {
    if (this.#far.size === 0) this.#lookLater();
    this.#far.add(waiting);
    waiting.cancel = () => {
      if (this.#far.delete(waiting) && this.#far.size === 0) this.#cancelLook();
    };
  }

  #lookLater(): void {
    this.#cancelLook();
    this.#cancelLook = this.after(LONGEST_SLEEP_MS, () => this.#look());
  }

  /** Sets timers for what has come near. */
  #look(): void {
    const now = this.#clock.now();
    for (const waiting of this.#far) {
      if (waiting.time - now > LONGEST_SLEEP_MS) continue;
      this.#far.delete(waiting);
      this.#arm(waiting);
    }
    if (this.#far.size > 0) this.#lookLater();
  }
}
