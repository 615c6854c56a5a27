// Nothing is lost on its way to a listener: a server is killed with SIGKILL between the commit and the sending, in the
// middle of a sending and while it tries again, and started anew. What came is counted by the receiver, and compared
// with the history of the runs, so that the proof does not rest on what mflow says of its deliveries.

import { setTimeout as delay } from "node:timers/promises";
import type { Message } from "@mflow/core/schema/message";
import { type Received, Receiver } from "@mflow/server/listeners/testing/receiver";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.DELIVERY_CRASH_ROUNDS ?? 6);
const RUNS_PER_ROUND = 3;

const place = new CrashPlace("deliveries", ["--allow-target", "127.0.0.1"]);
let receiver: Receiver;

const job = {
  kind: "Job" as const,
  metadata: { name: "work" },
  spec: { runnerType: "FAKE" as const, runnerSpec: { duration: "20ms" } },
};

/** Three listeners: of the run itself, of all its tasks, and of one task alone. */
function spec() {
  const tasks = ["a", "b", "c"].map((name) => ({ name, job: "work" }));
  const own = { webhooks: [{ url: receiver.url("/one"), secret: "signs" }] };
  return {
    stages: [{ name: "main", tasks: tasks.map((task) => (task.name === "b" ? { ...task, ...own } : task)) }],
    webhooks: [{ url: receiver.url("/run") }, { url: receiver.url("/tasks"), scope: "*" as const }],
  };
}

/** When the server is killed: as soon as a request came of which this is true, or at once when there is none. */
type Moment = "AFTER_COMMIT" | "WHILE_SENDING" | "WHILE_RETRYING";
const MOMENTS: Moment[] = ["AFTER_COMMIT", "WHILE_SENDING", "WHILE_RETRYING"];

const runIds: string[] = [];

/** Starts runs and resolves when the moment has come; the server may be busy with earlier ones. */
async function untilMoment(moment: Moment): Promise<void> {
  const { promise: hasCome, resolve: come } = Promise.withResolvers<void>();
  // Some requests are hit by chance; the tenth is, so that the moment always comes.
  let requests = 0;
  const isHit = (share: number) => ++requests === 10 || Math.random() < share;
  receiver.behaviour = async () => {
    if (moment === "WHILE_SENDING" && isHit(0.2)) {
      come();
      // The answer would come after the kill.
      return undefined;
    }
    if (moment === "WHILE_RETRYING" && isHit(0.4)) {
      setTimeout(come, 100 + Math.random() * 1500);
      return 503;
    }
    await delay(Math.random() * 20);
    return 200;
  };
  for (let index = 0; index < RUNS_PER_ROUND; index++) {
    const { run } = await place.client.runs.start({ spec: spec(), documents: [job] });
    runIds.push(run.id);
  }
  if (moment === "AFTER_COMMIT") come();
  await hasCome;
}

beforeAll(async () => {
  receiver = await Receiver.open();
  await place.start();
}, 60_000);

afterAll(async () => {
  await place.dispose();
  await receiver?.close();
}, 60_000);

test(
  `after ${ROUNDS} kills every listener has heard everything, in order, each message under one id`,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await untilMoment(MOMENTS[round % MOMENTS.length] as Moment);
      await place.kill();
      receiver.behaviour = () => 200;
      await place.start();
    }
    await untilSettled();
    expect(runIds).toHaveLength(ROUNDS * RUNS_PER_ROUND);
    expect(await heard()).toEqual(await toBeHeard());
    // Otherwise the kills hit nothing, and this proves nothing.
    expect(receiver.received.length).toBeGreaterThan(new Set(receiver.received.map(idOf)).size);
  },
  Math.max(400_000, ROUNDS * 15_000),
);

/** Resolves when every run has ended and nothing waits to be sent. */
async function untilSettled(): Promise<void> {
  const left = async () => {
    const runs = await place.unendedRuns();
    const { items } = await place.client.deliveries.targets();
    return { runs, pending: items.reduce((sum, { pending }) => sum + pending, 0) };
  };
  await expect.poll(left, { timeout: 240_000 }).toEqual({ runs: [], pending: 0 });
}

const idOf = ({ headers }: Received) => String(headers["webhook-id"]);

/** By listener and run: what came, each message at its first receipt. A second one must be the same message. */
async function heard(): Promise<Record<string, string[]>> {
  const bodies = new Map<string, string>();
  const result: Record<string, string[]> = {};
  for (const got of receiver.received) {
    const { id, type, run, task } = JSON.parse(got.body) as Message;
    expect(idOf(got)).toBe(id);
    const key = `${got.path} ${id}`;
    const before = bodies.get(key);
    bodies.set(key, got.body);
    if (before !== undefined) {
      expect(withoutLink(got.body)).toEqual(withoutLink(before));
      continue;
    }
    result[`${got.path} ${run?.id}`] ??= [];
    result[`${got.path} ${run?.id}`]?.push(task ? `${task.name} ${type}` : type);
  }
  return sorted(result);
}

/** The link has the address of the server, which is another in each of its lives. */
function withoutLink(body: string): unknown {
  const { link: _link, ...message } = JSON.parse(body);
  return message;
}

/** The same from the history of the runs. */
async function toBeHeard(): Promise<Record<string, string[]>> {
  const { client } = place;
  const result: Record<string, string[]> = {};
  const names = new Map<string, string>();
  for (const id of runIds)
    for (const task of (await client.runs.get(id)).tasks) names.set(task.id, task.name);
  for await (const event of client.events({ after: 0, until: await client.newestEvent() })) {
    const { type, stage, pipelineTaskId, taskId } = event;
    if (type !== "TASK_STAGE" && type !== "RUN_STAGE") continue;
    const name = taskId === undefined ? undefined : names.get(taskId);
    const told = name === undefined ? stage : `${name} ${stage}`;
    const paths = name === undefined ? ["/run"] : name === "b" ? ["/tasks", "/one"] : ["/tasks"];
    for (const path of paths) {
      result[`${path} ${pipelineTaskId}`] ??= [];
      result[`${path} ${pipelineTaskId}`]?.push(told ?? "");
    }
  }
  return sorted(result);
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
