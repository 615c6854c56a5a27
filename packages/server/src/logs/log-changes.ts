// Wakes those who wait for a log to change. In this process only: whoever writes a log is in it too.

/** A change to come. Made before looking at the log, so that no change between looking and waiting is missed. */
export interface ExpectedChange {
  /** Resolves with the change, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  /** To be called when it is not needed any more. */
  cancel(): void;
}

export class LogChanges {
  readonly #expected = new Map<string, Set<() => void>>();

  expect(key: string): ExpectedChange {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#expected.get(key) ?? new Set();
    this.#expected.set(key, waiting.add(resolve));
    const wake = () => resolve();
    return {
      wait: async (signal) => {
        if (signal.aborted) return;
        signal.addEventListener("abort", wake);
        try {
          await promise;
        } finally {
          signal.removeEventListener("abort", wake);
        }
      },
      cancel: () => {
        waiting.delete(resolve);
        if (waiting.size === 0 && this.#expected.get(key) === waiting) this.#expected.delete(key);
      },
    };
  }

  notify(key: string): void {
    const waiting = this.#expected.get(key);
    this.#expected.delete(key);
    for (const wake of waiting ?? []) wake();
  }

  notifyAll(): void {
    for (const key of [...this.#expected.keys()]) this.notify(key);
  }
}
