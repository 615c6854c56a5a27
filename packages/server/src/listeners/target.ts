// What the dispatcher knows of a target: when something may be due, how much is under way, and what holds it back.

import type { AttemptResult } from "./attempt.ts";
import type { TargetLimits } from "./channel.ts";
import { type BreakerOptions, CircuitBreaker } from "./circuit-breaker.ts";
import { DueTimes } from "./due-times.ts";
import { TokenBucket } from "./token-bucket.ts";

/** When to look again, and whether something may be sent now. */
export type Turn = { send: number } | { lookAt: number } | "wait";

export interface TargetTiming {
  breaker: BreakerOptions;
  /** The first rest of a target that has had too many and did not say for how long, milliseconds. */
  firstRestMs: number;
}

const LONGEST_REST_MS = 60_000;

export class Target {
  readonly name: string;
  readonly breaker: CircuitBreaker;
  readonly later = new DueTimes();
  /** Something may be due now. */
  hasDue = false;
  isPaused = false;
  underWay = 0;
  /** A claim is being made; two at once would exceed what may be under way. */
  isClaiming = false;
  /** The place has had too many; nothing is sent before, milliseconds since the epoch. */
  restsUntil = 0;
  /** Cancels the timer. */
  cancelTimer: (() => void) | undefined;
  readonly #firstRestMs: number;
  /** How often it had too many in a row. */
  #rests = 0;
  #limits: TargetLimits | undefined;
  #bucket: TokenBucket | undefined;

  constructor(name: string, timing: TargetTiming) {
    this.name = name;
    this.breaker = new CircuitBreaker(timing.breaker);
    this.#firstRestMs = timing.firstRestMs;
  }

  /** Notes how much it takes, which its kind of channel says; answers whether that is new. */
  limit(limits: TargetLimits, now: number): boolean {
    if (this.#limits === limits) return false;
    this.#limits = limits;
    this.#bucket = limits.rate && new TokenBucket(limits.rate, now);
    return true;
  }

  /** What is to be done now; `send`: at most so many. */
  turn(now: number): Turn {
    if (this.isPaused) return "wait";
    if (this.later.take(now)) this.hasDue = true;
    if (!this.hasDue) return this.later.first === undefined ? "wait" : { lookAt: this.later.first };
    const { openUntil } = this.breaker;
    if (openUntil !== undefined && now < openUntil) return { lookAt: openUntil };
    if (now < this.restsUntil) return { lookAt: this.restsUntil };
    const free = Math.min(
      (this.#limits?.concurrency ?? 1) - this.underWay,
      this.breaker.allows(now, this.underWay),
    );
    // What is under way looks again when it is done.
    if (free <= 0) return "wait";
    const tokens = this.#bucket?.available(now) ?? Number.POSITIVE_INFINITY;
    if (tokens <= 0) return { lookAt: this.#bucket?.nextAt(now) ?? now };
    return { send: Math.min(free, tokens) };
  }

  /** So many are sent now. */
  took(count: number): void {
    this.underWay += count;
    this.#bucket?.take(count);
  }

  /** A message took so many requests more than the one that it was reckoned at. */
  tookMore(count: number): void {
    if (count > 0) this.#bucket?.take(count);
  }

  /** What an attempt says of the target, not of the message. */
  heard(result: Exclude<AttemptResult, { state: "ABORTED" }>, messageId: string, now: number): void {
    if (result.state === "RETRY") this.breaker.failed(messageId, now);
    else this.breaker.answered();
    if (result.state !== "LIMITED") {
      this.#rests = 0;
      return;
    }
    const own = Math.min(this.#firstRestMs * 2 ** this.#rests, LONGEST_REST_MS);
    this.#rests = Math.min(this.#rests + 1, 16);
    // A place may name no time at all, or zero, which would be asked again at once and for ever.
    this.restsUntil = now + Math.max(result.retryAfterMs ?? 0, own);
  }

  /** Whether all that is known of it would be found again. */
  isForgettable(now: number): boolean {
    const isHeld = this.isPaused || now < (this.breaker.openUntil ?? 0) || now < this.restsUntil;
    return !isHeld && !this.isBusy;
  }

  /** Whether it waits for anything but being resumed. */
  get isBusy(): boolean {
    return this.underWay > 0 || (!this.isPaused && (this.hasDue || this.later.first !== undefined));
  }
}
