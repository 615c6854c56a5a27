// Who may create a Job in a cluster now: at most so many tasks at once, and so many creations per second. Who comes first
// goes first.

interface Waiting {
  key: string;
  go(): void;
}

export interface Limits {
  /** Tasks at once. */
  maxTasks: number;
  /** Jobs created per second. */
  createRate: number;
}

export class Admission {
  #limits: Limits;
  readonly #holders = new Set<string>();
  #waiting: Waiting[] = [];
  #tokens: number;
  #filledAt: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #now: () => number;

  constructor(limits: Limits, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
    this.#tokens = limits.createRate;
    this.#filledAt = now();
  }

  set limits(limits: Limits) {
    this.#limits = limits;
    this.#tokens = Math.min(this.#tokens, limits.createRate);
    this.#serve();
  }

  /** Tasks that hold a place. */
  get held(): number {
    return this.#holders.size;
  }

  /** Nobody holds a place or waits for one. */
  get isIdle(): boolean {
    return this.#holders.size === 0 && this.#waiting.length === 0;
  }

  /** Tasks that wait for a place. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a place without asking: its Job exists already. */
  hold(key: string): void {
    this.#holders.add(key);
  }

  /** Takes a place when there is one now and nobody waits; answers whether it did. */
  tryEnter(key: string): boolean {
    if (this.#holders.has(key)) return true;
    if (this.#waiting.length > 0 || !this.#takeToken()) return false;
    this.#holders.add(key);
    return true;
  }

  /** Calls back once, when a place was taken for it. */
  enterLater(key: string, go: () => void): void {
    this.#waiting.push({ key, go });
    this.#serve();
  }

  /** Gives the place back, or leaves the line. */
  leave(key: string): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.key !== key);
    this.#holders.delete(key);
    this.#serve();
  }

  /** One sentence for who waits; undefined when it does not wait. */
  waitingFor(key: string): string | undefined {
    const place = this.#waiting.findIndex((waiting) => waiting.key === key);
    if (place === -1) return undefined;
    const { maxTasks, createRate } = this.#limits;
    const why =
      this.#holders.size >= maxTasks
        ? `one of ${maxTasks} places`
        : `its turn at ${createRate} Jobs per second`;
    return `waits for ${why} in the cluster; ${place} before it in line`;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#takeToken()) {
      const { key, go } = this.#waiting.shift() as Waiting;
      this.#holders.add(key);
      go();
    }
    if (this.#waiting.length > 0 && this.#holders.size < this.#limits.maxTasks) this.#serveLater();
  }

  #serveLater(): void {
    clearTimeout(this.#timer);
    const ms = Math.ceil(((1 - this.#tokens) * 1000) / this.#limits.createRate);
    this.#timer = setTimeout(() => this.#serve(), Math.max(ms, 1));
  }

  #takeToken(): boolean {
    const { maxTasks, createRate } = this.#limits;
    const now = this.#now();
    this.#tokens = Math.min(createRate, this.#tokens + ((now - this.#filledAt) * createRate) / 1000);
    this.#filledAt = now;
    if (this.#holders.size >= maxTasks || this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
