// What the catalogue of jobs, pipelines and schedules works with, and the one way in which it writes.

import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { CatalogChange, CatalogStore, RunStore } from "../store/store.ts";

/** Seals sensitive values before they are stored. */
export interface Vault {
  /** Leaves a sealed text alone. */
  seal(plain: string): string;
  /** Throws SECRET_KEY_UNKNOWN when it cannot. */
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
  /** HMAC of a sensitive value, to compare values that must not be told. */
  fingerprint(plain: string): string;
}

export interface CatalogContext {
  store: CatalogStore;
  runs: Pick<RunStore, "listRuns">;
  vault: Vault;
  newId(prefix: string): string;
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
  /** Hears of every event that the catalogue wrote. */
  announce(events: HistoryEvent[]): void;
  /** Is told of what was written, for those who work with records of the catalogue in memory. */
  written?(changes: readonly CatalogChange[]): void;
}

/** What one request does to the catalogue, and its answer. */
export interface Plan<T> {
  changes: CatalogChange[];
  history: NewHistoryEvent[];
  answer: T;
}

const TRIES = 3;

/**
 * Reads, decides and writes: `decide` reads what it needs and plans the changes. When somebody else was faster,
 * it is asked again. Rejects with what `decide` or the store rejects with; then nothing was written.
 */
export async function change<T>(context: CatalogContext, decide: () => Promise<Plan<T>>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const { changes, history, answer } = await decide();
    if (changes.length === 0) return answer;
    try {
      context.announce(await context.store.commit(changes, history));
      context.written?.(changes);
      return answer;
    } catch (error) {
      const raced =
        error instanceof MflowError && (error.code === "STALE_REVISION" || error.code === "NAME_TAKEN");
      if (!raced || tries === TRIES) throw error;
    }
  }
}
