// The dispatcher against real receivers, with short times.

import type { Delivery } from "@mflow/core/schema/delivery";
import type { ListenerEvent } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DispatcherTiming } from "./dispatcher-timing.ts";
import { targetOf } from "./hub.ts";
import { FAST, type OutboxRig, openOutboxRig, until } from "./testing/outbox-rig.ts";
import { type Behaviour, type Received, Receiver } from "./testing/receiver.ts";

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

const STAGES: ListenerEvent[] = ["ACTIVE", "CANCELING", "CANCELED"];

const idOf = ({ headers }: Received) => headers["webhook-id"];
const target = (path = "/hook") => targetOf("WEBHOOK", receiver.url(path));

/** Answers as the list says, one entry per request, and well afterwards. */
function inTurn(...behaviours: Behaviour[]): Behaviour {
  return (got, response) => (behaviours.shift() ?? (() => 200))(got, response);
}
const hangUp: Behaviour = (_got, response) => {
  response.destroy();
  return undefined;
};
const sayNothing: Behaviour = () => undefined;

/** A run with one webhook for each path. */
const addRun = (...paths: string[]) =>
  rig.addRun({
    webhooks: (paths.length > 0 ? paths : ["/hook"]).map((path) => ({ url: receiver.url(path) })),
  });

/** The deliveries of messages, in their order. */
async function deliveriesOf(messages: Message[]): Promise<(Delivery | undefined)[]> {
  const all = await rig.deliveries();
  return messages.map(({ id }) => all.find(({ messageId }) => messageId === id));
}

const attempts = () => rig.listeners.dispatcher.figures.all().get("WEBHOOK")?.attempts;

test("what fails is tried again with the same message id, and what follows in the lane waits for it", async () => {
  await open({ timeoutMs: 2_000 });
  receiver.behaviour = inTurn(
    () => 500,
    hangUp,
    sayNothing,
    () => 408,
  );
  const messages = await rig.tell(await addRun(), STAGES);
  await rig.settled();
  const settled = await deliveriesOf(messages);
  const [first, second, third] = messages.map(({ id }) => id);
  expect(receiver.received.map(idOf)).toEqual([first, first, first, first, first, second, third]);
  expect(settled.map((each) => ({ event: each?.event, state: each?.state, tries: each?.tries }))).toEqual([
    { event: "ACTIVE", state: "DELIVERED", tries: 5 },
    { event: "CANCELING", state: "DELIVERED", tries: 1 },
    { event: "CANCELED", state: "DELIVERED", tries: 1 },
  ]);
  const { attempts: made = [] } = (await rig.store.deliveries.find(settled[0]?.id ?? "")) ?? {};
  const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(made.map(({ at: _at, durationMs: _duration, ...attempt }) => attempt)).toEqual([
    { number: 1, requestDigest: digest, status: 500, error: "the receiver answered 500" },
    { number: 2, error: expect.stringMatching(/^127\.0\.0\.1:\d+ did not answer: other side closed$/) },
    { number: 3, error: "no answer within 2 s" },
    { number: 4, requestDigest: digest, status: 408, error: "the receiver answered 408" },
    { number: 5, requestDigest: digest, status: 200 },
  ]);
});

test("an answer that takes its time within the limit is taken", async () => {
  await open();
  receiver.behaviour = async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return 200;
  };
  await rig.tell(await addRun(), ["ACTIVE"]);
  expect((await rig.settled()).map(({ state, tries }) => ({ state, tries }))).toEqual([
    { state: "DELIVERED", tries: 1 },
  ]);
});

test("a message that is refused is dead at once, says why, and releases the next", async () => {
  await open();
  receiver.behaviour = inTurn(() => [422, { error: "no such field" }]);
  const messages = await rig.tell(await addRun(), ["ACTIVE", "CANCELED"]);
  await rig.settled();
  const settled = await deliveriesOf(messages);
  expect(settled.map((each) => ({ state: each?.state, tries: each?.tries, error: each?.error }))).toEqual([
    { state: "DEAD", tries: 1, error: "the receiver answered 422" },
    { state: "DELIVERED", tries: 1, error: undefined },
  ]);
  const found = await rig.store.deliveries.find(settled[0]?.id ?? "");
  expect(found?.attempts?.[0]?.response).toBe('{"error":"no such field"}');
});

test("a message is given up after its time, but not before some tries", async () => {
  await open({
    retry: { ...(FAST.retry as DispatcherTiming["retry"]), giveUpAfterMs: 0, leastTries: 3 },
    breaker: { failures: 100, firstOpenMs: 1, longestOpenMs: 1, random: () => 0 },
  });
  receiver.behaviour = () => 503;
  await rig.tell(await addRun(), ["ACTIVE"]);
  expect((await rig.settled()).map(({ state, tries }) => ({ state, tries }))).toEqual([
    { state: "DEAD", tries: 3 },
  ]);
});

