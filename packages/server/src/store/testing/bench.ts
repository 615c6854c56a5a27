// What the parts of the store's conformance suite work with.

import type { Store } from "../store.ts";

/** A database, empty at first, that outlives the stores that are opened on it. */
export interface Database {
  /** Several stores may be open at once, as with several servers. */
  open(): Promise<Store>;
  dispose(): Promise<void>;
}

export interface TestClock {
  /** Milliseconds since the epoch; a test moves it. */
  now: number;
}

/** What a test of a part works with; made anew for each test. */
export interface Bench {
  readonly clock: TestClock;
  readonly store: Store;
  /** Another store on the same database, closed with the test. */
  another(): Promise<Store>;
}
