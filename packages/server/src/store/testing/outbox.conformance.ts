// The outbox: leases, due times and tries.

import { describe, expect, test } from "vitest";
import type { Effect, NewEffect } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aCommit, aNewRun, anEffect, aRun, LEASE, START } from "./records.ts";

const EXPIRED = LEASE.until;
const LATER = EXPIRED + 30_000;
const second = { owner: "server-2", until: LATER };
const run = aRun(1);
const dueAt = (effect: NewEffect, at: number, tries = 0): Effect => ({ ...effect, tries, dueAt: at });

export function describeOutbox(bench: Bench): void {
  const effects = [1, 2, 3].map((n) => anEffect(n, run.id, { kind: n === 2 ? "STOP" : "START" }));
  const [first, stop] = effects as [NewEffect, NewEffect, NewEffect];
  const begin = (changes: NewEffect[] = effects) =>
    bench.store.runs.commit([aNewRun(run, [], { effects: changes })], LEASE);

  describe("the outbox", () => {
    test("new effects are leased to who committed them", async () => {
      await begin();
      expect(await bench.store.outbox.claim(second, EXPIRED - 1, 10)).toEqual([]);
    });

    test("effects whose lease ended are leased to the next who asks, and to nobody else", async () => {
      await begin();
      const claimed = await bench.store.outbox.claim(second, EXPIRED, 10);
      expect(claimed).toEqual(effects.map((effect) => dueAt(effect, START)));
      expect(await bench.store.outbox.claim({ owner: "server-3", until: LATER }, LATER - 1, 10)).toEqual([]);
      expect(await bench.store.outbox.claim(second, LATER - 1, 10)).toEqual([]);
      expect(await bench.store.outbox.claim({ owner: "server-3", until: LATER + 1 }, LATER, 10)).toEqual(
        claimed,
      );
    });

    test("no more are leased than asked for", async () => {
      await begin();
      const claim = () => bench.store.outbox.claim(second, EXPIRED, 2);
      expect(await claim()).toHaveLength(2);
      expect(await claim()).toHaveLength(1);
      expect(await claim()).toEqual([]);
    });

    test("an effect is never leased to two who ask at the same time", async () => {
      const many = Array.from({ length: 60 }, (_, i) => anEffect(i + 1, run.id));
      await begin(many);
      const other = await bench.another();
      const claims = Array.from({ length: 12 }, (_, i) => {
        const { outbox } = i % 2 ? other : bench.store;
        return outbox.claim({ owner: `server-${i}`, until: LATER }, EXPIRED, 7);
      });
      const claimed = (await Promise.all(claims)).flat().map((effect) => effect.id);
      expect(claimed.toSorted()).toEqual(many.map((effect) => effect.id).toSorted());
    });

    test("what is given back is due for everybody later, with one more try", async () => {
      await begin([first]);
      await bench.store.outbox.retry(first.id, START + 5000, "connection refused");
      expect(await bench.store.outbox.claim(second, START + 4999, 10)).toEqual([]);
      const claimed = [dueAt(first, START + 5000, 1)];
      expect(await bench.store.outbox.claim(second, START + 5000, 10)).toEqual(claimed);
      await bench.store.outbox.retry(first.id, LATER, "again");
      expect(await bench.store.outbox.claim(second, LATER, 10)).toEqual([dueAt(first, LATER, 2)]);
    });

    test("what is due first comes first", async () => {
      await begin();
      const [a, b, c] = effects as [NewEffect, NewEffect, NewEffect];
      await bench.store.outbox.retry(b.id, START + 1, "");
      await bench.store.outbox.retry(c.id, START + 3, "");
      await bench.store.outbox.retry(a.id, START + 2, "");
      expect(await bench.store.outbox.claim(second, START + 10, 2)).toEqual([
        dueAt(b, START + 1, 1),
        dueAt(a, START + 2, 1),
      ]);
    });

    test("what is done is gone; unknown ids are ignored", async () => {
      await begin();
      await bench.store.outbox.done([first.id, "effect-unknown"]);
      await bench.store.outbox.done([]);
      await bench.store.outbox.retry("effect-unknown", START, "");
      const change = { run: aRun(1, { revision: 2 }), doneEffects: [stop.id, "effect-unknown"] };
      await bench.store.runs.commit([aCommit(run.id, 1, change)], LEASE);
      expect(await bench.store.outbox.claim(second, EXPIRED, 10)).toEqual([
        dueAt(effects[2] as NewEffect, START),
      ]);
    });

    test("a server that is alone frees all leases, but nothing before it is due", async () => {
      await begin();
      await bench.store.outbox.retry(stop.id, LATER, "");
      await bench.store.outbox.releaseAll();
      const claimed = await bench.store.outbox.claim(second, START, 10);
      expect(claimed.map((effect) => effect.id)).toEqual([first.id, effects[2]?.id]);
    });

    test("effects and their tries outlive the store", async () => {
      await begin([first]);
      await bench.store.outbox.retry(first.id, START + 1, "connection refused");
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.outbox.claim(second, START + 1, 10)).toEqual([dueAt(first, START + 1, 1)]);
    });
  });
}
