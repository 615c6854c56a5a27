// What becomes of messages and deliveries when their run is removed.

import { describe, expect, test } from "vitest";
import type { DeliveryOutcome, NewMessage } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aDelivery, aMessage, anAttempt, asDue, HOOKS, told } from "./delivery-records.ts";
import { aDefinition, aNewRun, aRun, idOf, LEASE, START } from "./records.ts";

const OWNER = { owner: "server-1", until: START + 30_000 };
const DELIVERED: DeliveryOutcome = { state: "DELIVERED" };
const DEAD: DeliveryOutcome = { state: "DEAD", error: "404 Not Found" };
const run = aRun(1, { stage: "FAILED" });
const other = aRun(2);

export function describeDeliveryRemoval(bench: Bench): void {
  const claim = () => bench.store.deliveries.claim(HOOKS, OWNER, START, 10);
  const settle = (n: number, outcome: DeliveryOutcome) =>
    bench.store.deliveries.settle(idOf("dlv", n), outcome, anAttempt(n), START);
  const listed = async () => (await bench.store.deliveries.list({ limit: 100 })).items.map(({ id }) => id);
  const begin = (messages: NewMessage[], others: NewMessage[] = []) =>
    bench.store.runs.commit(
      [aNewRun(run, [], { messages }), aNewRun(other, [], { messages: others })],
      LEASE,
    );

  describe("deliveries of a removed run", () => {
    test("that have ended are gone, those of other runs stay", async () => {
      const silent = told(3, run, { state: "UNSUPPORTED", kind: "SMS" });
      await begin([told(1, run), told(2, run), silent], [told(4, other), told(5, other)]);
      await claim();
      await settle(1, DELIVERED);
      for (const n of [2, 5]) await settle(n, DEAD);
      await bench.store.runs.remove(run.id);
      const { deliveries } = bench.store;
      for (const n of [1, 2, 3]) {
        expect(await deliveries.find(idOf("dlv", n))).toBeUndefined();
        expect(await deliveries.message(idOf("dlv", n))).toBeUndefined();
      }
      expect(await listed()).toEqual([idOf("dlv", 5), idOf("dlv", 4)]);
      expect(await deliveries.targets()).toMatchObject([{ target: HOOKS, pending: 1, dead: 1 }]);
      expect(await bench.store.runs.definition(run.id)).toBeUndefined();
    });

    test("are gone however many they are", async () => {
      const many = Array.from({ length: 450 }, (_, i) => told(i + 1, run, { state: "UNREACHABLE" }));
      await begin(many, [told(500, other)]);
      await bench.store.runs.remove(run.id);
      expect(await listed()).toEqual([idOf("dlv", 500)]);
      expect(await bench.store.runs.definition(run.id)).toBeUndefined();
    });

    test("are gone however many they are, of few messages too, and those that wait among them stay", async () => {
      const waits = (n: number) => n % 100 === 7;
      const messages = Array.from({ length: 5 }, (_, m) => ({
        message: aMessage(m, { run }),
        deliveries: Array.from({ length: 150 }, (_, i) => m * 150 + i + 1).map((n) =>
          aDelivery(n, { state: waits(n) ? "PENDING" : "UNREACHABLE" }),
        ),
      }));
      await begin(messages);
      await bench.store.runs.remove(run.id);
      expect((await listed()).toSorted()).toEqual(
        [7, 107, 207, 307, 407, 507, 607, 707].map((n) => idOf("dlv", n)),
      );
    });

    test("of a run that has not ended stay", async () => {
      await begin([], [told(1, other, { state: "UNREACHABLE" })]);
      await expect(bench.store.runs.remove(other.id)).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await listed()).toEqual([idOf("dlv", 1)]);
    });

    test("that wait are sent with all that they need, in order, and go when they end", async () => {
      const message = aMessage(1, { run });
      const lane = { lane: "lane" };
      const first = { message, deliveries: [aDelivery(1, lane)] };
      const second = { message, deliveries: [aDelivery(2, lane)] };
      await begin([{ message, deliveries: [aDelivery(1, lane), aDelivery(2, lane), aDelivery(3)] }]);
      expect(await claim()).toHaveLength(2);
      await settle(3, DELIVERED);
      await bench.store.runs.remove(run.id);
      const { deliveries, runs } = bench.store;
      expect(await listed()).toEqual([idOf("dlv", 2), idOf("dlv", 1)]);
      expect(await settle(1, { state: "PENDING", dueAt: START, error: "500" })).toEqual({
        target: HOOKS,
        dueAt: START,
      });
      expect(await claim()).toEqual([asDue(first, run.id, { tries: 1, error: "500" })]);
      expect(await settle(1, DEAD)).toEqual({ target: HOOKS, dueAt: START });
      expect(await deliveries.find(idOf("dlv", 1))).toBeUndefined();
      expect(await runs.definition(run.id)).toEqual(aNewRun(run).definition);
      expect(await claim()).toEqual([asDue(second, run.id)]);
      await settle(2, DELIVERED);
      expect(await listed()).toEqual([]);
      expect(await runs.definition(run.id)).toBeUndefined();
      expect(await deliveries.targets()).toEqual([]);
    });

    test("keep its id from a new one as long as they wait, for they need its definition", async () => {
      await begin([told(1, run)]);
      await bench.store.runs.remove(run.id);
      const { deliveries, runs } = bench.store;
      const definition = { ...aDefinition(), runParams: [{ name: "VERSION", value: "again" }] };
      const again = aNewRun(run, [], { definition });
      expect(await runs.commit([again], LEASE)).toEqual([{ ok: false, conflict: "REMOVED" }]);
      expect(await runs.definition(run.id)).toEqual(aNewRun(run).definition);
      await claim();
      await settle(1, DEAD);
      expect(await deliveries.find(idOf("dlv", 1))).toBeUndefined();
      expect(await runs.commit([again], LEASE)).toMatchObject([{ ok: true }]);
      expect(await runs.definition(run.id)).toEqual(again.definition);
    });
  });
}
