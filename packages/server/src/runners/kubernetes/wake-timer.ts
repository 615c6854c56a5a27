// One timer for all times at which somebody wants to look again.

/** Node's timers cannot run for longer, milliseconds: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

export class WakeTimer {
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Wakes at a time, milliseconds since the epoch, or before; of several times the first counts, and the others are asked for again then. */
  at(time: number): void {
    if (time >= this.#wakesAt) return;
    clearTimeout(this.#timer);
    this.#wakesAt = time;
    const ring = () => {
      this.#wakesAt = Number.POSITIVE_INFINITY;
      this.#wake();
    };
    this.#timer = setTimeout(ring, Math.min(Math.max(time - Date.now(), 0) + 1, LONGEST_MS));
    this.#timer.unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
