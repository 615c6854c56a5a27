// What retention costs in SQLite: each of its statements is led by an index, so that none grows with what is kept; and
// a removal that a crash cut off goes on with the next opening.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aNewRun, aRun, aTask, aTaskOf, LEASE } from "../testing/records.ts";
import { Connection } from "./connection.ts";
import { sqliteStore } from "./sqlite.ts";

let folder: string;
let connection: Connection;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-ended-"));
  connection = new Connection(join(folder, "mflow.db"));
});
afterEach(async () => {
  connection.close();
  await rm(folder, { recursive: true });
});

test("no statement on ended runs, on removed ones or on the end of the history reads a whole table or sorts", async () => {
  const prepare = vi.spyOn(connection, "prepare");
  const store = sqliteStore(connection);
  await store.history.list({ after: 0, limit: 10 });
  const statements = prepare.mock.calls
    .map(([sql]) => sql)
    .filter((sql) => /ended_(runs|groups)|FROM tasks WHERE run_id|FROM history\b/.test(sql));
  prepare.mockRestore();
  expect(statements.length).toBeGreaterThan(10);
  const plans = statements.map((sql) => {
    const steps = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    return `${sql}\n  ${steps.map(({ detail }) => detail).join("\n  ")}`;
  });
  expect(plans.filter((plan) => /\n {2}(SCAN|USE TEMP)/.test(plan))).toEqual([]);
  await store.close();
});

test("the tasks of a run whose removal was cut off go with the next opening", async () => {
  const run = aRun(1, { stage: "SUCCEEDED" });
  const tasks = Array.from({ length: 120 }, (_, i) => aTaskOf(run, i + 1, i + 1, { stage: "SUCCEEDED" }));
  const store = sqliteStore(connection);
  await store.runs.commit([aNewRun(run, tasks), aNewRun(aRun(2), [aTaskOf(aRun(2), 1, 200)])], LEASE);
  const unsynced = vi.spyOn(connection, "unsynced");
  const first = Promise.withResolvers<void>();
  unsynced.mockImplementation((work) => {
    // The first is of the messages; then the disk is gone.
    if (unsynced.mock.calls.length < 3) return connection.transaction(work);
    first.resolve();
    throw new Error("the process is killed");
  });
  await expect(store.runs.remove(run.id)).rejects.toThrow("killed");
  await first.promise;
  unsynced.mockRestore();
  expect(await store.runs.run(run.id)).toBeUndefined();
  expect(await store.runs.task(aTask(120).id)).toBeDefined();
  await store.close();
  connection = new Connection(join(folder, "mflow.db"));
  const reopened = sqliteStore(connection);
  expect(await reopened.runs.tasksOfRun(run.id)).toEqual([]);
  expect((await reopened.runs.listTasks({ limit: 10 })).items).toEqual([aTaskOf(aRun(2), 1, 200)]);
  expect(connection.prepare("SELECT * FROM removals").all()).toEqual([]);
  await reopened.close();
});

test("what is free in the file is used again, and given back when it is much", async () => {
  const store = sqliteStore(connection);
  const round = async (from: number) => {
    for (let n = from; n < from + 20; n++) {
      const run = aRun(n, { stage: "SUCCEEDED" });
      const tasks = Array.from({ length: 100 }, (_, i) =>
        aTaskOf(run, i + 1, n * 1000 + i, { stage: "FAILED", message: "x".repeat(4000) }),
      );
      await store.runs.commit([aNewRun(run, tasks)], LEASE);
    }
    const { bytes } = await store.space.space();
    for (let n = from; n < from + 20; n++) await store.runs.remove(aRun(n).id);
    return bytes;
  };
  const first = await round(1);
  const { freeBytes } = await store.space.space();
  expect(freeBytes).toBeGreaterThan(first / 2);
  expect(await round(100)).toBeLessThan(first * 1.1);
  while (await store.space.giveBack());
  expect((await store.space.space()).bytes).toBeLessThan(first / 2);
  expect(await store.space.giveBack()).toBe(false);
  await store.close();
});
