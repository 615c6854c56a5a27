// What terminals leave in a cluster, and how it goes: tried until it is gone, because a cluster may be away when a session
// ends, and when a server starts that is to remove what one that died left. Which sessions are of this process is told by
// their names: clocks of clusters and servers differ.

import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { COPY_LIFE_SECONDS } from "./debug-pod.ts";

/** All in milliseconds. */
export interface CleanUpPace {
  /** Before the second try; then twice as long each time. */
  firstBackoffMs: number;
  /** Who ends a session waits no longer; it goes on without them. */
  patienceMs: number;
}

const PACE: CleanUpPace = { firstBackoffMs: 200, patienceMs: 10_000 };
const MAX_BACKOFF_MS = 60_000;
/** A cluster that is away for longer, e.g. because it was deleted, is left: by then a copy has ended by itself. */
const LONGEST_MS = COPY_LIFE_SECONDS * 1000;

export class CleanUps {
  readonly #warn: (message: string) => void;
  readonly #pace: CleanUpPace;
  /** Begins the name of each session of this process. */
  readonly #life = randomBytes(4).toString("hex");
  readonly #closing = new AbortController();

  constructor(warn: (message: string) => void, pace: CleanUpPace = PACE) {
    this.#warn = warn;
    this.#pace = pace;
  }

  /** Names a session: lower-case letters and digits. */
  newSession(): string {
    return this.#life + randomBytes(8).toString("hex");
  }

  /** Whether it is a session of this process, not one that an earlier life left. */
  isOwn(session: string): boolean {
    return session.startsWith(this.#life);
  }

  /**
   * Calls `step` until it does not reject, or until `close`. Resolves then, or when somebody has waited for long enough;
   * never rejects. `what` names for the log what is to go.
   */
  async run(what: string, step: () => Promise<void>): Promise<void> {
    const over = new AbortController();
    const waited = setTimeout(this.#pace.patienceMs, undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([this.#untilDone(what, step), waited]);
    over.abort();
  }

  /** Tries nothing again any more: what is left is for the next life. */
  close(): void {
    this.#closing.abort();
  }

  async #untilDone(what: string, step: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    const end = Date.now() + LONGEST_MS;
    for (let backoff = this.#pace.firstBackoffMs; ; backoff = Math.min(backoff * 2, MAX_BACKOFF_MS)) {
      try {
        return await step();
      } catch (error) {
        if (signal.aborted || Date.now() > end) return;
        if (backoff === this.#pace.firstBackoffMs)
          this.#warn(`${what}: ${(error as Error).message}; it is tried again until it succeeds`);
      }
      await setTimeout(backoff, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
    }
  }
}
