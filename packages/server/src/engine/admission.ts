// Who may go on, and who waits for what: one count for sequence locks, groups, limits, task slots and pauses. All of it
// is derived from rows, so that no crash can leak a place: `note` says how a run or task stands, and the count follows.
//
// The rule. A claimant goes when all its gates are open and each of its keys has room: fewer hold the key than each of
// its holders, the claimant and the admins allow. Else it is parked at the first key that is in its way, and nothing
// looks at it until that key gets room. Then those who are parked there are looked at in their order (higher priority
// first, then who came first); one that another key keeps is parked there, and those behind it may go before it. One
// that was looked at in vain `PATIENCE` times insists: those behind it leave it a place of each of its keys until it has
// gone, so that it is not starved by those who need less. Of those who insist the first waits for holders alone, so they
// cannot keep each other waiting. While one of its gates is closed nobody insists.
//
// Those who wait for the same keys make one line, and a line is parked as a whole: a thousand runs that wait for one
// lock cost no more than one, wherever else something happens.

import {
  type AdmissionView,
  type CircleStep,
  type Closure,
  type Holding,
  MAX_HOLDERS,
  type Need,
  type Wait,
} from "@mflow/core/admission";
import { type Claim, isBefore, type Line, Spot, type Waiter } from "./admission-spot.ts";
import { OrderedHeap } from "./ordered-heap.ts";
import { findWaitCircle } from "./wait-circle.ts";

export type { Claim } from "./admission-spot.ts";

/** How a run or task stands. */
export interface Standing {
  aggregateId: string;
  /** Keys that it holds. */
  holds: readonly Need[];
  /** What it waits for. */
  waits?: Claim;
  /** Of a run that is the work of a task: that task, which has not ended before it has. */
  parent?: string | undefined;
}

/** Whose turn it is. */
export interface Turn {
  id: string;
  aggregateId: string;
}

export const PATIENCE = 16;

interface Entry {
  readonly aggregateId: string;
  readonly parent?: string | undefined;
  /** What its row says. */
  holds: readonly Need[];
  /** What it is counted for: what it holds, and what is kept for it once its turn has come. */
  counted: readonly Need[];
  waits?: Claim;
  /** While it is in a line. */
  waiter?: Waiter;
}

const NONE: readonly Need[] = [];

export class Admission implements AdmissionView {
  readonly #entries = new Map<string, Entry>();
  readonly #spots = new Map<string, Spot>();
  readonly #lines = new Map<string, Line>();
  readonly #insistent = new Set<Waiter>();
  /** Spots at which room may have come. */
  readonly #dirty = new Set<Spot>();
  /** Somebody has been parked since circles were looked for. */
  #mayCircle = false;

  /** Takes note of how a run or task stands now; undefined when it neither holds nor waits. */
  note(id: string, standing?: Standing): void {
    const before = this.#entries.get(id);
    const holds = standing?.holds ?? NONE;
    const waits = standing?.waits;
    if (!before && holds.length === 0 && !waits) return;
    const { aggregateId = id, parent } = standing ?? {};
    const entry: Entry = before ?? { aggregateId, parent, holds: NONE, counted: NONE };
    this.#entries.set(id, entry);
    const isSame = entry.waits !== undefined && waits !== undefined && isSameClaim(entry.waits, waits);
    if (entry.waits && !isSame) this.#leave(id, entry);
    entry.holds = holds;
    const isGranted = isSame && entry.waiter === undefined;
    this.#count(id, entry, isGranted ? [...holds, ...waits.needs] : holds);
    if (waits && !isSame) this.#join(id, entry, waits);
    if (entry.counted.length === 0 && !entry.waits) this.#entries.delete(id);
  }

