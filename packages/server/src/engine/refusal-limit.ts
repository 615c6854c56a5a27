// Bounds how many refusals join the decision record, which nobody can clear: whoever tries again and again must not
// fill it. The first of each minute get rows; the others are counted.

const WINDOW_MS = 60_000;

interface Window {
  /** Milliseconds since the epoch. */
  until: number;
  rows: number;
  left: number;
}

/** Told of refusals that get no row. */
export interface Overflow {
  began(): void;
  /** At the end of the minute: how many there were. */
  ended(count: number): void;
}

export class RefusalLimit {
  readonly #rows: number;
  /** The oldest first. */
  readonly #windows = new Map<string, Window>();

  /** `rows`: a minute, of each who tries. */
  constructor(rows: number) {
    this.#rows = rows;
  }

  /** Whether one more of `who` gets a row. */
  take(who: string, now: number, overflow: Overflow): boolean {
    const window = this.#window(who, now);
    if (window.rows < this.#rows) {
      window.rows++;
      return true;
    }
    if (window.left++ === 0) {
      overflow.began();
      setTimeout(() => overflow.ended(window.left), window.until - now).unref();
    }
    return false;
  }

  #window(who: string, now: number): Window {
    const known = this.#windows.get(who);
    if (known && now < known.until) return known;
    this.#windows.delete(who);
    for (const [name, { until }] of this.#windows) {
      if (now < until) break;
      this.#windows.delete(name);
    }
    const window = { until: now + WINDOW_MS, rows: 0, left: 0 };
    this.#windows.set(who, window);
    return window;
  }

  /** Of how many something is remembered. */
  get size(): number {
    return this.#windows.size;
  }
}
