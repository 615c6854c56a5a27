// What time brings: artifacts whose retention is over and caches that nobody used are removed, and bytes that a crash left
// without a row. One timer for all.

import type { ArtifactRows } from "../store/store.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Caches } from "./caches.ts";

/** Longest time between two looks. */
const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
/** Bytes may come in for so long before they have a row. */
const STRANGER_MS = DAY_MS;
const AT_ONCE = 1000;

export interface SweepParts {
  artifacts: Artifacts;
  caches: Caches;
  rows: Pick<ArtifactRows, "nextExpiry" | "strangers">;
  bytes: ArtifactStore;
  /** Milliseconds since the epoch. */
  now(): number;
  warn(message: string, error: unknown): void;
}

export class ArtifactSweep {
  readonly #parts: SweepParts;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #isAgain = false;
  #strangersAt = 0;
  #isClosed = false;

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Looks now, and from then on whenever something is due. */
  start(): void {
    if (this.#isClosed) return;
    this.#isAgain = true;
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
  }

  /** Something expires that did not before. */
  rearm(): void {
    if (!this.#sweeping) void this.#wait();
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { artifacts, caches, now, warn } = this.#parts;
    while (this.#isAgain && !this.#isClosed) {
      this.#isAgain = false;
      try {
        await artifacts.removeExpired();
        await caches.trim();
        if (now() >= this.#strangersAt) {
          await this.#removeStrangers();
          this.#strangersAt = now() + DAY_MS;
        }
      } catch (error) {
        warn("artifacts or caches that are due could not be removed", error);
      }
    }
    await this.#wait();
  }

  async #wait(): Promise<void> {
    const { rows, now } = this.#parts;
    const due = await rows.nextExpiry().catch(() => undefined);
    if (this.#isClosed) return;
    const ms = due === undefined ? HOUR_MS : Math.min(Math.max(due - now(), 1000), HOUR_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), ms);
    this.#timer.unref();
  }

  /** A row is written within the day after its bytes. */
  async #removeStrangers(): Promise<void> {
    const { bytes, now, warn } = this.#parts;
    let old: string[] = [];
    for (const prefix of ["artifacts/", "caches/"]) {
      // Keys of a bucket that may do the rest may lack the right to this.
      await bytes.removeUnfinished?.(prefix, now() - STRANGER_MS).catch((error: unknown) => {
        warn("what was half sent to the store of artifacts could not be removed", error);
      });
      for await (const { key, storedAt } of bytes.list(prefix)) {
        if (this.#isClosed) return;
        if (storedAt > now() - STRANGER_MS) continue;
        old.push(key);
        if (old.length === AT_ONCE) {
          await this.#removeUnknown(old);
          old = [];
        }
      }
    }
    await this.#removeUnknown(old);
  }

  async #removeUnknown(keys: string[]): Promise<void> {
    if (keys.length === 0) return;
    for (const key of await this.#parts.rows.strangers(keys)) await this.#parts.bytes.remove(key);
  }
}
