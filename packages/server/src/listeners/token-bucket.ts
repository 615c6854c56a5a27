// What a platform takes per time, as a bucket of tokens: full at first, one taken per message, filled evenly.

export interface Rate {
  messages: number;
  perMs: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  /** `now`: milliseconds since the epoch, as everywhere here. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.messages;
    this.#filledAt = now;
  }

  /** How many messages may be sent now. */
  available(now: number): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  take(count: number): void {
    this.#tokens -= count;
  }

  /** When the next message may be sent. */
  nextAt(now: number): number {
    this.#fill(now);
    const missing = Math.max(0, 1 - this.#tokens);
    return Math.ceil(now + (missing * this.#rate.perMs) / this.#rate.messages);
  }

  #fill(now: number): void {
    const { messages, perMs } = this.#rate;
    const gained = (Math.max(0, now - this.#filledAt) * messages) / perMs;
    this.#tokens = Math.min(this.#tokens + gained, messages);
    this.#filledAt = now;
  }
}
