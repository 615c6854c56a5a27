// Time as the server sees it, so that scenarios can run in virtual time. Who waits for a time sets `Timers`.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`, from 0 to 24.8 days, the longest of Node's timers, or a moment before; the answer cancels. */
  setTimeout(callback: () => void, ms: number): () => void;
}

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