  /** What was decided for one whose turn had come stands: if it still waits, it is back in line. */
  answered(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry?.waits || entry.waiter) return;
    const { waits } = entry;
    this.#leave(id, entry);
    this.#count(id, entry, entry.holds);
    this.#join(id, entry, waits);
  }

  /** Sets what admins allow for a key; undefined: no limit. */
  setLimit(key: string, max: number | undefined): void {
    const spot = this.#spot(key);
    spot.max = max ?? Number.POSITIVE_INFINITY;
    this.#touch(spot);
  }

  /** Closes a gate: nobody behind it goes on. What goes on already does. */
  close(key: string, closure: Closure): void {
    const spot = this.#spot(key);
    spot.closure = closure;
    for (const waiter of [...this.#insistent]) if (waiter.line.gates.includes(key)) this.#calm(waiter);
  }

  open(key: string): void {
    const spot = this.#spots.get(key);
    if (!spot?.closure) return;
    spot.closure = undefined;
    this.#touch(spot);
  }

  /** Those whose turn has come now, in order. All they need is kept for them until `note` or `answered`. */
  grant(): Turn[] {
    const turns: Turn[] = [];
    while (this.#dirty.size > 0) {
      const spots = [...this.#dirty];
      this.#dirty.clear();
      this.#settle(spots, turns);
      for (const spot of spots) this.#forgetIdle(spot);
    }
    return turns;
  }

  /** Whether somebody may have come to wait in a circle since it was last looked for one. */
  get mayCircle(): boolean {
    return this.#mayCircle;
  }

  /**
   * Looks for those who wait for each other for ever, and answers who of them has to give up. A circle that is there only
   * because somebody insists is opened.
   */
  findCircle(): Turn | undefined {
    this.#mayCircle = false;
    for (;;) {
      const circle = this.#circle();
      if (!circle) return undefined;
      if ("giveUp" in circle) return { id: circle.giveUp.id, aggregateId: circle.giveUp.aggregateId };
      this.#calm(circle.calm);
    }
  }

  circleOf(id: string): CircleStep[] | undefined {
    const circle = this.#circle();
    return circle && "giveUp" in circle && circle.giveUp.id === id ? circle.steps : undefined;
  }

  #circle() {
    return findWaitCircle({ parties: this.#entries, spots: this.#spots });
  }

  isGranted(id: string): boolean {
    const entry = this.#entries.get(id);
    if (!entry?.waits || entry.waiter) return false;
    return entry.waits.gates.every((gate) => this.#spots.get(gate)?.closure === undefined);
  }

  holding(key: string, priority: number): Holding {
    const spot = this.#spots.get(key);
    if (!spot) return { held: 0, limit: Number.POSITIVE_INFINITY, isAwaited: false };
    const { kept, least } = spot.keptFor((insistent) => insistent.claim.priority >= priority);
    // Room that has just come is for those who are parked here; they are looked at after this commit.
    const isForOthers = spot.lines.size > 0 && this.#dirty.has(spot);
    return {
      held: spot.holders.size + kept,
      limit: isForOthers ? 0 : Math.min(spot.limit, least),
      isAwaited: spot.lines.size > 0 || spot.insistent.size > 0,
    };
  }

  /** What keeps this one waiting; undefined when it does not wait, or its turn has just come. */
  waitOf(id: string): Wait | undefined {
    const waiter = this.#entries.get(id)?.waiter;
    if (!waiter) return undefined;
    const { spot, needs } = waiter.line;
    const own = needs.find(({ key }) => key === spot.key)?.limit ?? Number.POSITIVE_INFINITY;
    const limit = Math.min(own, spot.limit);
    const wait: Wait = {
      key: spot.key,
      holders: [...spot.holders.keys()].slice(0, MAX_HOLDERS),
      held: spot.holders.size,
      place: spot.placeOf(id),
      since: waiter.claim.since,
    };
    if (spot.closure) wait.closure = spot.closure;
    else if (limit < Number.POSITIVE_INFINITY) wait.limit = limit;
    return wait;
  }

  lineAt(key: string): { first?: string; waiting: number } {
    const spot = this.#spots.get(key);
    const [holder] = spot?.holders.keys() ?? [];
    const [waiter] = spot?.needers ?? [];
    const first = holder ?? waiter;
    return { ...(first === undefined ? {} : { first }), waiting: spot?.needers.size ?? 0 };
  }

  /** Ids of those who hold a key, and of those who wait and need it, in order of arrival. */
  around(key: string): { holding: string[]; waiting: string[] } {
    const spot = this.#spots.get(key);
    return { holding: [...(spot?.holders.keys() ?? [])], waiting: [...(spot?.needers ?? [])] };
  }

  /** How many hold a key, and how many wait and need it. */
  countsOf(key: string): { held: number; waiting: number } {
    const spot = this.#spots.get(key);
    return { held: spot?.holders.size ?? 0, waiting: spot?.needers.size ?? 0 };
  }

  /** Looks at the lines of spots that got room, the first of all first, until nobody can go. */
  #settle(spots: readonly Spot[], turns: Turn[]): void {
    const kept: [Line, Spot][] = [];
    for (let line = firstLine(spots); line; line = firstLine(spots)) {
      line.spot.unpark(line);
      const waiter = line.waiters.first as Waiter;
      const obstacle = this.#obstacle(waiter);
      if (obstacle) {
        kept.push([line, obstacle]);
        this.#miss(waiter, obstacle);
        continue;
      }
      const entry = this.#entries.get(waiter.id) as Entry;
      this.#takeOut(waiter);
      entry.waiter = undefined;
      this.#count(waiter.id, entry, [...entry.holds, ...waiter.claim.needs]);
      turns.push({ id: waiter.id, aggregateId: waiter.aggregateId });
      if (line.waiters.size > 0) line.spot.park(line);
    }
    for (const [line, spot] of kept) spot.park(line);
    if (kept.length > 0) this.#mayCircle = true;
  }

  /** The first gate or key that is in the way. */
  #obstacle(waiter: Waiter): Spot | undefined {
    const { gates, needs } = waiter.line;
    for (const gate of gates) {
      const spot = this.#spots.get(gate);
      if (spot?.closure) return spot;
    }
    for (const { key, limit } of needs) {
      const spot = this.#spots.get(key);
      if (spot && !spot.admits(waiter, limit)) return spot;
    }
    return undefined;
  }

  #miss(waiter: Waiter, obstacle: Spot): void {
    if (obstacle.closure) return;
    waiter.misses++;
    if (waiter.misses !== PATIENCE) return;
    this.#insistent.add(waiter);
    for (const { key } of waiter.line.needs) this.#spot(key).insistent.add(waiter);
  }

  /** It insists no more, and those whom it kept are looked at again. */
  #calm(waiter: Waiter): void {
    waiter.misses = 0;
    if (!this.#insistent.delete(waiter)) return;
    for (const { key } of waiter.line.needs) {
      const spot = this.#spots.get(key);
      if (spot?.insistent.delete(waiter)) this.#touch(spot);
    }
  }

  #join(id: string, entry: Entry, claim: Claim): void {
    const line = this.#lineOf(claim);
    const waiter: Waiter = { id, aggregateId: entry.aggregateId, claim, line, misses: 0 };
    entry.waits = claim;
    entry.waiter = waiter;
    for (const { key } of claim.needs) this.#spot(key).needers.add(id);
    line.spot.unpark(line);
    line.waiters.add(waiter);
    line.spot.park(line);
    this.#mayCircle = true;
    if (line.waiters.first === waiter) this.#touch(line.spot);
  }

  #leave(id: string, entry: Entry): void {
    const { waits, waiter } = entry;
    entry.waits = undefined;
    entry.waiter = undefined;
    if (waiter) {
      const { line } = waiter;
      line.spot.unpark(line);
      this.#takeOut(waiter);
      if (line.waiters.size > 0) line.spot.park(line);
      this.#forgetIdle(line.spot);
    }
    for (const { key } of waits?.needs ?? NONE) {
      const spot = this.#spots.get(key);
      spot?.needers.delete(id);
      if (spot) this.#forgetIdle(spot);
    }
  }

  /** Out of a line that is not parked now. */
  #takeOut(waiter: Waiter): void {
    const { line } = waiter;
    this.#calm(waiter);
    line.waiters.delete(waiter);
    if (line.waiters.size === 0) this.#lines.delete(line.signature);
  }

  #lineOf({ gates, needs }: Claim): Line {
    const signature = JSON.stringify([gates, needs.map(({ key, limit }) => [key, limit])]);
    const known = this.#lines.get(signature);
    if (known) return known;
    const spot = this.#spot(gates[0] ?? needs[0]?.key ?? "");
    const line: Line = { signature, gates, needs, waiters: new OrderedHeap<Waiter>(isBefore), spot };
    this.#lines.set(signature, line);
    return line;
  }

  /** Counts it for these keys and no others. */
  #count(id: string, entry: Entry, needs: readonly Need[]): void {
    const before = entry.counted;
    if (before === needs || (before.length === 0 && needs.length === 0)) return;
    entry.counted = needs;
    for (const { key, limit } of needs) this.#spot(key).hold(id, limit);
    for (const { key } of before) {
      if (needs.some((need) => need.key === key)) continue;
      const spot = this.#spots.get(key);
      if (!spot?.letGo(id)) continue;
      if (spot.lines.size > 0) this.#touch(spot);
      else this.#forgetIdle(spot);
    }
  }

  #spot(key: string): Spot {
    const known = this.#spots.get(key);
    if (known) return known;
    const spot = new Spot(key);
    this.#spots.set(key, spot);
    return spot;
  }

  #touch(spot: Spot): void {
    this.#dirty.add(spot);
  }

  #forgetIdle(spot: Spot): void {
    if (spot.isIdle && !this.#dirty.has(spot)) this.#spots.delete(spot.key);
  }
}

/** The line that is first of all those parked where somebody could go. */
function firstLine(spots: readonly Spot[]): Line | undefined {
  let first: Line | undefined;
  for (const spot of spots) {
    const line = spot.lines.first;
    if (!line || !spot.hasRoom) continue;
    if (!first || isBefore(line.waiters.first as Waiter, first.waiters.first as Waiter)) first = line;
  }
  return first;
}

function isSameClaim(a: Claim, b: Claim): boolean {
  return (
    a.priority === b.priority &&
    a.since === b.since &&
    isSameList(a.gates, b.gates, (one, other) => one === other) &&
    isSameList(a.needs, b.needs, (one, other) => one.key === other.key && one.limit === other.limit)
  );
}

function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (one: T, other: T) => boolean): boolean {
  return a.length === b.length && a.every((one, index) => isSame(one, b[index] as T));
}
