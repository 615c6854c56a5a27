// Spares a target that is down, and everybody's patience: after failures of several messages in a row it is left alone
// for a while, then one message tries. The state lives in memory: a new life of the server tries again at once.
//
//   CLOSED    -- failures of several messages in a row -->  OPEN
//   OPEN      -- its time has passed -->                    HALF_OPEN
//   HALF_OPEN -- the one that tries fails -->               OPEN, for longer
//   any       -- the target answers -->                     CLOSED

export interface BreakerOptions {
  /** So many different messages must fail in a row. */
  failures: number;
  firstOpenMs: number;
  longestOpenMs: number;
  /** From 0 to 1. */
  random: () => number;
}

export const BREAKER: BreakerOptions = {
  failures: 5,
  firstOpenMs: 5_000,
  longestOpenMs: 300_000,
  random: Math.random,
};

export class CircuitBreaker {
  readonly #options: BreakerOptions;
  /** Messages that failed since the target last answered. One that fails again and again says little about it. */
  readonly #failed = new Set<string>();
  #openings = 0;
  #openUntil: number | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Milliseconds since the epoch; undefined while it is closed. */
  get openUntil(): number | undefined {
    return this.#openUntil;
  }

  /** How many more messages may be sent now, when so many are under way. */
  allows(now: number, underWay: number): number {
    if (this.#openUntil === undefined) return Number.POSITIVE_INFINITY;
    return now < this.#openUntil ? 0 : 1 - Math.min(underWay, 1);
  }

  /** The target took or refused a message: it is there. */
  answered(): void {
    this.#failed.clear();
    this.#openings = 0;
    this.#openUntil = undefined;
  }

  /** A message did not arrive. Those that were under way when it opened do not open it for longer. */
  failed(messageId: string, now: number): void {
    this.#failed.add(messageId);
    const isOpen = this.#openUntil !== undefined && now < this.#openUntil;
    const isProbe = this.#openUntil !== undefined && !isOpen;
    if (isOpen || (!isProbe && this.#failed.size < this.#options.failures)) return;
    const { firstOpenMs, longestOpenMs, random } = this.#options;
    const ms = Math.min(firstOpenMs * 2 ** this.#openings, longestOpenMs);
    this.#openings = Math.min(this.#openings + 1, 30);
    this.#failed.clear();
    this.#openUntil = now + ms * (0.75 + random() / 2);
  }

  /** Somebody says that it is mended: the next message may try now. */
  tryNow(now: number): void {
    if (this.#openUntil !== undefined) this.#openUntil = now;
  }
}
