// When deliveries of a target are due later. However many wait, so few times are kept: what is dropped is found again
// by the sweep, or when an earlier one is due.

const MAX_TIMES = 256;

export class DueTimes {
  /** Ascending, milliseconds since the epoch. */
  readonly #times: number[] = [];

  add(time: number): void {
    let index = this.#times.length;
    while (index > 0 && (this.#times[index - 1] as number) > time) index--;
    if (this.#times[index - 1] === time) return;
    this.#times.splice(index, 0, time);
    if (this.#times.length > MAX_TIMES) this.#times.pop();
  }

  get first(): number | undefined {
    return this.#times[0];
  }

  /** Drops those that have come, and says whether there were any. */
  take(now: number): boolean {
    let count = 0;
    while (count < this.#times.length && (this.#times[count] as number) <= now) count++;
    this.#times.splice(0, count);
    return count > 0;
  }
}
