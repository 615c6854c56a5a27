// Work that is done again and again in the background: round after round, never two at once. A round begins at the
// start, so often, and soon after a wake. Starting or stopping twice does nothing; a stop waits for the round under way,
// which is told by its signal to end after its present portion.

import type { Clock } from "../engine/clock.ts";
import { Timers } from "../engine/timers.ts";

export interface RoundsParts {
  clock: Clock;
  /** Time between rounds, milliseconds. */
  everyMs: number;
  /** A wake waits so long for others, milliseconds. */
  soonMs: number;
  /** `isWoken`: it comes of a wake, not of time. What it throws is told, and does not end the rounds. */
  round(signal: AbortSignal, isWoken: boolean): Promise<void>;
  failed(error: unknown): void;
}

export class Rounds {
  readonly #parts: RoundsParts;
  readonly #timers: Timers;
  #stopping: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  /** The one under way. */
  #round: Promise<void> | undefined;
  #isWoken = false;
  /** When the next round that is not woken is due, milliseconds since the epoch. */
  #dueAt = 0;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    this.#dueAt = this.#parts.clock.now();
    this.#arm(this.#dueAt);
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#round;
  }

  /** There is something to do. */
  wake(): void {
    if (!this.#stopping || this.#isWoken) return;
    this.#isWoken = true;
    if (!this.#round) this.#armNext();
  }

  #armNext(): void {
    const { clock, soonMs } = this.#parts;
    this.#arm(this.#isWoken ? Math.min(this.#dueAt, clock.now() + soonMs) : this.#dueAt);
  }

  #arm(time: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#timers.at(time, () => {
      this.#cancelTimer = undefined;
      this.#begin();
    });
  }

  #begin(): void {
    const { clock, everyMs, round, failed } = this.#parts;
    const stopping = this.#stopping;
    // One that was stopped just before a start still ends its portion.
    if (!stopping || this.#round) return;
    const isDue = clock.now() >= this.#dueAt;
    if (isDue) this.#dueAt = clock.now() + everyMs;
    this.#isWoken = false;
    this.#round = round(stopping.signal, !isDue)
      .catch(failed)
      .finally(() => {
        this.#round = undefined;
        if (this.#stopping) this.#armNext();
      });
  }
}
