// The outbox of messages: how fast it empties, what a claim costs however much waits, and what a listener that hangs
// costs a run.

import type { ListenerEvent } from "@mflow/core/schema/listener";
import { targetOf } from "@mflow/server/listeners/hub";
import { type OutboxRig, openOutboxRig } from "@mflow/server/listeners/testing/outbox-rig";
import { Receiver } from "@mflow/server/listeners/testing/receiver";
import { Agent, request } from "undici";
import { type Benchmark, percentile } from "./benchmark.ts";
import { noop, noopStage, openEngineRig } from "./engine-rig.ts";
import { openRawCommits } from "./raw-commits.ts";

/** As a webhook's own limit: the same for both sides of a comparison. */
const AT_ONCE = 8;

async function onRig<T>(work: (rig: OutboxRig, receiver: Receiver) => Promise<T>): Promise<T> {
  const receiver = await Receiver.open();
  const rig = await openOutboxRig({ timing: { timeoutMs: 10_000 } });
  try {
    return await work(rig, receiver);
  } finally {
    await rig.close();
    await receiver.close();
  }
}

/** Commits so many messages of each of so many runs to one webhook, while nothing is sent. */
async function fill(rig: OutboxRig, receiver: Receiver, runs: number, messages: number): Promise<void> {
  await rig.listeners.dispatcher.stop();
  const types = Array<ListenerEvent>(messages).fill("ACTIVE");
  for (let run = 0; run < runs; run++) {
    await rig.tell(await rig.addRun({ webhooks: [{ url: receiver.url() }] }), types);
  }
}

/** Messages per second that the dispatcher delivers from a full outbox. */
async function delivered(
  rig: OutboxRig,
  receiver: Receiver,
  runs: number,
  messages: number,
): Promise<number> {
  await fill(rig, receiver, runs, messages);
  const count = receiver.received.length + runs * messages;
  const start = performance.now();
  await rig.listeners.dispatcher.start();
  await receiver.has(count, 300_000);
  const ms = performance.now() - start;
  await rig.settled(60_000);
  return ((runs * messages) / ms) * 1000;
}

/**
 * Posts per second of the client alone: the same bodies to the same receiver, as many at once, and a bare durable commit
 * for as many as are under way, for what was sent is to be noted.
 */
async function posted(receiver: Receiver, count: number): Promise<number> {
  const raw = openRawCommits();
  const agent = new Agent();
  const body = receiver.received.at(-1)?.body ?? "{}";
  const headers = { "content-type": "application/json" };
  let left = count;
  const start = performance.now();
  const post = async () => {
    while (left-- > 0) {
      const answer = await request(receiver.url(), { dispatcher: agent, method: "POST", headers, body });
      await answer.body.text();
      if (left % AT_ONCE === 0) raw.commit();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, post));
  const ms = performance.now() - start;
  await agent.close();
  raw.close();
  return (count / ms) * 1000;
}

/** Milliseconds of each claim of one delivery, each settled so that the next has its turn. */
async function claims(rig: OutboxRig, receiver: Receiver, count: number): Promise<number[]> {
  const { deliveries } = rig.store;
  const target = targetOf("WEBHOOK", receiver.url());
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const now = Date.now();
    const start = performance.now();
    const [claimed] = await deliveries.claim(target, { owner: "bench", until: now + 60_000 }, now, 1);
    times.push(performance.now() - start);
    if (!claimed) throw new Error("nothing was due");
    const attempt = { at: new Date(now).toISOString(), durationMs: 1, status: 200 };
    await deliveries.settle(claimed.id, { state: "DELIVERED" }, attempt, now);
  }
  return times;
}

const CLAIMS = 500;
const TASKS = 200;
/** Of a task, so that a run takes some seconds, as runs do. */
const TASK_DURATION = "20ms";

export const benchmarks: readonly Benchmark[] = [
  {
    id: "outbox.send",
    work: "10,000 messages of 500 runs (quick: 1,000 of 50) to a local receiver, each claimed, posted and settled durably",
    unit: "messages/s",
    referenceIs: "bare posts per second of the same client, with a bare durable commit for every 8",
    goal: "at least 0.2x",
    reaches: (_, ratio) => (ratio ?? 0) >= 0.2,
    pass: ({ quick }) =>
      onRig(async (rig, receiver) => {
        await delivered(rig, receiver, 20, 10);
        const runs = quick ? 50 : 500;
        const value = await delivered(rig, receiver, runs, 20);
        await posted(receiver, 500);
        return { value, reference: await posted(receiver, runs * 20) };
      }),
  },
  {
    id: "outbox.claim",
    work: "a claim while 100,000 messages of 1,000 runs wait for the target (quick: 10,000 of 100): the middle of 500",
    unit: "ms",
    referenceIs: "a claim when nothing else waits, ms",
    goal: "at most 2x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 2,
    pass: async ({ quick }) => {
      const middle = (runs: number, messages: number) =>
        onRig(async (rig, receiver) => {
          await fill(rig, receiver, runs, messages);
          return percentile(await claims(rig, receiver, CLAIMS), 0.5);
        });
      const reference = await middle(1, CLAIMS);
      return { value: await middle(quick ? 100 : 1000, 100), reference };
    },
  },
  {
    id: "outbox.hang",
    work: `a run of ${TASKS} serial tasks of ${TASK_DURATION}, all of whose events go to a listener that hangs on every call`,
    unit: "ms",
    referenceIs: "the same run without a listener, ms",
    goal: "at most 1.05x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 1.05,
    pass: async ({ quick }) => {
      const receiver = await Receiver.open();
      receiver.behaviour = () => undefined;
      const job = { ...noop, spec: { ...noop.spec, runnerSpec: { duration: TASK_DURATION } } };
      const rig = await openEngineRig({ maxTasks: TASKS, job });
      const stages = [noopStage(quick ? TASKS / 4 : TASKS)];
      const timed = async (more: { webhooks?: { url: string; scope: "*" }[] }) => {
        const start = performance.now();
        await rig.run({ stages, ...more });
        return performance.now() - start;
      };
      try {
        const webhooks = [{ url: receiver.url(), scope: "*" as const }];
        await rig.run({ stages: [noopStage(20)], webhooks });
        const reference = await timed({});
        return { value: await timed({ webhooks }), reference };
      } finally {
        await rig.close();
        await receiver.close();
      }
    },
  },
];
