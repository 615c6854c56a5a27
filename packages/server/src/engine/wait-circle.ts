// Those who wait may wait for each other: a run holds what it needs until its last task has ended, and that task may wait
// for what another run holds, which in turn waits for the first; a task may also wait for a run of its own. No request
// alone shows such a circle, and two that come at the same moment close one that neither could see. So it is looked for in
// the count itself, once somebody has been parked: who could go or end if everybody else did all that they can, and who
// is left then. Of a circle one has to give up; when it is there only because somebody insists, that one insists no more.

import type { CircleStep } from "@mflow/core/admission";
import { runOfGate } from "@mflow/core/admission-keys";
import { isBefore, limitFor, type Spot, type Waiter } from "./admission-spot.ts";

/** A run or task, as the admission counts it. */
export interface Party {
  readonly aggregateId: string;
  /** Of a run that is the work of a task: that task. */
  readonly parent?: string | undefined;
  /** Keys that it holds. */
  readonly counted: readonly { key: string; limit?: number }[];
  /** While it waits. */
  readonly waiter?: Waiter | undefined;
}

export interface WaitGraph {
  readonly parties: ReadonlyMap<string, Party>;
  readonly spots: ReadonlyMap<string, Spot>;
}

/** Who has to give way so that the others go on. */
export type WaitCircle =
  /** It goes on waiting, but keeps nothing from those behind it. */
  | { calm: Waiter }
  /** It has to give up. The steps lead from it back to it. */
  | { giveUp: Waiter; steps: CircleStep[] };

/** One who stops another: `key` is what it holds, `insists` that it keeps what it does not hold, neither that it has to end first. */
interface Blocker {
  id: string;
  key?: string;
  insists?: boolean;
}

/** A circle of those who wait for each other for ever; nothing when there is none. Costs as much as there are parties. */
export function findWaitCircle(graph: WaitGraph): WaitCircle | undefined {
  const stuck = new StuckParties(graph);
  const [start] = stuck.ids;
  if (start === undefined) return undefined;
  const way: { id: string; blocker: Blocker }[] = [];
  const places = new Map<string, number>();
  for (let id = start; !places.has(id); ) {
    const blocker = stuck.blockerOf(id);
    if (!blocker) return undefined;
    places.set(id, way.length);
    way.push({ id, blocker });
    id = blocker.id;
  }
  const circle = way.slice(places.get(way.at(-1)?.blocker.id ?? ""));
  const waiterOf = (id: string) => graph.parties.get(id)?.waiter;
  const insistent = circle.find(({ blocker }) => blocker.insists);
  const calm = insistent && waiterOf(insistent.blocker.id);
  if (calm) return { calm };
  // Who came last gives up: the others have waited longer, or are more urgent.
  const waiters = circle.flatMap(({ id, blocker }) =>
    blocker.key === undefined ? [] : (waiterOf(id) ?? []),
  );
  const giveUp = waiters.reduce((last, each) => (isBefore(last, each) ? each : last));
  const at = circle.findIndex(({ id }) => id === giveUp.id);
  const turned = [...circle.slice(at), ...circle.slice(0, at)];
  return {
    giveUp,
    steps: turned.map(({ id, blocker: { key } }) => (key === undefined ? { id } : { id, key })),
  };
}

/** Those who can neither go nor end, whatever the others do. */
class StuckParties {
  readonly ids = new Set<string>();
  readonly #graph: WaitGraph;
  /** What has to end before a run or task can. */
  readonly #below = new Map<string, string[]>();
  /** Stuck ones who hold a key. */
  readonly #holders = new Map<string, Holders>();

  constructor(graph: WaitGraph) {
    this.#graph = graph;
    const { parties } = graph;
    for (const [id, { aggregateId, parent, waiter }] of parties) {
      if (waiter) this.ids.add(id);
      if (waiter && aggregateId !== id) this.#addBelow(aggregateId, id);
      const above = parent === undefined ? undefined : parties.get(parent);
      if (parent === undefined || !above) continue;
      this.#addBelow(parent, id);
      if (above.aggregateId !== parent) this.#addBelow(above.aggregateId, parent);
    }
    for (const id of this.#below.keys()) if (parties.has(id)) this.ids.add(id);
    for (const id of this.ids) {
      for (const { key, limit = Number.POSITIVE_INFINITY } of this.#party(id).counted) {
        const holders = this.#holders.get(key) ?? new Holders();
        this.#holders.set(key, holders);
        holders.add(id, limit);
      }
    }
    this.#letGoWhoCan();
  }

  #letGoWhoCan(): void {
    for (let isChanged = true; isChanged; ) {
      isChanged = false;
      for (const id of this.ids) {
        if (this.blockerOf(id)) continue;
        isChanged = true;
        this.ids.delete(id);
        for (const { key } of this.#party(id).counted) this.#holders.get(key)?.remove(id);
      }
    }
  }

  /** A stuck one that stops this one; nothing when none does. */
  blockerOf(id: string): Blocker | undefined {
    const { waiter } = this.#party(id);
    const blocker = waiter && this.#blockerOfClaim(waiter);
    if (blocker) return blocker;
    const below = this.#below.get(id)?.find((each) => this.ids.has(each));
    return below === undefined ? undefined : { id: below };
  }

  #blockerOfClaim(waiter: Waiter): Blocker | undefined {
    const { gates, needs } = waiter.line;
    for (const gate of gates) {
      const closure = this.#graph.spots.get(gate)?.closure;
      // What a person paused a person resumes.
      if (!closure || closure.by !== undefined) continue;
      const runId = runOfGate(gate);
      const ofRun = runId === undefined ? undefined : this.#graph.parties.get(runId)?.waiter;
      if (runId !== undefined && ofRun && ofRun !== waiter && this.#blockerOfClaim(ofRun))
        return { id: runId };
    }
    for (const { key, limit = Number.POSITIVE_INFINITY } of needs) {
      const spot = this.#graph.spots.get(key);
      const holders = this.#holders.get(key);
      const most = Math.min(limit, spot?.max ?? Number.POSITIVE_INFINITY, holders?.least ?? limit);
      if (holders?.first !== undefined && holders.size >= most) return { id: holders.first, key };
      const ahead = [...(spot?.insistent ?? [])].filter(
        (other) => other !== waiter && isBefore(other, waiter) && this.ids.has(other.id),
      );
      const [insistent] = ahead;
      if (!insistent) continue;
      const kept = (holders?.size ?? 0) + ahead.length;
      const left = ahead.reduce((least, other) => Math.min(least, limitFor(other, key)), most);
      if (kept >= left) return { id: insistent.id, key, insists: true };
    }
    return undefined;
  }

  #addBelow(id: string, below: string): void {
    const known = this.#below.get(id);
    if (known) known.push(below);
    else this.#below.set(id, [below]);
  }

  #party(id: string): Party {
    return this.#graph.parties.get(id) as Party;
  }
}

/** Those who hold a key, with their own limits. */
class Holders {
  readonly #limits = new Map<string, number>();
  #least: number | undefined;

  add(id: string, limit: number): void {
    this.#limits.set(id, limit);
    this.#least = undefined;
  }

  remove(id: string): void {
    this.#limits.delete(id);
    this.#least = undefined;
  }

  get size(): number {
    return this.#limits.size;
  }

  get first(): string | undefined {
    const [id] = this.#limits.keys();
    return id;
  }

  /** The least of what they allow. */
  get least(): number {
    if (this.#least !== undefined) return this.#least;
    let least = Number.POSITIVE_INFINITY;
    for (const limit of this.#limits.values()) least = Math.min(least, limit);
    this.#least = least;
    return least;
  }
}
