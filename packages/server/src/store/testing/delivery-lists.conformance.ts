// The list of deliveries: every filter, alone and together, against a plain filter over all of them; and paging while
// they are sent.

import { DELIVERY_STATES, type Delivery } from "@mflow/core/schema/delivery";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeliveryQuery, NewMessage, RunCommit, Store } from "../store.ts";
import type { Bench, Database } from "./bench.ts";
import { aDelivery, aMessage, anAttempt, asShown, HOOKS, told } from "./delivery-records.ts";
import { allPages } from "./pages.ts";
import { aCommit, aNewRun, aNewTask, aRun, aTask, aTaskOf, idOf, LEASE, START, timeOf } from "./records.ts";

const RUNS = 12;
const PER_RUN = 10;
const OWNER = { owner: "server-1", until: START + 1e9 };
const pick = <T>(values: readonly T[], n: number): T => values[n % values.length] as T;
const someRun = (n: number) =>
  aRun(n, { namespace: pick(["default", "ops", "default"], n), domain: pick(["default", "acme"], n >> 1) });
const stateOf = (n: number) => pick(DELIVERY_STATES, n * 3 + (n >> 3));
const targetOf = (n: number) => pick([HOOKS, "channel:mail", "FEISHU open.feishu.cn#12345678"], n);

/** What the test wants a delivery to become; each in a lane of its own. */
function messagesOf(runNumber: number): NewMessage[] {
  const run = someRun(runNumber);
  return Array.from({ length: PER_RUN }, (_, i) => {
    const n = runNumber * PER_RUN + i;
    const about = n % 4 === 0 ? { run } : { run, task: aTaskOf(run, 1, runNumber * 2 + (n % 2)) };
    const state = stateOf(n);
    const isNew = state === "PENDING" || state === "UNSUPPORTED" || state === "UNREACHABLE";
    const delivery = aDelivery(n, { target: targetOf(n), state: isNew ? state : "PENDING" });
    return { message: aMessage(n, about), deliveries: [delivery] };
  });
}

/** Fills the store; answers what its lists should show, newest first. */
async function fill(store: Store, clock: { now: number }): Promise<Delivery[]> {
  const shown: Delivery[] = [];
  const lone = aTask(900);
  const ofLone = { message: aMessage(990, { task: lone }), deliveries: [aDelivery(990)] };
  const commits: [RunCommit, number][] = [
    ...Array.from({ length: RUNS }, (_, i): [RunCommit, number] => [
      aNewRun(someRun(i + 1), [], { messages: messagesOf(i + 1) }),
      i + 1,
    ]),
    [aNewTask(lone, { messages: [ofLone] }), RUNS + 1],
  ];
  for (const [commit, second] of commits) {
    // Two runs in each second: then ids tell the order.
    clock.now = START + (second >> 1) * 1000;
    await store.runs.commit([commit], LEASE);
    for (const message of commit.messages) {
      const createdAt = new Date(clock.now).toISOString();
      const { state } = message.deliveries[0] as { state: string };
      const times = state === "PENDING" ? { nextTryAt: createdAt } : { endedAt: createdAt };
      shown.push(asShown(message, { createdAt, ...times }));
    }
  }
  for (const target of [0, 1, 2].map(targetOf)) {
    for (const { id } of await store.deliveries.claim(target, OWNER, START + 1e8, 1000)) {
      const state = id === idOf("dlv", 990) ? "PENDING" : stateOf(Number(id.slice(4)));
      if (state !== "DELIVERED" && state !== "DEAD") continue;
      const outcome = state === "DEAD" ? ({ state, error: "404" } as const) : ({ state } as const);
      await store.deliveries.settle(id, outcome, anAttempt(1), START + 5000);
      const index = shown.findIndex((delivery) => delivery.id === id);
      const { nextTryAt: _, ...rest } = shown[index] as Delivery;
      const ended = { ...rest, state, tries: 1, endedAt: timeOf(5) };
      shown[index] = state === "DEAD" ? { ...ended, error: "404" } : ended;
    }
  }
  return shown.sort((a, b) =>
    a.createdAt === b.createdAt ? (a.id < b.id ? 1 : -1) : a.createdAt < b.createdAt ? 1 : -1,
  );
}

type Filter = Omit<DeliveryQuery, "limit" | "cursor">;

function plainly(all: Delivery[], { scope, states, target, pipelineTaskId, taskId }: Filter): Delivery[] {
  return all
    .filter(({ domain }) => domain === (scope?.domain ?? domain))
    .filter(({ namespace }) => namespace === (scope?.namespace ?? namespace))
    .filter(({ state }) => states === undefined || states.includes(state))
    .filter((delivery) => delivery.target === (target ?? delivery.target))
    .filter((delivery) => delivery.pipelineTaskId === (pipelineTaskId ?? delivery.pipelineTaskId))
    .filter((delivery) => delivery.taskId === (taskId ?? delivery.taskId));
}

