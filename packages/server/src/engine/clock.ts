// Time as the server sees it, so that scenarios can run in virtual time. Who waits for a time sets `Timers`.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`, from 0 to `MAX_DELAY_MS`, or a moment before; the answer cancels. */
  setTimeout(callback: () => void, ms: number): () => void;
}

/** Longest delay that Node's timers take, milliseconds: 24.8 days. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