test("lanes do not wait for each other: another run and another listener go on", async () => {
  await open({ timeoutMs: 1_000 });
  const slow = await addRun("/slow");
  const fine = await addRun("/fine");
  const both = await addRun("/slow", "/fine");
  receiver.behaviour = (got) => (got.path === "/slow" ? undefined : 200);
  for (const run of [slow, fine, both]) await rig.tell(run, ["ACTIVE", "CANCELED"]);
  const fineRequests = () => receiver.received.filter(({ path }) => path === "/fine").length;
  await until(() => fineRequests() === 4);
  receiver.behaviour = () => 200;
  expect((await rig.settled()).map(({ state }) => state)).toEqual(Array(8).fill("DELIVERED"));
});

test("a target gets no more at once than it takes", async () => {
  await open({ timeoutMs: 20_000 });
  let now = 0;
  let most = 0;
  const release = Promise.withResolvers<void>();
  receiver.behaviour = async () => {
    most = Math.max(most, ++now);
    await release.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    now--;
    return 200;
  };
  for (let index = 0; index < 40; index++) await rig.tell(await addRun(), ["ACTIVE"]);
  await until(() => now >= 8);
  release.resolve();
  await rig.settled();
  expect(receiver.received).toHaveLength(40);
  expect(most).toBe(8);
});

test("a target that has had too many rests as long as it says, which is no failure", async () => {
  await open({ breaker: { failures: 1, firstOpenMs: 60_000, longestOpenMs: 60_000, random: () => 0 } });
  const times: number[] = [];
  receiver.behaviour = (_got, response) => {
    times.push(performance.now());
    if (times.length > 1) return 200;
    response.writeHead(429, { "retry-after": "1" }).end();
    return undefined;
  };
  const messages = await rig.tell(await addRun(), ["ACTIVE"]);
  await until(() => attempts() === 1);
  // Another run has nothing to do with it, but the target is the same.
  messages.push(...(await rig.tell(await addRun(), ["ACTIVE"])));
  await rig.settled();
  const settled = await deliveriesOf(messages);
  expect(settled.map((each) => ({ state: each?.state, tries: each?.tries }))).toEqual([
    { state: "DELIVERED", tries: 2 },
    { state: "DELIVERED", tries: 1 },
  ]);
  const [first = 0, ...later] = times;
  expect(later.filter((time) => time - first < 950)).toEqual([]);
});

test("after failures of several messages the target is left alone, then one message tries", async () => {
  await open({ breaker: { failures: 3, firstOpenMs: 500, longestOpenMs: 500, random: () => 0.5 } });
  receiver.behaviour = () => 500;
  for (let index = 0; index < 6; index++) await rig.tell(await addRun(), ["ACTIVE"]);
  const { dispatcher } = rig.listeners;
  await until(() => dispatcher.openUntil(target()) !== undefined);
  const openUntil = Date.parse(dispatcher.openUntil(target()) ?? "");
  expect(openUntil).toBeGreaterThan(Date.now());
  // Whatever was under way when it opened is done when all of it is noted.
  await until(() => attempts() === receiver.received.length);
  const count = receiver.received.length;
  const times: number[] = [];
  receiver.behaviour = () => {
    times.push(Date.now());
    return 200;
  };
  await rig.tell(await addRun(), ["ACTIVE"]);
  await rig.settled();
  expect(times.filter((time) => time < openUntil)).toEqual([]);
  expect(receiver.received).toHaveLength(count + 7);
  expect(rig.listeners.dispatcher.openUntil(target())).toBeUndefined();
});

test("one message that fails again and again does not cut off the others", async () => {
  await open();
  receiver.behaviour = () => (receiver.received.length < 8 ? 500 : 200);
  await rig.tell(await addRun(), ["ACTIVE"]);
  await receiver.has(5);
  expect(rig.listeners.dispatcher.openUntil(target())).toBeUndefined();
  expect((await rig.settled()).map(({ state, tries }) => ({ state, tries }))).toEqual([
    { state: "DELIVERED", tries: 8 },
  ]);
});

test("a paused target gets nothing, keeps what waits, and gets all of it in order when it is resumed", async () => {
  await open();
  const run = await addRun();
  await rig.store.deliveries.pause(target(), "WEBHOOK", "otto", new Date().toISOString());
  rig.listeners.dispatcher.wake(target());
  await rig.tell(run, STAGES);
  await rig.restart();
  expect(rig.listeners.dispatcher.busy()).toBe(false);
  expect(receiver.received).toEqual([]);
  await rig.store.deliveries.resume(target());
  rig.listeners.dispatcher.wake(target());
  await rig.settled();
  expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual(STAGES);
});

test("a dead message can be sent again, under the same id", async () => {
  await open();
  receiver.behaviour = inTurn(() => 404);
  const [message] = await rig.tell(await addRun(), ["ACTIVE"]);
  const [dead] = await rig.settled();
  expect(dead?.state).toBe("DEAD");
  await rig.store.deliveries.resend({ id: dead?.id ?? "" }, Date.now());
  rig.listeners.dispatcher.wake(target());
  const [sent] = await rig.settled();
  expect({ state: sent?.state, tries: sent?.tries }).toEqual({ state: "DELIVERED", tries: 2 });
  expect(receiver.received.map(idOf)).toEqual([message?.id, message?.id]);
});

