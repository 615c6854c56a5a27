// Random runs that hold what they need until their tasks have ended, and whose tasks need more, or wait for runs of their
// own: who is told to give up could never have gone on, and once those have given up everybody gets their turn.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Admission, type Claim, type Standing } from "./admission.ts";

interface RunShape {
  needs: Record<string, number>;
  tasks: { needs: Record<string, number>; child?: RunShape }[];
}

const needs = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 2 }), { maxKeys: 2 });
const slots = fc.boolean();

/** Tasks come one after the other; deeper ones have no runs of their own. */
function runShape(depth: number): fc.Arbitrary<RunShape> {
  const task = fc.tuple(needs, slots, depth > 0 ? fc.option(runShape(depth - 1)) : fc.constant(null));
  return fc.record({
    needs,
    tasks: fc.array(
      task.map(([own, takesSlot, child]) =>
        child ? { needs: own, child } : { needs: takesSlot ? { ...own, slots: 1 } : own },
      ),
      { minLength: 1, maxLength: 2 },
    ),
  });
}

interface Row {
  id: string;
  aggregateId: string;
  claim: Claim;
  parent?: string;
  isHolding: boolean;
  /** Ends this row when it is let go or gives up. */
  ended(): void;
  begun(): void;
}

class Model {
  readonly admission = new Admission();
  readonly rows = new Map<string, Row>();
  /** Tasks at work that nothing keeps from ending, in the order in which they began. */
  readonly #leaves = new Set<string>();
  #count = 0;

  start({ needs: own, tasks }: RunShape, parent?: string, ended = () => {}): void {
    const id = `run-${this.#number()}`;
    const next = (index: number): void => {
      const task = tasks[index];
      if (!task) this.#end(id);
      else this.#startTask(id, task, () => next(index + 1));
    };
    const given = { id, aggregateId: id, ...(parent !== undefined && { parent }) };
    this.#come({ ...given, needs: own, ended, begun: () => next(0) });
  }

  #startTask(runId: string, { needs: own, child }: RunShape["tasks"][number], ended: () => void): void {
    const id = `task-${this.#number()}`;
    const begun = () => {
      if (child) this.start(child, id, () => this.#end(id));
      else this.#leaves.add(id);
    };
    this.#come({ id, aggregateId: runId, needs: own, ended, begun });
  }

  /** Everybody who can goes, and what runs ends, until nobody can do anything. */
  settle(look = () => {}): void {
    for (;;) {
      look();
      const turns = this.admission.grant();
      for (const { id } of turns) {
        const row = this.rows.get(id) as Row;
        row.isHolding = true;
        this.#note(row);
        row.begun();
      }
      if (turns.length > 0) continue;
      const [leaf] = this.#leaves;
      if (leaf === undefined) return;
      this.#leaves.delete(leaf);
      this.#end(leaf);
    }
  }

  giveUp(id: string): void {
    this.#end(id);
  }

  #come({ needs: own, ...row }: Omit<Row, "claim" | "isHolding"> & { needs: Record<string, number> }): void {
    const since = new Date(this.#count * 1000).toISOString();
    const claim: Claim = {
      gates: ["server"],
      needs: Object.entries(own).map(([key, limit]) => ({ key, limit })),
      priority: 0,
      since,
    };
    const made: Row = { ...row, claim, isHolding: false };
    this.rows.set(made.id, made);
    this.#note(made);
  }

  #note({ id, aggregateId, claim, parent, isHolding }: Row): void {
    // As of real runs and tasks, each holds something.
    const held = [...claim.needs, { key: `own/${id}` }];
    const standing: Standing = { aggregateId, parent, holds: isHolding ? held : [] };
    if (!isHolding) standing.waits = claim;
    this.admission.note(id, standing);
  }

  #end(id: string): void {
    const row = this.rows.get(id);
    this.rows.delete(id);
    this.admission.note(id);
    row?.ended();
  }

  #number(): string {
    return String(this.#count++).padStart(4, "0");
  }
}

const runs = fc.array(runShape(1), { minLength: 2, maxLength: 5 });

test("once those who would wait for ever have given up, everybody has had their turn", () => {
  fc.assert(
    fc.property(runs, (shapes) => {
      const model = new Model();
      for (const shape of shapes) model.start(shape);
      model.settle();
      while (model.rows.size > 0) {
        const found = model.admission.findCircle();
        if (!found) throw new Error(`${[...model.rows.keys()]} wait, and no circle is found`);
        expect(model.rows.get(found.id)?.isHolding).toBe(false);
        model.giveUp(found.id);
        model.settle();
      }
      expect(model.admission.countsOf("slots")).toEqual({ held: 0, waiting: 0 });
    }),
    { numRuns: 500 },
  );
});

test("who is told to give up, while others could go on, waits still when they have done all that they can", () => {
  let found = 0;
  fc.assert(
    fc.property(runs, (shapes) => {
      const model = new Model();
      const told = new Set<string>();
      for (const shape of shapes) model.start(shape);
      model.settle(() => {
        const circle = model.admission.findCircle();
        if (circle) told.add(circle.id);
      });
      found += told.size;
      for (const id of told) expect(model.rows.get(id)?.isHolding).toBe(false);
    }),
    { numRuns: 500 },
  );
  expect(found).toBeGreaterThan(0);
});
