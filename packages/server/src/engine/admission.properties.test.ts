// Whatever comes, goes, changes and crashes: no limit is exceeded, no place leaks, lines keep their order, and nobody
// waits without a reason. The model is the rows; a crash throws the count away and derives it from them anew.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Admission, type Claim, PATIENCE } from "./admission.ts";

const KEYS = ["lock", "group", "scope", "slots"] as const;
const GATES = ["server", "pipeline"] as const;

type Move =
  | { do: "come"; keys: Record<string, number>; gates: string[]; priority: number }
  | { do: "end"; which: number }
  | { do: "limit"; key: string; max: number | undefined }
  | { do: "close" | "open"; gate: string }
  /** The count is lost with turns that were given and not used. */
  | { do: "crash" }
  /** The next turns are not used: their changes could not be committed. */
  | { do: "fail" };

const key = fc.constantFrom(...KEYS);
const gate = fc.constantFrom(...GATES);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("come" as const),
      keys: fc.dictionary(key, fc.integer({ min: 1, max: 3 }), { minKeys: 1, maxKeys: 3 }),
      gates: fc.subarray([...GATES]),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("limit" as const),
      key,
      max: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("close" as const, "open" as const), gate }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "fail" as const) }) },
);

interface Row {
  id: string;
  claim: Claim;
  isHolding: boolean;
}

class Model {
  admission = new Admission();
  readonly rows = new Map<string, Row>();
  readonly limits = new Map<string, number>();
  readonly closed = new Set<string>();
  #count = 0;

  play(move: Move): void {
    switch (move.do) {
      case "come": {
        const n = this.#count++;
        const needs = Object.entries(move.keys).map(([name, limit]) => ({ key: name, limit }));
        const since = new Date(Math.floor(n / 2) * 1000).toISOString();
        const claim: Claim = { gates: move.gates, needs, priority: move.priority, since };
        this.#write({ id: `id-${String(n).padStart(4, "0")}`, claim, isHolding: false });
        return;
      }
      case "end": {
        const ids = [...this.rows.keys()];
        const id = ids[move.which % Math.max(ids.length, 1)];
        if (id === undefined) return;
        this.rows.delete(id);
        this.admission.note(id);
        return;
      }
      case "limit":
        if (move.max === undefined) this.limits.delete(move.key);
        else this.limits.set(move.key, move.max);
        this.admission.setLimit(move.key, move.max);
        return;
      case "close":
        this.closed.add(move.gate);
        this.admission.close(move.gate, { at: "" });
        return;
      case "open":
        this.closed.delete(move.gate);
        this.admission.open(move.gate);
        return;
      case "crash":
        this.admission.grant();
        this.admission = new Admission();
        for (const [name, max] of this.limits) this.admission.setLimit(name, max);
        for (const name of this.closed) this.admission.close(name, { at: "" });
        for (const row of this.rows.values()) this.#note(row);
        return;
      case "fail":
        for (const { id } of this.admission.grant()) this.admission.answered(id);
        return;
    }
  }

  /** Uses every turn; answers with the rows in the order in which they went. */
  settle(): Row[] {
    const gone: Row[] = [];
    for (let turns = this.admission.grant(); turns.length > 0; turns = this.admission.grant()) {
      for (const { id } of turns) {
        expect(this.admission.isGranted(id)).toBe(true);
        const row = this.rows.get(id) as Row;
        expect(row.isHolding).toBe(false);
        this.#write({ ...row, isHolding: true });
        gone.push(row);
      }
    }
    return gone;
  }

  #write(row: Row): void {
    this.rows.set(row.id, row);
    this.#note(row);
  }

  #note({ id, claim, isHolding }: Row): void {
    if (isHolding) this.admission.note(id, { aggregateId: id, holds: claim.needs });
    else this.admission.note(id, { aggregateId: id, holds: [], waits: claim });
  }

  holders(name: string): { id: string; limit: number }[] {
    return [...this.rows.values()].flatMap(({ id, claim, isHolding }) => {
      const need = claim.needs.find(({ key }) => key === name);
      return isHolding && need ? [{ id, limit: need.limit as number }] : [];
    });
  }

  waiting(): Row[] {
    return [...this.rows.values()].filter(({ isHolding }) => !isHolding);
  }

  /** Whether all that it needs is free now. */
  isFree({ claim }: Row): boolean {
    if (claim.gates.some((name) => this.closed.has(name))) return false;
    return claim.needs.every(({ key: name, limit = Number.POSITIVE_INFINITY }) => {
      const holders = this.holders(name);
      const admins = this.limits.get(name) ?? Number.POSITIVE_INFINITY;
      return holders.length < Math.min(limit, admins, ...holders.map((holder) => holder.limit));
    });
  }
}

