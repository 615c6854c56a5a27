// The schema that the migrations make, and how files are brought to it.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aGate } from "../testing/delivery-records.ts";
import { aRun, aTask, aTaskOf, timeOf } from "../testing/records.ts";
import { Connection } from "./connection.ts";
import { migrate, refuseForeign } from "./migrate.ts";
import { sqliteStore } from "./sqlite.ts";

describe("migrations", () => {
  let folder: string;
  let connection: Connection;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mflow-migrate-"));
    connection = new Connection(join(folder, "mflow.db"));
  });
  afterEach(async () => {
    connection.close();
    await rm(folder, { recursive: true });
  });

  function schema(): string {
    const made = connection
      .prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name",
      )
      .all();
    return made.map(({ sql }) => `${sql};\n`).join("\n");
  }

  test("make the schema that is checked in, so that a change of it is seen", async () => {
    migrate(connection);
    await expect(schema()).toMatchFileSnapshot("../migrations/sqlite/schema.sql");
  });

  test("are applied once", () => {
    migrate(connection);
    const made = schema();
    migrate(connection);
    expect(schema()).toBe(made);
  });

  test("leave nothing when one fails", () => {
    connection.exec("CREATE TABLE tasks (x); PRAGMA application_id = 0x6d666c6f");
    const before = schema();
    expect(() => migrate(connection)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    expect(schema()).toBe(before);
    expect(Number(connection.prepare("PRAGMA user_version").get()?.user_version)).toBe(0);
  });

  test("find in a database of schema 1 what waits and what succeeded last", async () => {
    const first = new URL("../migrations/sqlite/0001_tables.sql", import.meta.url);
    connection.exec(`${await readFile(first, "utf8")}; PRAGMA user_version = 1`);
    connection.exec("PRAGMA application_id = 0x6d666c6f");
    const run = aRun(1);
    const waiting = aTaskOf(run, 1, 1, { audit: aGate(7, ["bob", "@qa", "bob"]) });
    const succeeded = aTaskOf(run, 2, 2, { stage: "SUCCEEDED" });
    succeeded.status.endAt = "2026-01-31T12:00:08.123Z";
    const alone = aTask(3, { stage: "SUCCEEDED", confirm: aGate(8, ["bob"], { stage: "PASS" }) });
    const { id, name, status, revision } = run;
    connection
      .prepare(
        "INSERT INTO runs (id, name, stage, phase, labels, created, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      )
      .run(id, name, status.stage, "OPEN", "{}", 1, revision, JSON.stringify(run));
    for (const task of [waiting, succeeded, alone]) {
      const { stage } = task.status;
      const phase = stage === "SUCCEEDED" ? stage : "OPEN";
      const runId = task.pipelineTaskId ?? null;
      connection
        .prepare(
          `INSERT INTO tasks (id, run_id, name, stage, phase, labels, created, revision, body)
           VALUES (?, ?, ?, ?, ?, '{}', 1, 1, ?)`,
        )
        .run(task.id, runId, task.name, stage, phase, JSON.stringify(task));
    }
    const store = sqliteStore(connection);
    expect(await store.runs.waitingGates({ names: ["bob"], limit: 10 })).toEqual({
      items: [{ task: waiting, gate: "audit" }],
    });
    const rows = (sql: string) =>
      connection
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    const opened = Date.parse(timeOf(7));
    const gate = { opened, task_id: waiting.id, gate: "audit" };
    expect(rows("SELECT * FROM waiting_gates ORDER BY name")).toEqual([
      { name: "@qa", ...gate },
      { name: "bob", ...gate },
    ]);
    const query = { scope: run, name: "build", job: "compile", before: aTask(9).id };
    expect(await store.runs.lastSucceeded({ ...query, pipeline: "release", stageName: "main" })).toEqual(
      succeeded,
    );
    expect(await store.runs.lastSucceeded(query)).toEqual(alone);
    expect(rows("SELECT ended FROM succeeded_tasks ORDER BY task_id")).toEqual([
      { ended: Date.parse("2026-01-31T12:00:08.123Z") },
      { ended: Date.parse(alone.createdAt) },
    ]);
    await store.close();
  });

  test("find in a database of schema 3 what has ended, by pipeline and job", async () => {
    for (const name of ["0001_tables", "0002_listeners_and_gates", "0003_clusters"]) {
      connection.exec(await readFile(new URL(`../migrations/sqlite/${name}.sql`, import.meta.url), "utf8"));
    }
    connection.exec("PRAGMA user_version = 3; PRAGMA application_id = 0x6d666c6f");
    const ended = (n: number, stage: "SUCCEEDED" | "FAILED", endAt?: string) => {
      const run = aRun(n, { stage });
      if (endAt !== undefined) run.status.endAt = endAt;
      return run;
    };
    const runs = [
      ended(1, "SUCCEEDED", "2026-01-31T12:00:08.123Z"),
      ended(2, "FAILED", "2026-01-31T12:00:07.001Z"),
      aRun(3),
      ended(4, "FAILED"),
    ];
    for (const { id, name, status, revision, ...rest } of runs) {
      const phase = status.stage === "ACTIVE" ? "OPEN" : status.stage;
      connection
        .prepare(
          "INSERT INTO runs (id, name, stage, phase, labels, created, revision, body) VALUES (?, ?, ?, ?, '{}', 1, ?, ?)",
        )
        .run(
          id,
          name,
          status.stage,
          phase,
          revision,
          JSON.stringify({ id, name, status, revision, ...rest }),
        );
    }
    const alone = aTask(5, { stage: "SKIPPED" });
    connection
      .prepare(
        "INSERT INTO tasks (id, name, stage, phase, labels, created, revision, body) VALUES (?, ?, ?, ?, '{}', 1, 1, ?)",
      )
      .run(alone.id, alone.name, "SKIPPED", "SKIPPED", JSON.stringify(alone));
    const store = sqliteStore(connection);
    const [releases, compiles] = await store.ended.groups(-1, 10);
    if (!releases || !compiles) throw new Error("a group is missing");
    const scope = { domain: "default", namespace: "default" };
    expect(releases).toEqual({
      place: releases.place,
      kind: "RUN",
      ...scope,
      name: "release",
      succeeded: 1,
      other: 2,
    });
    expect(compiles).toEqual({
      place: compiles.place,
      kind: "TASK",
      ...scope,
      name: "compile",
      succeeded: 0,
      other: 1,
    });
    expect(await store.ended.oldest(releases, ["SUCCEEDED", "OTHER"], 10)).toEqual([
      { id: aRun(4).id, ending: "OTHER", endedAt: Date.parse(timeOf(4)) },
      { id: aRun(2).id, ending: "OTHER", endedAt: Date.parse("2026-01-31T12:00:07.001Z") },
      { id: aRun(1).id, ending: "SUCCEEDED", endedAt: Date.parse("2026-01-31T12:00:08.123Z") },
    ]);
    await store.close();
  });

  test("of two programs that start at once one migrates and the other finds it done", () => {
    const other = new Connection(connection.path);
    refuseForeign(connection);
    refuseForeign(other);
    migrate(connection);
    migrate(other);
    expect(Number(other.prepare("PRAGMA user_version").get()?.user_version)).toBeGreaterThan(0);
    other.close();
  });
});
