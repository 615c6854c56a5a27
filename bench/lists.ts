// Lists and starts on a database that has grown.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import type { RunQuery, Store } from "@mflow/server/store/store";
import { type Benchmark, percentile } from "./benchmark.ts";
import { makeRunDatabase, SERVICES, TEAMS } from "./run-database.ts";
import { makeFolder, onBareServer, onServer, removeFolder } from "./server-process.ts";

const PAGE = 50;
const PAGES = 200;

let made: Promise<string> | undefined;

/** The data folder with the runs; made once for all passes. */
function grownFolder(quick: boolean): Promise<string> {
  made ??= (async () => {
    const folder = await makeFolder();
    await makeRunDatabase(folder, quick ? 20_000 : 100_000);
    return folder;
  })();
  return made;
}

export async function close(): Promise<void> {
  if (made) await removeFolder(await made);
  made = undefined;
}

/** What people look for: failed runs of a team, runs of a service that went well, both with one label more. */
function queryOf(n: number): RunQuery {
  const service = n % SERVICES;
  const labels: Record<string, string>[] = [
    { team: `team-${n % TEAMS}` },
    { service: `service-${service}` },
    { team: `team-${service % TEAMS}`, service: `service-${service}` },
  ];
  return { limit: PAGE, labels: labels[n % 3], stages: [n % 2 === 0 ? "FAILED" : "SUCCEEDED"] };
}

/** Milliseconds of each of many pages: each second one is the second page of its list. */
async function pageTimes(store: Store): Promise<number[]> {
  const times: number[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < PAGES; n++) {
    const query = { ...queryOf(n >> 1), cursor: n % 2 === 0 ? undefined : cursor };
    const start = performance.now();
    const page = await store.runs.listRuns(query);
    times.push(performance.now() - start);
    cursor = page.nextCursor;
  }
  return times;
}

/** Milliseconds of each of many reads of as many runs by their row numbers: the least that a page must do. */
function bareTimes(file: string): number[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const read = db.prepare("SELECT body FROM runs WHERE n > ? LIMIT ?");
  const times: number[] = [];
  for (let n = 0; n < PAGES; n++) {
    const start = performance.now();
    for (const { body } of read.all(n * 97, PAGE)) JSON.parse(body as string);
    times.push(performance.now() - start);
  }
  db.close();
  return times;
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "api.list",
    work: `pages of ${PAGE} of 100,000 runs (quick: 20,000) by labels and stage, in the database: the 95th of 100`,
    unit: "ms",
    referenceIs: `reading ${PAGE} runs by their row numbers with SQLite alone, ms`,
    goal: "at most 10 ms",
    reaches: (value) => value <= 10,
    async pass({ quick }) {
      const file = join(await grownFolder(quick), "mflow.db");
      const store = await openSqliteStore(file);
      // A first page starts the thread of the lists.
      await store.runs.listRuns(queryOf(0));
      const reference = percentile(bareTimes(file), 0.95);
      const value = percentile(await pageTimes(store), 0.95);
      await store.close();
      return { value, reference };
    },
  },
  {
    id: "api.list.start",
    work: "process start to first request answered, with 100,000 runs in the database (quick: 20,000)",
    unit: "ms",
    referenceIs: "the same of Node alone with an HTTP server, ms",
    goal: "at most 1,000 ms",
    reaches: (value) => value <= 1000,
    async pass({ quick }) {
      const folder = await grownFolder(quick);
      const reference = await onBareServer(async ({ startMs }) => startMs);
      return { value: await onServer(folder, [], async ({ startMs }) => startMs), reference };
    },
  },
];