function isEarlier(a: Row, b: Row): boolean {
  if (a.claim.priority !== b.claim.priority) return a.claim.priority > b.claim.priority;
  return a.claim.since < b.claim.since || (a.claim.since === b.claim.since && a.id < b.id);
}

const signature = ({ claim: { needs, gates } }: Row) => JSON.stringify([needs, gates]);

/** Plays all moves and checks after each. `isStrict`: nobody can have come to insist. */
function playAll(moves: readonly Move[], isStrict: boolean): void {
  const model = new Model();
  for (const each of moves) {
    const before = new Map(KEYS.map((name) => [name, model.holders(name).length]));
    model.play(each);
    const gone = model.settle();
    for (const name of KEYS) {
      const holders = model.holders(name);
      const least = Math.min(...holders.map(({ limit }) => limit));
      expect(holders.length).toBeLessThanOrEqual(least);
      const most = Math.max(before.get(name) ?? 0, model.limits.get(name) ?? Number.POSITIVE_INFINITY);
      expect(holders.length).toBeLessThanOrEqual(most);
      const waiting = model.waiting().filter(({ claim }) => claim.needs.some(({ key }) => key === name));
      expect(model.admission.countsOf(name)).toEqual({ held: holders.length, waiting: waiting.length });
      expect(new Set(model.admission.around(name).holding)).toEqual(new Set(holders.map(({ id }) => id)));
    }
    for (const row of model.waiting()) {
      expect(model.admission.waitOf(row.id)?.place).toBeLessThan(model.waiting().length);
      // Of those who need the same, the one who went was before all who wait.
      for (const other of gone) {
        if (signature(other) === signature(row)) expect(isEarlier(other, row)).toBe(true);
      }
      if (!model.isFree(row)) continue;
      expect(isStrict).toBe(false);
      const names = row.claim.needs.map(({ key }) => key);
      const isKept = model
        .waiting()
        .some((other) => isEarlier(other, row) && other.claim.needs.some(({ key }) => names.includes(key)));
      expect(isKept).toBe(true);
    }
  }
  for (const row of [...model.rows.values()]) model.admission.note(row.id);
  model.rows.clear();
  expect(model.settle()).toEqual([]);
  for (const name of KEYS) expect(model.admission.countsOf(name)).toEqual({ held: 0, waiting: 0 });
}

test("limits hold, no place leaks, lines keep their order, and nobody waits while all that they need is free", () => {
  // Fewer moves than it takes to insist.
  const short = fc.array(move, { maxLength: PATIENCE - 1 });
  fc.assert(
    fc.property(short, (moves) => playAll(moves, true)),
    { numRuns: 1_000 },
  );
});

test("the same holds for long, but for those whom one who insists keeps waiting", () => {
  const long = fc.array(move, { minLength: 30, maxLength: 150 });
  fc.assert(
    fc.property(long, (moves) => playAll(moves, false)),
    { numRuns: 100 },
  );
});

test("once nobody comes any more and all gates are open, everybody gets their turn", () => {
  const long = fc.array(move, { minLength: 10, maxLength: 80 });
  fc.assert(
    fc.property(long, (moves) => {
      const model = new Model();
      for (const each of moves) {
        model.play(each);
        model.settle();
      }
      for (const name of GATES) model.play({ do: "open", gate: name });
      model.settle();
      for (let left = model.rows.size; left > 0; left--) {
        const holder = [...model.rows.values()].find(({ isHolding }) => isHolding);
        if (!holder) throw new Error("somebody waits for nobody");
        model.rows.delete(holder.id);
        model.admission.note(holder.id);
        model.settle();
      }
      expect(model.rows.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});
