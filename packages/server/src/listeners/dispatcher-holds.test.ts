// What holds messages back and lets them go again, in the dispatcher and against real receivers: room for what is under
// way, limits of a kind, rests, the breaker, pauses between tries.

import type { Listeners } from "@mflow/core/schema/listener";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DispatcherTiming } from "./dispatcher-timing.ts";
import { targetOf } from "./hub.ts";
import { FAST, type OutboxRig, openOutboxRig, until } from "./testing/outbox-rig.ts";
import { Receiver } from "./testing/receiver.ts";

let receiver: Receiver;
let rig: OutboxRig;

async function open(timing: Partial<DispatcherTiming> = {}): Promise<void> {
  rig = await openOutboxRig({ timing });
}

beforeEach(async () => {
  receiver = await Receiver.open();
});
afterEach(async () => {
  await rig.close();
  await receiver.close();
});

const RETRY = FAST.retry as DispatcherTiming["retry"];

const target = (path: string) => targetOf("WEBHOOK", receiver.url(path));
const addRun = (...paths: string[]) =>
  rig.addRun({ webhooks: paths.map((path) => ({ url: receiver.url(path) })) });

const ended = async (count: number) =>
  until(async () => (await rig.deliveries()).filter(({ state }) => state !== "PENDING").length === count);

test("targets that hang leave room for others, as long as less is under way than may be", async () => {
  await open({ timeoutMs: 30_000 });
  const paths = Array.from({ length: 50 }, (_, n) => (n < 32 ? `/hangs/${n}` : `/fine/${n}`));
  const run = await addRun(...paths);
  await rig.tell(run, ["ACTIVE"]);
  await ended(50);
  receiver.received.length = 0;
  receiver.behaviour = ({ path }) => (path.startsWith("/hangs") ? undefined : 200);
  await rig.tell(run, ["CANCELED"]);
  await ended(50 + 18);
  await receiver.has(50);
  expect(receiver.received.map(({ path }) => path).toSorted()).toEqual(paths.toSorted());
});

test("a target that always has had too many is given up after its time, and what follows goes on", async () => {
  await open({ retry: { ...RETRY, giveUpAfterMs: 150 } });
  receiver.behaviour = ({ body }) => (JSON.parse(body).type === "ACTIVE" ? 429 : 200);
  await rig.tell(await addRun("/hook"), ["ACTIVE", "CANCELED"]);
  const settled = await rig.settled();
  expect(settled.map(({ event, state }) => `${event} ${state}`).toSorted()).toEqual([
    "ACTIVE DEAD",
    "CANCELED DELIVERED",
  ]);
  expect(rig.listeners.dispatcher.busy()).toBe(false);
});

test("a channel that becomes one of another kind takes no more than that kind does", async () => {
  await open();
  const { channels } = rig.listeners;
  const url = receiver.url("/room");
  const both: Listeners = { webhooks: [{ channel: "room" }], imRobots: [{ channel: "room" }] };
  await channels.put("room", { kind: "WEBHOOK", url }, "ada");
  await rig.tell(await rig.addRun(both), ["ACTIVE"]);
  await until(() => receiver.received.length === 1);
  await channels.put("room", { kind: "FEISHU", url }, "ada");
  receiver.behaviour = () => [200, { code: 0 }];
  const runs = await Promise.all(Array.from({ length: 6 }, () => rig.addRun(both)));
  const start = performance.now();
  for (const run of runs) await rig.tell(run, ["ACTIVE"]);
  expect(await rig.store.deliveries.targets()).toMatchObject([{ target: "channel:room", kind: "FEISHU" }]);
  await receiver.has(7);
  // 3 at once, and then 3 in 2 s.
  expect(performance.now() - start).toBeGreaterThan(1_800);
});

test("waking one target leaves the others what they are", async () => {
  await open({ breaker: { failures: 1, firstOpenMs: 60_000, longestOpenMs: 60_000, random: () => 0.5 } });
  receiver.behaviour = () => 500;
  const { dispatcher } = rig.listeners;
  await rig.tell(await addRun("/a", "/b"), ["ACTIVE"]);
  const [a, b] = [target("/a"), target("/b")];
  await until(() => dispatcher.failing().length === 2);
  expect(dispatcher.failing().toSorted()).toEqual([a, b].toSorted());
  const before = dispatcher.openUntil(a);
  receiver.received.length = 0;
  receiver.behaviour = () => 200;
  dispatcher.wake(b);
  await until(() => dispatcher.openUntil(b) === undefined);
  expect(dispatcher.openUntil(a)).toBe(before);
  expect(receiver.received.map(({ path }) => path)).toEqual(["/b"]);
});

test("a message that is sent again is tried as one that is new, with short pauses first", async () => {
  await open({ retry: { ...RETRY, longestMs: 60_000, firstMs: 20 } });
  receiver.behaviour = () => (receiver.received.length < 7 ? 500 : 404);
  await rig.tell(await addRun("/hook"), ["ACTIVE"]);
  const [dead] = await rig.settled();
  expect({ state: dead?.state, tries: dead?.tries }).toEqual({ state: "DEAD", tries: 7 });
  await rig.store.deliveries.resend({ id: dead?.id ?? "" }, Date.now());
  const times: number[] = [];
  receiver.behaviour = () => {
    times.push(performance.now());
    return times.length === 1 ? 500 : 200;
  };
  rig.listeners.dispatcher.wake(target("/hook"));
  await rig.settled();
  // After eight failures it would be nearly two seconds.
  expect((times[1] ?? Number.POSITIVE_INFINITY) - (times[0] ?? 0)).toBeLessThan(1_700);
});
