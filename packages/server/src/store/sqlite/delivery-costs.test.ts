// What deliveries, gates and the decision record cost does not grow with how many there are: no statement looks through
// a table that grows, and 100,000 deliveries that wait slow nothing down.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { DELIVERY_STATES } from "@mflow/core/schema/delivery";
import { Kysely } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listRecords } from "../lists.ts";
import type { Store } from "../store.ts";
import type { Tables } from "../tables.ts";
import { aDecision, aGate, anAttempt, HOOKS, told } from "../testing/delivery-records.ts";
import { aNewRun, aRun, aTaskOf, idOf, LEASE } from "../testing/records.ts";
import { Connection } from "./connection.ts";
import { sqliteDialect } from "./kysely-dialect.ts";
import { openSqliteStore, sqliteStore } from "./sqlite.ts";

/**
 * Tables that grow with the work done, and what statements call them. `delivery_targets` holds no more than what its list
 * shows.
 */
const GROWING =
  "(runs|tasks|definitions|messages|m|deliveries|d|delivery_attempts|waiting_gates|succeeded_tasks|decision_records|history|search_hits|h|p)";
/** A step that goes through all rows, or all from a place on; but events and records are read from a place on. */
const LOOKS_THROUGH = new RegExp(
  `^SCAN ${GROWING}\\b|^SEARCH (?!history|decision_records)${GROWING} .*\\(rowid[<>]`,
);
/** Partial indexes hold the few rows that matter now. */
const SMALL = /deliveries_leased|runs_open|tasks_alone_open/;

/** Notes each statement. */
class NotedConnection extends Connection {
  readonly statements = new Set<string>();

  override prepare(sql: string): StatementSync {
    this.statements?.add(sql);
    return super.prepare(sql);
  }
}

/** The steps of the statement that look through a table that grows. */
function badSteps(database: DatabaseSync, sql: string): string[] {
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
  return steps
    .map(({ detail }) => detail as string)
    .filter((step) => LOOKS_THROUGH.test(step) && !SMALL.test(step));
}

let folder: string;
let path: string;
let stores: Store[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-costs-"));
  path = join(folder, "mflow.db");
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true });
});

test("no statement looks through a table that grows", async () => {
  const connection = new NotedConnection(path);
  const store = sqliteStore(connection);
  stores.push(store);
  // Some statements are made when they are first needed.
  await store.records.list({ after: 0, limit: 10, pipelineTaskId: aRun(1).id });
  await store.records.list({ after: 0, limit: 10, taskId: "task-1" });
  const database = new DatabaseSync(path, { readOnly: true });
  const bad = [...connection.statements]
    .filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql) && !/\b(effects|idempotency)\b/.test(sql))
    .map((sql) => [sql, badSteps(database, sql)])
    .filter(([, steps]) => (steps as string[]).length > 0);
  database.close();
  expect(connection.statements.size).toBeGreaterThan(80);
  expect(bad).toEqual([]);
});

test("no list of deliveries looks through a table that grows", async () => {
  stores.push(await openSqliteStore(path));
  const run = aRun(1);
  await stores[0]?.runs.commit([aNewRun(run, [], { messages: [told(1, run)] })], LEASE);
  const database = new DatabaseSync(path, { readOnly: true });
  const asked = new Set<string>();
  const log = ({ query }: { query: { sql: string } }) => void asked.add(query.sql);
  const db = new Kysely<Tables>({ dialect: sqliteDialect(database), log });
  const after = { cursor: Buffer.from(`${Date.now() + 1e9}.dlv-z`).toString("base64url") };
  for (const scope of [
    {},
    { scope: { domain: "default" } },
    { scope: { domain: "default", namespace: "default" } },
  ])
    for (const states of [{}, { stages: ["PENDING"] }, { stages: [...DELIVERY_STATES] }])
      for (const target of [{}, { target: HOOKS }])
        for (const owner of [{}, { pipelineTaskId: run.id }, { taskId: "task-1" }])
          await listRecords(db, "delivery", {
            limit: 10,
            ...scope,
            ...states,
            ...target,
            ...owner,
            ...after,
          });
  const statements = [...asked].filter((sql) => /deliveries|search_hits/.test(sql));
  expect(statements.length).toBeGreaterThan(8);
  const bad = statements.map((sql) => [sql, badSteps(database, sql)]).filter(([, steps]) => steps?.length);
  await db.destroy();
  expect(bad).toEqual([]);
});