const SCOPES: Filter["scope"][] = [
  undefined,
  { domain: "default" },
  { namespace: "ops" },
  { domain: "acme", namespace: "default" },
  { domain: "nowhere" },
];
const STATES: Filter["states"][] = [undefined, ["PENDING"], ["DEAD", "UNREACHABLE", "DELIVERED"], []];
const TARGETS = [undefined, HOOKS, "channel:unknown"];
const OWNERS: Filter[] = [
  {},
  { pipelineTaskId: aRun(3).id },
  { taskId: aTask(7).id },
  { pipelineTaskId: aRun(3).id, taskId: aTask(7).id },
  { pipelineTaskId: aRun(4).id, taskId: aTask(7).id },
  { taskId: aTask(900).id },
  { pipelineTaskId: "run-unknown" },
];

/** `prepare` makes an empty database whose stores take the time from `now`. */
export function describeDeliveryFilters(
  name: string,
  prepare: (now: () => number) => Promise<Database>,
): void {
  describe(name, () => {
    let database: Database;
    let store: Store;
    let all: Delivery[];

    beforeAll(async () => {
      const clock = { now: START };
      database = await prepare(() => clock.now);
      store = await database.open();
      all = await fill(store, clock);
    });
    afterAll(async () => {
      await store.close();
      await database.dispose();
    });

    test("deliveries in every state and of every target are among those that are listed", () => {
      for (const states of DELIVERY_STATES) expect(plainly(all, { states: [states] })).not.toEqual([]);
      expect(plainly(all, { taskId: aTask(7).id })).not.toEqual([]);
      expect(all).toHaveLength(RUNS * PER_RUN + 1);
    });

    for (const owner of OWNERS)
      test(`deliveries by any filters, page by page, of ${JSON.stringify(owner)}`, async () => {
        for (const scope of SCOPES)
          for (const states of STATES)
            for (const target of TARGETS) {
              const filter: Filter = {
                ...owner,
                ...(scope && { scope }),
                ...(states && { states }),
                ...(target && { target }),
              };
              const listed = await allPages(9, (cursor) =>
                store.deliveries.list({ ...filter, limit: 9, ...(cursor && { cursor }) }),
              );
              expect(listed, JSON.stringify(filter)).toEqual(plainly(all, filter));
            }
      });
  });
}

export function describeDeliveryLists(bench: Bench): void {
  const run = aRun(1);

  describe("lists of deliveries", () => {
    test("show each earlier delivery once while others are added and sent", async () => {
      const { runs, deliveries } = bench.store;
      const messages = Array.from({ length: 30 }, (_, i) => told(i + 1, run));
      await runs.commit([aNewRun(run, [], { messages })], LEASE);
      bench.clock.now += 1000;
      let revision = 1;
      const listed = await allPages(4, async (cursor) => {
        const page = await deliveries.list({ limit: 4, ...(cursor && { cursor }) });
        const more = [told(100 + revision, run)];
        const later = { run: aRun(1, { revision: revision + 1 }), messages: more };
        await runs.commit([aCommit(run.id, revision++, later)], LEASE);
        const [claimed] = await deliveries.claim(HOOKS, OWNER, bench.clock.now, 1);
        await deliveries.settle(claimed?.id as string, { state: "DELIVERED" }, anAttempt(1), bench.clock.now);
        return page;
      });
      expect(listed.map(({ id }) => id)).toEqual(messages.map((_, i) => idOf("dlv", 30 - i)));
    });

    test("see every outcome that was acknowledged", async () => {
      const { runs, deliveries } = bench.store;
      await runs.commit([aNewRun(run, [], { messages: [told(1, run)] })], LEASE);
      const states = async () => {
        const found = DELIVERY_STATES.map(async (state) => {
          const { items } = await deliveries.list({ limit: 5, states: [state], target: HOOKS });
          return items.map((item) => [state, item.state]);
        });
        return (await Promise.all(found)).flat();
      };
      expect(await states()).toEqual([["PENDING", "PENDING"]]);
      await deliveries.claim(HOOKS, OWNER, START, 1);
      await deliveries.settle(idOf("dlv", 1), { state: "DEAD", error: "404" }, anAttempt(1), START);
      expect(await states()).toEqual([["DEAD", "DEAD"]]);
      await deliveries.resend({ id: idOf("dlv", 1) }, START);
      expect(await states()).toEqual([["PENDING", "PENDING"]]);
      await deliveries.settle(idOf("dlv", 1), { state: "DELIVERED" }, anAttempt(2), START);
      expect(await states()).toEqual([["DELIVERED", "DELIVERED"]]);
    });

    test("refuse a bad limit or cursor", async () => {
      for (const query of [{ limit: 0 }, { limit: 501 }, { limit: 1, cursor: "x" }])
        await expect(bench.store.deliveries.list(query)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    });
  });
}
