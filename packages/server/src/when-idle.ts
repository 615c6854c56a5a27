// A server that ends when idle (`--idle-exit`): when that is.

import { systemClock } from "./engine/clock.ts";
import { Timers } from "./engine/timers.ts";

/** What may keep a server from ending. */
export interface Occupation {
  /** Whether something is under way or to come. */
  busy(): boolean;
  /** Calls back at least whenever it has ceased to be busy; the answer ends that. */
  watch(watcher: () => void): () => void;
}

/**
 * Calls back once when nothing was busy for a while, milliseconds; woken by what ceases, so that an idle server uses no
 * CPU. The answer ends that.
 */
export function whenIdle(
  occupations: readonly Occupation[],
  idleMs: number,
  callback: () => void,
  clock = systemClock,
): () => void {
  const timers = new Timers(clock);
  let cancel = () => {};
  const busy = () => occupations.some((each) => each.busy());
  const check = () => {
    cancel();
    if (!busy()) cancel = timers.at(clock.now() + idleMs, () => (busy() ? undefined : callback()));
  };
  const unwatch = occupations.map((each) => each.watch(check));
  check();
  return () => {
    timers.close();
    for (const each of unwatch) each();
  };
}
