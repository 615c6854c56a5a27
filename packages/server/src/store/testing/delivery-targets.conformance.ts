// Targets of deliveries: what waits for them, pauses, and sending dead ones again.

import { describe, expect, test } from "vitest";
import type { DeliveryOutcome, NewMessage } from "../store.ts";
import type { Bench } from "./bench.ts";
import { anAttempt, asDue, asShown, HOOKS, told } from "./delivery-records.ts";
import { aNewRun, aRun, idOf, LEASE, START, timeOf } from "./records.ts";

const OTHER = "SLACK hooks.slack.com#0a1b2c3d";
const OWNER = { owner: "server-1", until: START + 30_000 };
const DELIVERED: DeliveryOutcome = { state: "DELIVERED" };
const DEAD: DeliveryOutcome = { state: "DEAD", error: "404 Not Found" };
const run = aRun(1);

export function describeDeliveryTargets(bench: Bench): void {
  const begin = (...messages: NewMessage[]) =>
    bench.store.runs.commit([aNewRun(run, [], { messages })], LEASE);
  const claim = (at = START, target = HOOKS) => bench.store.deliveries.claim(target, OWNER, at, 1000);
  const claimedIds = async (at = START, target = HOOKS) => (await claim(at, target)).map(({ id }) => id);
  const settle = (n: number, outcome: DeliveryOutcome, at = START) =>
    bench.store.deliveries.settle(idOf("dlv", n), outcome, anAttempt(n), at);
  const die = async (...numbers: number[]) => {
    for (const n of numbers) {
      await claim();
      await settle(n, DEAD);
    }
  };

  describe("targets", () => {
    test("are due when the first that waits for them is", async () => {
      const { deliveries } = bench.store;
      expect(await deliveries.due()).toEqual([]);
      await begin(told(1, run), told(2, run), told(3, run, { target: OTHER, kind: "SLACK" }));
      expect(await deliveries.due()).toEqual([
        { target: OTHER, dueAt: START },
        { target: HOOKS, dueAt: START },
      ]);
      await claim();
      await settle(1, { state: "PENDING", dueAt: START + 9, error: "500" });
      await settle(2, { state: "PENDING", dueAt: START + 5, error: "500" });
      expect(await deliveries.due()).toContainEqual({ target: HOOKS, dueAt: START + 5 });
      await claim(START + 9);
      expect(await deliveries.due()).toContainEqual({ target: HOOKS, dueAt: OWNER.until });
    });

    test("are known by name as long as something waits for them or is dead", async () => {
      const { deliveries } = bench.store;
      expect(await deliveries.targets()).toEqual([]);
      const later = [3, 4].map((n) => told(n, run, { lane: "lane-2" }));
      await begin(told(1, run), told(2, run), ...later, told(5, run, { target: OTHER, kind: "SLACK" }));
      const hooks = { target: HOOKS, kind: "WEBHOOK" };
      const other = { target: OTHER, kind: "SLACK" };
      expect(await deliveries.targets()).toEqual([
        { ...other, pending: 1, dead: 0 },
        { ...hooks, pending: 4, dead: 0 },
      ]);
      await claim();
      await settle(1, DELIVERED);
      await settle(2, DEAD);
      await claim(START, OTHER);
      await settle(5, DELIVERED);
      expect(await deliveries.targets()).toEqual([{ ...hooks, pending: 2, dead: 1 }]);
    });

    test("are of the kind of what was last written to them", async () => {
      await begin(told(1, run), told(2, run));
      const changed = told(3, aRun(2), { kind: "SLACK" });
      await bench.store.runs.commit([aNewRun(aRun(2), [], { messages: [changed] })], LEASE);
      await claim();
      await settle(1, DEAD);
      expect(await bench.store.deliveries.targets()).toEqual([
        { target: HOOKS, kind: "SLACK", pending: 2, dead: 1 },
      ]);
    });

    test("of which nothing waits are known as long as they are paused", async () => {
      const { deliveries } = bench.store;
      await begin(told(1, run));
      await deliveries.pause(HOOKS, "WEBHOOK", "ana", timeOf(1));
      await deliveries.resume(HOOKS);
      await claim();
      await deliveries.pause(HOOKS, "WEBHOOK", "ana", timeOf(2));
      await settle(1, DELIVERED);
      expect(await deliveries.targets()).toMatchObject([{ target: HOOKS, pending: 0, pausedAt: timeOf(2) }]);
      expect(await deliveries.resume(HOOKS)).toBe(true);
      expect(await deliveries.targets()).toEqual([]);
    });

    test("that are paused get nothing, and what waits for them goes on when they are resumed", async () => {
      const { deliveries } = bench.store;
      await begin(told(1, run), told(2, run, { target: OTHER, kind: "SLACK" }));
      await deliveries.pause(HOOKS, "WEBHOOK", "ana", timeOf(1));
      expect(await claim()).toEqual([]);
      expect(await deliveries.due()).toEqual([{ target: OTHER, dueAt: START }]);
      expect(await claimedIds(START, OTHER)).toEqual([idOf("dlv", 2)]);
      const paused = {
        target: HOOKS,
        kind: "WEBHOOK",
        pending: 1,
        dead: 0,
        pausedAt: timeOf(1),
        pausedBy: "ana",
      };
      expect(await deliveries.targets()).toContainEqual(paused);
      expect(await deliveries.resume(HOOKS)).toBe(true);
      expect(await deliveries.resume(HOOKS)).toBe(false);
      expect(await claimedIds()).toEqual([idOf("dlv", 1)]);
      const { pausedAt: _at, pausedBy: _by, ...resumed } = paused;
      expect(await deliveries.targets()).toContainEqual(resumed);
    });

    test("may be paused before they are used, and stay so over a restart", async () => {
      await bench.store.deliveries.pause(HOOKS, "WEBHOOK", "ana", timeOf(1));
      await bench.store.deliveries.pause(HOOKS, "WEBHOOK", "bob", timeOf(2));
      await begin(told(1, run));
      await bench.store.close();
      const { deliveries } = await bench.another();
      expect(await deliveries.targets()).toEqual([
        { target: HOOKS, kind: "WEBHOOK", pending: 1, dead: 0, pausedAt: timeOf(2), pausedBy: "bob" },
      ]);
      expect(await deliveries.due()).toEqual([]);
      expect(await deliveries.resume("channel:unknown")).toBe(false);
    });

    test("that are paused keep what is under way, which ends as it ends", async () => {
      await begin(told(1, run), told(2, run, { lane: "lane-1" }));
      await claim();
      await bench.store.deliveries.pause(HOOKS, "WEBHOOK", "ana", timeOf(1));
      await settle(1, DELIVERED);
      expect(await claim()).toEqual([]);
      expect(await bench.store.deliveries.targets()).toMatchObject([{ pending: 1 }]);
    });
  });

  describe("sending again", () => {
    const inLane = (...numbers: number[]) => numbers.map((n) => told(n, run, { lane: "lane" }));

    test("makes a dead one due, with its message and the tries it had, and its time begins anew", async () => {
      const message = told(1, run);
      await begin(message);
      await die(1);
      expect(await bench.store.deliveries.resend({ id: idOf("dlv", 1) }, START + 5)).toBe(1);
      const shown = { tries: 1, error: "404 Not Found", attempts: [{ number: 1, ...anAttempt(1) }] };
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toEqual(
        asShown(message, { ...shown, nextTryAt: new Date(START + 5).toISOString() }),
      );
      expect(await claim(START + 4)).toEqual([]);
      expect(await claim(START + 5)).toEqual([
        asDue(message, run.id, { tries: 1, error: "404 Not Found", since: START + 5 }),
      ]);
      await settle(1, DELIVERED);
      expect(await bench.store.deliveries.find(idOf("dlv", 1))).toMatchObject({
        state: "DELIVERED",
        tries: 2,
        attempts: [{ number: 1 }, { number: 2 }],
      });
      expect(await bench.store.deliveries.targets()).toEqual([]);
    });

    test("refuses what is unknown or not dead", async () => {
      await begin(told(1, run), told(2, run));
      await claim();
      await settle(2, DELIVERED);
      const resend = (id: string) => bench.store.deliveries.resend({ id }, START);
      await expect(resend("dlv-unknown")).rejects.toMatchObject({ code: "NOT_FOUND" });
      for (const n of [1, 2])
        await expect(resend(idOf("dlv", n))).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await bench.store.deliveries.targets()).toMatchObject([{ pending: 1, dead: 0 }]);
    });

    test("puts them back where they were in their lane", async () => {
      await begin(...inLane(1, 2, 3, 4));
      await die(1, 2, 3);
      expect(await bench.store.deliveries.resend({ id: idOf("dlv", 3) }, START)).toBe(1);
      expect(await bench.store.deliveries.resend({ id: idOf("dlv", 1) }, START)).toBe(1);
      for (const n of [1, 3, 4]) {
        expect(await claimedIds()).toEqual([idOf("dlv", n)]);
        await settle(n, DELIVERED);
      }
    });

    test("lets a later one that is under way end first", async () => {
      await begin(...inLane(1, 2, 3));
      await die(1);
      expect(await claimedIds()).toEqual([idOf("dlv", 2)]);
      await bench.store.deliveries.resend({ target: HOOKS }, START);
      expect(await claimedIds()).toEqual([]);
      expect(await settle(2, { state: "PENDING", dueAt: START, error: "500" })).toEqual({
        target: HOOKS,
        dueAt: START,
      });
      for (const n of [1, 2, 3]) {
        expect(await claimedIds()).toEqual([idOf("dlv", n)]);
        await settle(n, DELIVERED);
      }
    });

    test("goes on in order when the later one was given back or its server ended", async () => {
      for (const freed of ["release", "releaseAll"] as const) {
        const base = freed === "release" ? 10 : 20;
        const messages = [1, 2].map((n) => told(base + n, run, { lane: freed, target: freed }));
        const id = (n: number) => idOf("dlv", base + n);
        await bench.store.runs.commit([aNewRun(aRun(base), [], { messages })], LEASE);
        await claim(START, freed);
        await settle(base + 1, DEAD);
        await claim(START, freed);
        await bench.store.deliveries.resend({ id: id(1) }, START);
        if (freed === "release") await bench.store.deliveries.release([id(2)], START);
        else await bench.store.deliveries.releaseAll();
        expect(await claimedIds(START, freed)).toEqual([id(1)]);
      }
    });

    test("takes all dead ones of a target, however many, and no others", async () => {
      const numbers = Array.from({ length: 450 }, (_, i) => i + 1);
      const many = numbers.map((n) => told(n, run, { lane: `lane-${n % 7}` }));
      await begin(...many, told(500, run, { target: OTHER, lane: "other" }), told(501, run));
      await claim(START, OTHER);
      await settle(500, DEAD);
      for (let left = numbers.length + 1; left > 0; ) {
        const claimed = await claim();
        left -= claimed.length;
        for (const { id } of claimed)
          await bench.store.deliveries.settle(
            id,
            id === idOf("dlv", 501) ? DELIVERED : DEAD,
            undefined,
            START,
          );
      }
      expect(await bench.store.deliveries.targets()).toMatchObject([{ dead: 1 }, { pending: 0, dead: 450 }]);
      // One that dies again meanwhile is not taken twice.
      const resending = bench.store.deliveries.resend({ target: HOOKS }, START);
      const [early] = await bench.store.deliveries.claim(HOOKS, OWNER, START, 1);
      await bench.store.deliveries.settle(early?.id as string, DEAD, undefined, START);
      expect(await resending).toBe(450);
      expect(await bench.store.deliveries.targets()).toMatchObject([{ dead: 1 }, { pending: 449, dead: 1 }]);
      expect(await bench.store.deliveries.resend({ target: HOOKS }, START)).toBe(1);
      expect(await bench.store.deliveries.targets()).toMatchObject([{ dead: 1 }, { pending: 450, dead: 0 }]);
      expect(await claimedIds()).toEqual(numbers.slice(0, 7).map((n) => idOf("dlv", n)));
      expect(await bench.store.deliveries.resend({ target: HOOKS }, START)).toBe(0);
      expect(await bench.store.deliveries.resend({ target: "channel:unknown" }, START)).toBe(0);
    });
  });
}
