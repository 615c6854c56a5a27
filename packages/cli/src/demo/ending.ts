// How the demo is asked to end: by a signal, of which the same one may come twice at once (from the terminal and
// from npm). Asked again while it winds down, it ends there and then.

const SAME_SIGNAL_MS = 500;

/** What a process that a signal ended exits with. */
const ENDED_BY_SIGNAL = 130;

export class Ending {
  readonly #asked = new AbortController();
  #askedAt = Number.POSITIVE_INFINITY;
  #listensToInterrupt = false;

  constructor() {
    process.on("SIGTERM", this.#ask);
    process.on("SIGHUP", this.#ask);
  }

  get signal(): AbortSignal {
    return this.#asked.signal;
  }

  /** From now on Ctrl-C ends the demo; before, it is for whoever watches the run. */
  listenToInterrupt(): void {
    if (this.#listensToInterrupt) return;
    this.#listensToInterrupt = true;
    process.on("SIGINT", this.#ask);
  }

  /** Resolves once the demo is asked to end. */
  async asked(): Promise<void> {
    if (this.signal.aborted) return;
    await new Promise((resolve) => this.signal.addEventListener("abort", resolve, { once: true }));
  }

  readonly #ask = (): void => {
    const now = performance.now();
    if (!this.signal.aborted) {
      this.#askedAt = now;
      this.#asked.abort();
    } else if (now - this.#askedAt > SAME_SIGNAL_MS) {
      process.exit(ENDED_BY_SIGNAL);
    }
  };

  /** Signals are for others again. */
  close(): void {
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.off(signal, this.#ask);
  }
}
