// The outbox of messages: claims, leases, outcomes and the order of lanes.

import type { MessageGate } from "@mflow/core/schema/message";
import { describe, expect, test } from "vitest";
import type { DeliveryOutcome, NewMessage } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aDelivery, aMessage, anAttempt, asDue, asShown, HOOKS, told } from "./delivery-records.ts";
import { aCommit, aNewRun, aNewTask, aRun, aTask, aTaskOf, idOf, LEASE, START, timeOf } from "./records.ts";

const FIRST = { owner: "server-1", until: START + 30_000 };
const SECOND = { owner: "server-2", until: START + 60_000 };
const DELIVERED: DeliveryOutcome = { state: "DELIVERED" };
const DEAD: DeliveryOutcome = { state: "DEAD", error: "404 Not Found" };
const retryAt = (dueAt: number): DeliveryOutcome => ({ state: "PENDING", dueAt, error: "timed out" });
const run = aRun(1);
const due = (message: NewMessage, more = {}) => asDue(message, run.id, more);

export function describeDeliveries(bench: Bench): void {
  const begin = (...messages: NewMessage[]) =>
    bench.store.runs.commit([aNewRun(run, [], { messages })], LEASE);
  const claim = (at = START, limit = 10, target = HOOKS) =>
    bench.store.deliveries.claim(target, FIRST, at, limit);
  const claimedIds = async (at = START, limit = 10) => (await claim(at, limit)).map(({ id }) => id);
  const settle = (n: number, outcome: DeliveryOutcome, at = START) =>
    bench.store.deliveries.settle(idOf("dlv", n), outcome, anAttempt(n), at);

  describe("deliveries", () => {
    test("new ones are due at once, in the order in which they were made, with what they tell", async () => {
      const message = aMessage(1, { run, task: aTaskOf(run, 1, 1) });
      const deliveries = [
        aDelivery(3, { user: "bob", channel: "hooks", action: "UPDATE" }),
        aDelivery(1),
        aDelivery(2, { target: "channel:other" }),
      ];
      await begin({ message, deliveries });
      expect(await claim()).toEqual([
        due({ message, deliveries: deliveries.slice(0, 1) }),
        due({ message, deliveries: deliveries.slice(1, 2) }),
      ]);
      const others = await claim(START, 10, "channel:other");
      expect(others).toEqual([due({ message, deliveries: deliveries.slice(2) })]);
      expect(await claim(START, 10, "channel:unknown")).toEqual([]);
    });

    test("what is leased is nobody's until the lease ends, and the next one's then", async () => {
      const message = told(1, run);
      await begin(message);
      expect(await claim()).toEqual([due(message)]);
      for (const lease of [FIRST, SECOND])
        expect(await bench.store.deliveries.claim(HOOKS, lease, FIRST.until - 1, 10)).toEqual([]);
      expect(await bench.store.deliveries.claim(HOOKS, SECOND, FIRST.until, 10)).toEqual([due(message)]);
      expect(await claim(SECOND.until - 1)).toEqual([]);
    });

    test("no more are leased than asked for, and what is due first comes first", async () => {
      await begin(...[1, 2, 3, 4].map((n) => told(n, run)));
      await claim();
      await settle(1, retryAt(START + 3));
      await settle(2, retryAt(START + 1));
      await settle(3, retryAt(START + 2));
      await settle(4, retryAt(START + 9));
      expect(await claimedIds(START + 8, 2)).toEqual([idOf("dlv", 2), idOf("dlv", 3)]);
      expect(await claimedIds(START + 8, 2)).toEqual([idOf("dlv", 1)]);
      expect(await claimedIds(START + 8, 2)).toEqual([]);
    });

    test("none is leased to two who ask at the same time", async () => {
      const messages = Array.from({ length: 60 }, (_, i) => told(i + 1, run));
      await begin(...messages);
      const other = await bench.another();
      const claims = Array.from({ length: 12 }, (_, i) => {
        const { deliveries } = i % 2 ? other : bench.store;
        return deliveries.claim(HOOKS, { ...SECOND, owner: `server-${i}` }, START, 7);
      });
      const claimed = (await Promise.all(claims)).flat().map(({ id }) => id);
      expect(claimed.toSorted()).toEqual(messages.map(({ deliveries }) => deliveries[0]?.id).toSorted());
    });

    test("a server that is alone frees all leases, but nothing before it is due", async () => {
      await begin(told(1, run), told(2, run), told(3, run, { lane: "lane-1" }));
      await claim();
      await settle(2, retryAt(START + 5));
      await bench.store.deliveries.releaseAll();
      expect(await claimedIds()).toEqual([idOf("dlv", 1)]);
      expect(await claimedIds(START + 5)).toEqual([idOf("dlv", 2)]);
    });

    test("what was claimed and not tried is given back without counting a try", async () => {
      const message = told(1, run);
      await begin(message, told(2, run, { lane: "lane-1" }));
      await claim();
      await bench.store.deliveries.release([idOf("dlv", 1), "dlv-unknown"], START + 5);
      await bench.store.deliveries.release([], START);
      expect(await bench.store.deliveries.due()).toEqual([{ target: HOOKS, dueAt: START + 5 }]);
      expect(await claim(START + 4)).toEqual([]);
      expect(await claim(START + 5)).toEqual([due(message)]);
    });

    test("what nobody claimed is not given back", async () => {
      await begin(told(1, run));
      await bench.store.deliveries.release([idOf("dlv", 1)], START + 5);
      expect(await claimedIds(START)).toEqual([idOf("dlv", 1)]);
    });

    test("what can be sent nowhere is recorded, never due, and holds nobody up", async () => {
      const silent = told(1, run, { lane: "lane-2", kind: "SMS", state: "UNSUPPORTED", error: "no SMS" });
      const lost = told(3, run, { lane: "lane-2", state: "UNREACHABLE", error: "no address", user: "bob" });
      await begin(silent, told(2, run), lost);
      expect(await claimedIds()).toEqual([idOf("dlv", 2)]);
      await settle(2, DELIVERED);
      expect(await bench.store.deliveries.due()).toEqual([]);
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toEqual(asShown(silent, { attempts: [] }));
      expect(await bench.store.deliveries.find(idOf("dlv", 3))).toEqual(asShown(lost, { attempts: [] }));
    });
  });

  describe("messages of a commit", () => {
    test("whose guard fails are not written, those of its neighbours are", async () => {
      await bench.store.runs.commit([aNewRun(run)], LEASE);
      const [second, third] = [aRun(2), aRun(3)];
      const lane = { lane: "lane" };
      const results = await bench.store.runs.commit(
        [
          aNewRun(second, [], { messages: [told(1, second, lane)] }),
          aCommit(run.id, 7, { run: aRun(1, { revision: 8 }), messages: [told(2, run, lane), told(3, run)] }),
          aNewRun(third, [], { messages: [told(4, third, lane), told(5, third)] }),
        ],
        LEASE,
      );
      expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
      expect(await claimedIds()).toEqual([idOf("dlv", 1), idOf("dlv", 5)]);
      expect(await bench.store.deliveries.targets()).toMatchObject([{ pending: 3, dead: 0 }]);
      expect((await bench.store.deliveries.list({ limit: 10 })).items).toHaveLength(3);
    });

    test("of a lone task are its own", async () => {
      const task = aTask(9);
      const told = { message: aMessage(1, { task }), deliveries: [aDelivery(1)] };
      await bench.store.runs.commit([aNewTask(task, { messages: [told] })], LEASE);
      expect(await claim()).toEqual([asDue(told, task.id)]);
      expect((await bench.store.deliveries.list({ limit: 10 })).items).toEqual([asShown(told)]);
    });
  });

  describe("the outcome of an attempt", () => {
    test("is kept with every attempt before it", async () => {
      const message = told(1, run, { user: "bob" });
      await begin(message);
      const { deliveries } = bench.store;
      const failed = anAttempt(1, { status: 500, response: "x".repeat(4096), error: "500" });
      await claim();
      await deliveries.settle(idOf("dlv", 1), retryAt(START + 5000), failed, START + 1000);
      const first = { number: 1, ...failed };
      expect(await deliveries.find(idOf("dlv", 1))).toEqual(
        asShown(message, { tries: 1, nextTryAt: timeOf(5), error: "timed out", attempts: [first] }),
      );
      expect(await claim(START + 5000)).toEqual([due(message, { tries: 1, error: "timed out" })]);
      await deliveries.settle(idOf("dlv", 1), DELIVERED, anAttempt(2), START + 6000);
      const attempts = [first, { number: 2, ...anAttempt(2) }];
      const { nextTryAt: _, ...ended } = asShown(message, { tries: 2, state: "DELIVERED", attempts });
      expect(await deliveries.find(idOf("dlv", 1))).toEqual({ ...ended, endedAt: timeOf(6) });
    });

    test("of one that is dead says why", async () => {
      await begin(told(1, run));
      await claim();
      await settle(1, DEAD, START + 1000);
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toMatchObject({
        state: "DEAD",
        error: "404 Not Found",
        endedAt: timeOf(1),
        tries: 1,
      });
      expect(await claim(START + 99_000)).toEqual([]);
      expect(await bench.store.deliveries.due()).toEqual([]);
    });

    test("may come without an attempt, which is then not counted", async () => {
      const message = told(1, run, { action: "UPDATE" });
      await begin(message);
      await claim();
      await bench.store.deliveries.settle(idOf("dlv", 1), DELIVERED, undefined, START);
      const { nextTryAt: _, ...ended } = asShown(message, { state: "DELIVERED", attempts: [] });
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toEqual({ ...ended, endedAt: timeOf(0) });
    });

    test("answers when the lane's next is due, and for which target", async () => {
      await begin(told(1, run), told(2, run, { lane: "lane-1", target: "channel:other" }));
      await claim();
      expect(await settle(1, retryAt(START + 7))).toEqual({ target: HOOKS, dueAt: START + 7 });
      await claim(START + 7);
      expect(await settle(1, DELIVERED)).toEqual({ target: "channel:other", dueAt: START });
      await claim(START, 1, "channel:other");
      expect(await settle(2, DEAD)).toBeUndefined();
    });

    test("that comes after another's is noted, and changes nothing else", async () => {
      await begin(told(1, run), told(2, run, { lane: "lane-1" }));
      await claim();
      await settle(1, DELIVERED);
      expect(await settle(1, retryAt(START))).toBeUndefined();
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toMatchObject({
        state: "DELIVERED",
        tries: 2,
        attempts: [{ number: 1 }, { number: 2 }],
      });
      expect(await claimedIds()).toEqual([idOf("dlv", 2)]);
      expect(await bench.store.deliveries.targets()).toMatchObject([{ pending: 1, dead: 0 }]);
    });

    test("of an unknown delivery is nothing", async () => {
      expect(await settle(1, DELIVERED)).toBeUndefined();
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toBeUndefined();
      expect(await bench.store.deliveries.message(idOf("dlv", 1))).toBeUndefined();
    });
  });

  describe("a lane", () => {
    const inLane = (...numbers: number[]) => numbers.map((n) => told(n, run, { lane: "lane" }));

    test("sends one after another, however often the first is tried", async () => {
      await begin(...inLane(2, 1, 3));
      expect(await claimedIds()).toEqual([idOf("dlv", 2)]);
      await settle(2, retryAt(START + 9));
      expect(await claimedIds(START + 8)).toEqual([]);
      expect(await claimedIds(START + 9)).toEqual([idOf("dlv", 2)]);
      await settle(2, DELIVERED);
      expect(await claimedIds()).toEqual([idOf("dlv", 1)]);
      await settle(1, DEAD);
      expect(await claimedIds()).toEqual([idOf("dlv", 3)]);
      await settle(3, DELIVERED);
      expect(await claimedIds()).toEqual([]);
    });

    test("holds up no other lane", async () => {
      await begin(...inLane(1, 2), told(3, run));
      expect(await claimedIds()).toEqual([idOf("dlv", 1), idOf("dlv", 3)]);
    });

    test("goes on in order with what later commits add", async () => {
      await begin(...inLane(1));
      const messages = inLane(2);
      await bench.store.runs.commit([aCommit(run.id, 1, { run: aRun(1, { revision: 2 }), messages })], LEASE);
      expect(await claimedIds()).toEqual([idOf("dlv", 1)]);
      await settle(1, DELIVERED);
      expect(await claimedIds()).toEqual([idOf("dlv", 2)]);
      await settle(2, DELIVERED);
      const more = { run: aRun(1, { revision: 3 }), messages: inLane(3) };
      await bench.store.runs.commit([aCommit(run.id, 2, more)], LEASE);
      expect(await claimedIds()).toEqual([idOf("dlv", 3)]);
    });

    test("keeps its order when the server starts anew", async () => {
      await begin(...inLane(1, 2, 3));
      await claim();
      await settle(1, DELIVERED);
      await claim();
      await bench.store.close();
      const { deliveries } = await bench.another();
      await deliveries.releaseAll();
      for (const n of [2, 3]) {
        const claimed = await deliveries.claim(HOOKS, SECOND, START, 10);
        expect(claimed.map(({ id }) => id)).toEqual([idOf("dlv", n)]);
        await deliveries.settle(idOf("dlv", n), DELIVERED, anAttempt(n), START);
      }
      expect(await deliveries.due()).toEqual([]);
    });

    test("has one whose lease ended claimed again before the next", async () => {
      await begin(...inLane(1, 2));
      await claim();
      expect(await claimedIds(FIRST.until)).toEqual([idOf("dlv", 1)]);
    });
  });

  describe("receipts", () => {
    const gate: MessageGate = {
      kind: "AUDIT",
      stage: "WAITING",
      people: ["bob"],
      required: 1,
      passes: 0,
      decisions: [],
    };
    const task = aTaskOf(run, 1, 1);
    const card = (
      n: number,
      type: "AUDIT_WAITING" | "AUDIT_REMIND" | "AUDIT_PASS",
      attempt = 1,
    ): NewMessage => ({
      message: aMessage(n, { run, task, attempt }, { type, gate }),
      deliveries: [aDelivery(n, { lane: "bob", kind: "SLACK_APP" })],
    });
    const deliver = async (n: number) => {
      await claim();
      const receipt = { channel: "D1", ts: String(n) };
      await bench.store.deliveries.settle(
        idOf("dlv", n),
        { state: "DELIVERED", receipt },
        anAttempt(n),
        START,
      );
    };
    const receipts = (lane: string, attempt = 1, kind: "AUDIT" | "CONFIRM" = "AUDIT") =>
      bench.store.deliveries.receipts(lane, task.id, attempt, kind);

    test("are found by lane, task, attempt and gate, once the card was delivered", async () => {
      await begin(card(1, "AUDIT_WAITING"), card(2, "AUDIT_WAITING", 2));
      expect(await receipts("bob")).toEqual([]);
      await deliver(1);
      await deliver(2);
      expect(await receipts("bob")).toEqual([{ channel: "D1", ts: "1" }]);
      expect(await receipts("bob", 2)).toEqual([{ channel: "D1", ts: "2" }]);
      expect(await receipts("bob", 3)).toEqual([]);
      expect(await receipts("bob", 1, "CONFIRM")).toEqual([]);
      expect(await receipts("carl")).toEqual([]);
      expect(await bench.store.deliveries.receipts("bob", idOf("task", 9), 1, "AUDIT")).toEqual([]);
    });

    test("are those of all cards that ask, newest first, not of what came after the decision", async () => {
      const update = card(3, "AUDIT_WAITING");
      update.deliveries = [aDelivery(3, { lane: "bob", action: "UPDATE" })];
      await begin(card(1, "AUDIT_WAITING"), card(2, "AUDIT_REMIND"), update, card(4, "AUDIT_PASS"));
      for (const n of [1, 2, 3, 4]) await deliver(n);
      expect(await receipts("bob")).toEqual([
        { channel: "D1", ts: "2" },
        { channel: "D1", ts: "1" },
      ]);
    });
  });

  test("the message of a delivery is what was committed", async () => {
    const message = aMessage(7, { run, task: aTaskOf(run, 1, 1) }, { comment: "ship it 🚀" });
    await begin({ message, deliveries: [aDelivery(1), aDelivery(2)] });
    for (const n of [1, 2]) expect(await bench.store.deliveries.message(idOf("dlv", n))).toEqual(message);
  });
}
