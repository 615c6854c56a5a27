// Who may start in a decision under way: what the engine counted, and what the decision itself has taken and let go
// since.

import type { AdmissionView, Need } from "../admission.ts";

export class DraftAdmission {
  readonly #view: AdmissionView;
  /** Taken less let go, by key. */
  readonly #balance = new Map<string, number>();
  /** The least limit of those who took a key. */
  readonly #limits = new Map<string, number>();

  constructor(view: AdmissionView) {
    this.#view = view;
  }

  /** Whether all gates are open and all keys have room, for one that does not wait yet. */
  admits(gates: readonly string[], needs: readonly Need[], priority: number): boolean {
    return (
      gates.every((gate) => this.#view.holding(gate, priority).limit > 0) &&
      needs.every(({ key, limit = Number.POSITIVE_INFINITY }) => {
        const holding = this.#view.holding(key, priority);
        const most = Math.min(limit, holding.limit, this.#limits.get(key) ?? Number.POSITIVE_INFINITY);
        return holding.held + (this.#balance.get(key) ?? 0) < most;
      })
    );
  }

  take(needs: readonly Need[]): void {
    for (const { key, limit = Number.POSITIVE_INFINITY } of needs) {
      this.#balance.set(key, (this.#balance.get(key) ?? 0) + 1);
      this.#limits.set(key, Math.min(limit, this.#limits.get(key) ?? Number.POSITIVE_INFINITY));
    }
  }

  /** What is let go may be taken again in the same decision, unless others wait for it. */
  letGo(needs: readonly Need[], priority: number): void {
    for (const { key } of needs) {
      if (this.#view.holding(key, priority).isAwaited) continue;
      this.#balance.set(key, (this.#balance.get(key) ?? 0) - 1);
    }
  }
}
