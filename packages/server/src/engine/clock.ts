// Time as the engine sees it, so that scenarios can run in virtual time.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `ms`; the answer cancels. */
  setTimeout(callback: () => void, ms: number): () => void;
}

/** Longest delay that Node's timers take, milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** The machine's time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), MAX_DELAY));
    return () => clearTimeout(timer);
  },
};
