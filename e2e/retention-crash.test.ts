// A server that is killed again and again while it deletes and archives: what goes, goes whole, and nothing twice.

import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { openFileLogStore } from "@mflow/server/logs/file-log-store";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import { aNewRun, anEvent, aRun, aTaskOf, LEASE } from "@mflow/server/store/testing/records";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeWorkplace, until, type Workplace } from "../packages/cli/src/testing/command.ts";

const RUNS = 80;
/** More than go at once. */
const TASKS = 60;
const EVENTS_PER_RUN = 20;

let place: Workplace;
let data: string;

beforeAll(async () => {
  place = await makeWorkplace();
  data = join(place.path, ".mflow");
  await mkdir(data, { mode: 0o700 });
  const store = await openSqliteStore(join(data, "mflow.db"));
  const logs = await openFileLogStore(join(data, "logs"));
  for (let n = 1; n <= RUNS; n++) {
    const run = aRun(n, { stage: "SUCCEEDED" });
    const tasks = Array.from({ length: TASKS }, (_, i) =>
      aTaskOf(run, i + 1, n * 1000 + i, { stage: "SUCCEEDED", attempt: 1 }),
    );
    const history = Array.from({ length: EVENTS_PER_RUN }, () => anEvent({ pipelineTaskId: run.id }));
    await store.runs.commit([aNewRun(run, tasks, { history })], LEASE);
    const ref = { taskId: tasks[0]?.id ?? "", attempt: 1 };
    await logs.append(ref, [{ line: 1, time: 0, stream: "stdout", step: "", text: "hello" }]);
    await logs.finish(ref);
  }
  await logs.close();
  await store.close();
});
afterAll(() => place.remove());

function withDatabase<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(data, "mflow.db"), { readOnly: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const count = (table: string) =>
  withDatabase((database) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n));

async function start() {
  const server = place.start([
    ...["server", "--port", "0", "--log-level", "warn"],
    ...["--retain-for", "1d", "--retain-runs", "1", "--history-for", "1h"],
  ]);
  await until("server", () => (/listens on/.test(server.stderr) ? true : undefined));
  return server;
}

test("after every kill the rest goes, and at the end all is as if nobody had killed it", async () => {
  let kills = 0;
  for (; count("runs") > 1 && kills < 40; kills++) {
    const before = count("runs");
    const server = await start();
    await until("progress", () => (count("runs") < before ? true : undefined));
    server.process.kill("SIGKILL");
    await server.ended;
  }
  expect(kills).toBeGreaterThan(1);
  const server = await start();
  await until("end", () => (count("runs") === 1 && count("history") <= RUNS ? true : undefined));
  const archived = await place.mflow(["events", "--archive", "-o", "json"]);
  server.process.kill("SIGTERM");
  await server.ended;

  expect(count("tasks")).toBe(TASKS);
  expect(count("removals")).toBe(0);
  expect(count("ended_runs")).toBe(1);
  expect(count("succeeded_tasks")).toBe(TASKS);
  expect(count("definitions")).toBe(1);
  withDatabase((database) => {
    expect({ ...database.prepare("PRAGMA integrity_check").get() }).toEqual({ integrity_check: "ok" });
    const kept = database.prepare("SELECT succeeded, other FROM ended_groups").all();
    expect(kept.map((row) => ({ ...row }))).toEqual([{ succeeded: 1, other: 0 }]);
    // One event tells of each, though the server was killed between a commit and its next one.
    const deleted = database.prepare("SELECT body FROM history WHERE body ->> '$.type' = 'DELETED'").all();
    const ids = deleted.map(({ body }) => (JSON.parse(body as string) as HistoryEvent).pipelineTaskId);
    expect(ids.toSorted()).toEqual(Array.from({ length: RUNS - 1 }, (_, n) => aRun(n + 1).id));
  });
  const files = await readdir(join(data, "logs"), { recursive: true, withFileTypes: true });
  expect(files.filter((file) => file.isFile()).length).toBe(1);
  const places = archived.stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as HistoryEvent).seq);
  expect(places).toEqual(Array.from({ length: RUNS * EVENTS_PER_RUN }, (_, n) => n + 1));
});
