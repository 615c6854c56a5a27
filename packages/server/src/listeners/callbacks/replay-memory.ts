// Remembers the callbacks of the last minutes, so that one that somebody recorded and sends again is refused. Older
// ones are refused by their time. What a crash of the server forgets, the rule that each person decides once holds.

/** Only verified callbacks are remembered, so this is never reached by people who press buttons. */
const MAX_KNOWN = 100_000;

export class ReplayMemory {
  readonly #known = new Map<string, number>();

  /** Whether it comes for the first time; from then on it is known until `until`. Both in milliseconds since the epoch. */
  isFirst(nonce: string, until: number, now: number): boolean {
    for (const [known, end] of this.#known) {
      // In the order in which they came, which is nearly that of their ends.
      if (end >= now && this.#known.size < MAX_KNOWN) break;
      this.#known.delete(known);
    }
    if (this.#known.has(nonce)) return false;
    this.#known.set(nonce, until);
    return true;
  }
}