/** So many deliveries that wait for one target, in so many lanes. */
function fill(count: number, lanes: number): void {
  const database = new DatabaseSync(path);
  const now = Date.now();
  database.exec(`
    PRAGMA synchronous = OFF;
    BEGIN;
    CREATE TEMP TABLE numbers AS
      WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ${count}) SELECT i FROM k;
    INSERT INTO messages (id, event, domain, namespace, aggregate_id, body)
      SELECT 'msg-old-' || i, 'FAILED', 'default', 'default', 'run-old-' || (i % 500), '{}' FROM numbers;
    INSERT INTO deliveries (id, message, kind, target, lane, listener, action, state, tries, created, since, due_at, claimable_at)
      SELECT 'dlv-old-' || i, i, 'WEBHOOK', '${HOOKS}', 'old-' || (i % ${lanes}), 'task/webhooks/0', 'SEND', 'PENDING',
        0, ${now}, ${now}, ${now}, CASE WHEN i <= ${lanes} THEN ${now} END FROM numbers;
    INSERT INTO delivery_targets (target, kind, pending, dead) VALUES ('${HOOKS}', 'WEBHOOK', ${count}, 0);
    INSERT INTO search_terms (term, kind, facet, key, value, domain, namespace) VALUES
      (1, 'delivery', 'ALL', '', '', 'default', 'default'), (2, 'delivery', 'TARGET', '', '${HOOKS}', 'default', 'default');
    INSERT INTO search_hits (term, phase, created, id)
      SELECT 1, 'PENDING', ${now}, 'dlv-old-' || i FROM numbers UNION ALL
      SELECT 2, 'PENDING', ${now}, 'dlv-old-' || i FROM numbers;
    COMMIT;
  `);
  database.close();
}

type Times = Record<"write" | "claim" | "settle", number[]>;

/** One round of writing, claiming and settling deliveries; notes what each took, milliseconds. */
async function round(store: Store, n: number, taken: Times): Promise<void> {
  const timed = async <T>(what: keyof Times, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const done = await work();
    taken[what].push(performance.now() - start);
    return done;
  };
  const lease = { owner: "server-1", until: Date.now() + 1e9 };
  const run = aRun(n);
  const messages = [told(3 * n, run), told(3 * n + 1, run), told(3 * n + 2, run, { lane: "old-0" })];
  await timed("write", () => store.runs.commit([aNewRun(run, [], { messages })], LEASE));
  const [claimed] = await timed("claim", () => store.deliveries.claim(HOOKS, lease, Date.now(), 1));
  const id = claimed?.id as string;
  expect(id).toBeDefined();
  const outcome = n % 2 ? ({ state: "DELIVERED" } as const) : ({ state: "DEAD", error: "404" } as const);
  await timed("settle", () => store.deliveries.settle(id, outcome, anAttempt(n), Date.now()));
}

/** Milliseconds that the work took in the shortest of five times: other programs share the processor. */
async function shortest(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 5; time++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function median(all: number[]): number {
  return all.toSorted((a, b) => a - b)[all.length >> 1] as number;
}

describe("100,000 deliveries that wait for one target", () => {
  const ROUNDS = 60;
  // Far above what differs, far below what looking through them would take.
  const MOST = 8;

  for (const lanes of [1, 10_000])
    test(`slow down neither new ones nor claims nor outcomes, in ${lanes} ${lanes === 1 ? "lane" : "lanes"}`, async () => {
      const empty = await openSqliteStore(join(folder, "empty.db"));
      stores.push(empty);
      const full = await openSqliteStore(path);
      stores.push(full);
      fill(100_000, lanes);
      const without: Times = { write: [], claim: [], settle: [] };
      const withThem: Times = { write: [], claim: [], settle: [] };
      for (let n = 1; n <= ROUNDS; n++) {
        await round(empty, n, without);
        await round(full, n, withThem);
      }
      for (const what of ["write", "claim", "settle"] as const)
        expect(median(withThem[what]) / median(without[what]), what).toBeLessThan(MOST);
      const looking = shortest(async () => {
        expect(await full.deliveries.due()).toHaveLength(1);
        expect(await full.deliveries.targets()).toMatchObject([
          { target: HOOKS, pending: 100_000 + 2 * ROUNDS, dead: ROUNDS / 2 },
        ]);
      });
      expect(await looking).toBeLessThan(50);
    });
});

test("gates and successes are found among very many as fast as among few", async () => {
  const store = await openSqliteStore(path);
  stores.push(store);
  const scope = { domain: "default", namespace: "default" };
  const ask = () =>
    shortest(async () => {
      for (let n = 0; n < 50; n++) {
        await store.runs.waitingGates({ names: ["bob", "@qa"], limit: 20 });
        const query = { scope, pipeline: "release", job: "compile", stageName: "main", name: "build" };
        await store.runs.lastSucceeded({ ...query, before: idOf("task", 10) });
      }
    });
  const run = aRun(1);
  const waiting = aTaskOf(run, 1, 1, { audit: aGate(1, ["bob"]) });
  const succeeded = aTaskOf(run, 2, 2, { stage: "SUCCEEDED" });
  await store.runs.commit([aNewRun(run, [waiting, succeeded], { records: [aDecision(1)] })], LEASE);
  const before = await ask();
  const others = Array.from({ length: 3000 }, (_, i) => {
    const other = aRun(i + 100, { name: `other-${i % 9}` });
    const gated = aTaskOf(other, 1, 2 * i + 1000, { audit: aGate(i, ["carl"]) });
    return aNewRun(other, [gated, aTaskOf(other, 2, 2 * i + 1001, { stage: "SUCCEEDED" })]);
  });
  await store.runs.commit(others, LEASE);
  expect(await store.runs.waitingGates({ names: ["bob", "@qa"], limit: 20 })).toEqual({
    items: [{ task: waiting, gate: "audit" }],
  });
  expect(await ask()).toBeLessThan(before * 8);
});
