// One key or gate of the admission: who holds it, who is parked at it, and in which order.

import type { Closure, Need } from "@mflow/core/admission";
import { OrderedHeap } from "./ordered-heap.ts";

/** What somebody waits for, and their place among others. */
export interface Claim {
  /** Keys that nobody holds, and that may be closed: pauses. */
  gates: readonly string[];
  needs: readonly Need[];
  /** Higher goes first. */
  priority: number;
  /** RFC 3339; within a priority the earlier goes first, and of the same time the smaller id. */
  since: string;
}

export interface Waiter {
  readonly id: string;
  readonly aggregateId: string;
  readonly claim: Claim;
  readonly line: Line;
  /** How often it was looked at in vain. */
  misses: number;
}

/** Those who wait for the same keys: when the first of them cannot go, none can. */
export interface Line {
  readonly signature: string;
  readonly gates: readonly string[];
  readonly needs: readonly Need[];
  readonly waiters: OrderedHeap<Waiter>;
  /** Where it is parked. */
  spot: Spot;
}

/** Who goes first: higher priority, then who came first. */
export function isBefore(a: Waiter, b: Waiter): boolean {
  if (a.claim.priority !== b.claim.priority) return a.claim.priority > b.claim.priority;
  if (a.claim.since !== b.claim.since) return a.claim.since < b.claim.since;
  return a.id < b.id;
}

/** How many may hold a key while this one does. */
export function limitFor({ line }: Waiter, key: string): number {
  return line.needs.find((need) => need.key === key)?.limit ?? Number.POSITIVE_INFINITY;
}

export class Spot {
  readonly key: string;
  /** Their own limits by the ids of those who hold it. */
  readonly holders = new Map<string, number>();
  /** Ids of all who wait and need it, wherever they are parked, in order of arrival. */
  readonly needers = new Set<string>();
  /** Lines that are parked here, by their first. */
  readonly lines = new OrderedHeap<Line>((a, b) =>
    isBefore(a.waiters.first as Waiter, b.waiters.first as Waiter),
  );
  /** Those who were looked at in vain so often that a place is kept for each of them from those behind. */
  readonly insistent = new OrderedHeap<Waiter>(isBefore);
  closure: Closure | undefined;
  /** What admins allow. */
  max = Number.POSITIVE_INFINITY;
  /** How many holders have each limit. */
  readonly #limits = new Map<number, number>();
  #places: Map<string, number> | undefined;

  constructor(key: string) {
    this.key = key;
  }

  hold(id: string, limit = Number.POSITIVE_INFINITY): void {
    if (this.holders.get(id) === limit) return;
    this.letGo(id);
    this.holders.set(id, limit);
    this.#limits.set(limit, (this.#limits.get(limit) ?? 0) + 1);
  }

  /** Whether it was held. */
  letGo(id: string): boolean {
    const limit = this.holders.get(id);
    if (limit === undefined) return false;
    this.holders.delete(id);
    const same = (this.#limits.get(limit) as number) - 1;
    if (same > 0) this.#limits.set(limit, same);
    else this.#limits.delete(limit);
    return true;
  }

  /** How many may hold it: the least of what its holders and admins allow. */
  get limit(): number {
    if (this.closure) return 0;
    let least = this.max;
    for (const limit of this.#limits.keys()) if (limit < least) least = limit;
    return least;
  }

  /** Whether anybody could take it now. */
  get hasRoom(): boolean {
    return this.holders.size < this.limit;
  }

  /** Whether a waiter may take it: there is room by all limits, also for those before them who insist. */
  admits(waiter: Waiter, limit = Number.POSITIVE_INFINITY): boolean {
    const { kept, least } = this.keptFor((insistent) => insistent !== waiter && isBefore(insistent, waiter));
    return this.holders.size + kept < Math.min(this.limit, limit, least);
  }

  /** How many places are kept for those who insist and are ahead, and the least that these allow. */
  keptFor(isAhead: (insistent: Waiter) => boolean): { kept: number; least: number } {
    let kept = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const insistent of this.insistent) {
      if (!isAhead(insistent)) continue;
      kept++;
      least = Math.min(least, limitFor(insistent, this.key));
    }
    return { kept, least };
  }

  park(line: Line): void {
    line.spot = this;
    this.lines.add(line);
    this.#places = undefined;
  }

  unpark(line: Line): void {
    this.lines.delete(line);
    this.#places = undefined;
  }

  /** How many of those parked here are before this one. */
  placeOf(id: string): number {
    this.#places ??= new Map(
      [...this.lines]
        .flatMap((line) => [...line.waiters])
        .sort((a, b) => (isBefore(a, b) ? -1 : 1))
        .map((waiter, place) => [waiter.id, place]),
    );
    return this.#places.get(id) ?? 0;
  }

  /** Whether nothing has to be remembered of it. */
  get isIdle(): boolean {
    return (
      this.holders.size === 0 &&
      this.needers.size === 0 &&
      this.lines.size === 0 &&
      this.closure === undefined &&
      this.max === Number.POSITIVE_INFINITY
    );
  }
}