test("a stop gives up what hangs, and the next life sends it", async () => {
  await open({ timeoutMs: 20_000 });
  receiver.behaviour = sayNothing;
  const [message] = await rig.tell(await addRun(), ["ACTIVE"]);
  await receiver.has(1);
  receiver.behaviour = () => 200;
  const start = performance.now();
  await rig.restart();
  expect(performance.now() - start).toBeLessThan(5_000);
  expect((await rig.settled()).map(({ state, tries }) => ({ state, tries }))).toEqual([
    { state: "DELIVERED", tries: 1 },
  ]);
  expect(receiver.received.map(idOf)).toEqual([message?.id, message?.id]);
});

test("starting and stopping twice does no harm", async () => {
  await open();
  const { dispatcher } = rig.listeners;
  await Promise.all([
    dispatcher.start(),
    dispatcher.stop(),
    dispatcher.stop(),
    dispatcher.start(),
    dispatcher.start(),
  ]);
  await rig.tell(await addRun(), ["ACTIVE"]);
  await rig.settled();
  await dispatcher.stop();
  await dispatcher.stop();
  expect(receiver.received).toHaveLength(1);
});

test("secrets of a delivery are in no record, though the receiver repeats them", async () => {
  await open();
  const secret = "a secret that signs";
  const token = "t0ken-in-the-path-0123456789";
  const authorization = "Bearer 0123456789abcdef";
  const url = receiver.url(`/hook/${token}?key=${token}`);
  receiver.behaviour = (got) => [400, { ...got, secret }];
  const run = await rig.addRun({ webhooks: [{ url, secret, headers: { Authorization: authorization } }] });
  await rig.tell(run, ["ACTIVE"]);
  const [dead] = await rig.settled();
  const found = JSON.stringify(await rig.store.deliveries.find(dead?.id ?? ""));
  expect(found).toContain("***");
  for (const hidden of [secret, token, authorization]) expect(found).not.toContain(hidden);
});

test("what is kept of an answer is cut at 4 KB, no character in half", async () => {
  await open();
  receiver.behaviour = () => [400, `x${"界".repeat(30_000)}`];
  await rig.tell(await addRun(), ["ACTIVE"]);
  const [dead] = await rig.settled();
  const { response = "" } = (await rig.store.deliveries.find(dead?.id ?? ""))?.attempts?.[0] ?? {};
  expect(response).toBe(`x${"界".repeat(1365)}`);
  expect(Buffer.byteLength(response)).toBe(4096);
});

test("1,000 events to a target that is down for its first half all arrive, in order per run, none twice", async () => {
  await open({ retry: { ...(FAST.retry as DispatcherTiming["retry"]), firstMs: 50, longestMs: 500 } });
  let isDown = true;
  receiver.behaviour = () => (isDown ? 503 : 200);
  const runs = await Promise.all(Array.from({ length: 50 }, () => addRun()));
  const sent = new Map<string, string[]>(runs.map((run) => [run, []]));
  for (let round = 0; round < 20; round++) {
    if (round === 10) isDown = false;
    for (const run of runs) {
      const [message] = await rig.tell(run, ["ACTIVE"]);
      sent.get(run)?.push(message?.id ?? "");
    }
  }
  await rig.settled(60_000);
  const delivered = new Map<string, string[]>(runs.map((run) => [run, []]));
  for (const got of receiver.received) {
    const { id, run } = JSON.parse(got.body);
    const ids = delivered.get(run.id) ?? [];
    if (!ids.includes(id)) ids.push(id);
  }
  expect(delivered).toEqual(sent);
  expect([...sent.values()].flat()).toHaveLength(1000);
  expect(rig.warnings).toEqual([]);
}, 120_000);

test("what the store did not note is sent again once its lease has ended, and nothing is idle until then", async () => {
  await open({ leaseMs: 200, sweepMs: 600_000 });
  const { dispatcher } = rig.listeners;
  const refused = Promise.withResolvers<void>();
  vi.spyOn(rig.store.deliveries, "settle").mockImplementationOnce(async () => {
    refused.resolve();
    throw new Error("the database is locked");
  });
  const idle = new Promise<void>((resolve) => dispatcher.subscribe(resolve));
  const [message] = await rig.tell(await addRun(), ["ACTIVE"]);
  await refused.promise;
  await idle;
  expect(receiver.received.map(idOf)).toEqual([message?.id, message?.id]);
  expect((await rig.deliveries()).map(({ state }) => state)).toEqual(["DELIVERED"]);
});

test("busy until nothing waits, and whoever watches is told when that is so", async () => {
  await open();
  const { dispatcher } = rig.listeners;
  let told = 0;
  const unsubscribe = dispatcher.subscribe(() => told++);
  const release = Promise.withResolvers<void>();
  receiver.behaviour = async () => {
    await release.promise;
    return 200;
  };
  await rig.tell(await addRun(), ["ACTIVE"]);
  expect(dispatcher.busy()).toBe(true);
  await receiver.has(1);
  expect([dispatcher.busy(), told]).toEqual([true, 0]);
  release.resolve();
  await rig.settled();
  await until(() => !dispatcher.busy());
  expect(told).toBeGreaterThan(0);
  unsubscribe();
});
