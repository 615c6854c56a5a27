// The store on SQLite: the contract, and what is SQLite's own: full disks, foreign locks and files, kills, what stays
// on the disk.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { verifyChain } from "@mflow/core/decision-chain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeStore } from "../store.conformance.ts";
import type { RunCommit, Store } from "../store.ts";
import { aDecision, aGate, anAttempt, HOOKS, told } from "../testing/delivery-records.ts";
import {
  aCommit,
  aJob,
  aNewRun,
  anEffect,
  anEvent,
  aRun,
  aTask,
  aTaskOf,
  idOf,
  LEASE,
  START,
} from "../testing/records.ts";
import { Connection } from "./connection.ts";
import { openSqliteStore, sqliteStore } from "./sqlite.ts";

async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "mflow-store-"));
}

describeStore("SQLite", async (now) => {
  const folder = await temporaryFolder();
  return {
    open: () => openSqliteStore(join(folder, "mflow.db"), { now }),
    dispose: () => rm(folder, { recursive: true }),
  };
});

describe("the SQLite store", () => {
  let folder: string;
  let path: string;
  let opened: { close(): unknown }[];

  beforeEach(async () => {
    folder = await temporaryFolder();
    path = join(folder, "mflow.db");
    opened = [];
  });
  afterEach(async () => {
    for (const each of opened) await each.close();
    await rm(folder, { recursive: true });
  });

  async function open(): Promise<Store> {
    const store = await openSqliteStore(path);
    opened.push(store);
    return store;
  }

  /** The file as another program sees it. */
  function sqlite3(): DatabaseSync {
    const database = new DatabaseSync(path);
    opened.push({ close: () => database.isOpen && database.close() });
    return database;
  }

  const commit = (store: Store, ...commits: RunCommit[]) => store.runs.commit(commits, LEASE);

  test("syncs every commit to the disk", async () => {
    const connection = new Connection(path);
    opened.push(sqliteStore(connection));
    expect({ ...connection.prepare("PRAGMA journal_mode").get() }).toEqual({ journal_mode: "wal" });
    expect({ ...connection.prepare("PRAGMA synchronous").get() }).toEqual({ synchronous: 2 });
  });

  test("does not wait for the disk when it claims and settles deliveries, but when it commits", async () => {
    const levels: number[] = [];
    class Watched extends Connection {
      override transaction<T>(work: () => T): T {
        levels.push(Number(this.prepare("PRAGMA synchronous").get()?.synchronous));
        return super.transaction(work);
      }
    }
    const connection = new Watched(path);
    const store = sqliteStore(connection);
    opened.push(store);
    const run = aRun(1);
    const lease = { owner: "server-1", until: Date.now() + 60_000 };
    const [NORMAL, FULL] = [1, 2];
    levels.length = 0;
    await commit(store, aNewRun(run, [], { messages: [told(1, run), told(2, run)] }));
    await store.deliveries.claim(HOOKS, lease, Date.now(), 10);
    await store.deliveries.settle(idOf("dlv", 1), { state: "DEAD", error: "404" }, anAttempt(1), Date.now());
    await store.deliveries.release([idOf("dlv", 2)], Date.now());
    await store.deliveries.resend({ id: idOf("dlv", 1) }, Date.now());
    expect(levels).toEqual([FULL, NORMAL, NORMAL, NORMAL, FULL]);
    const failing = () => connection.unsynced(() => connection.exec("no statement"));
    expect(failing).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    await store.accounts.setGroup("qa", []);
    expect(levels.at(-1)).toBe(FULL);
  });

  test("a full disk is STORE_FULL: nothing of the group is written, and the store goes on when there is room", async () => {
    const connection = new Connection(path);
    const store = sqliteStore(connection);
    opened.push(store);
    await commit(store, aNewRun(aRun(1)));
    const pages = Number(connection.prepare("PRAGMA page_count").get()?.page_count);
    connection.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const large = aTaskOf(aRun(3), 1, 3, { message: "x".repeat(100_000) });
    const group = [aNewRun(aRun(2), [], { history: [anEvent()] }), aNewRun(aRun(3), [large])];
    const full = { code: "STORE_FULL", message: expect.stringContaining(path) };
    await expect(commit(store, ...group)).rejects.toMatchObject(full);
    const job = aJob(1, { readme: "x".repeat(100_000) });
    const put = () => store.catalog.commit([{ put: "job", job, expectedRevision: 0 }], []);
    expect(await store.space.refusal()).toMatchObject(full);
    await expect(put()).rejects.toMatchObject(full);
    expect(await store.runs.unfinished()).toEqual([aRun(1).id]);
    expect(await store.history.lastSeq()).toBe(0);
    expect((await store.runs.listRuns({ limit: 10 })).items).toEqual([aRun(1)]);
    connection.exec("PRAGMA max_page_count = 1000000");
    await put();
    expect(await commit(store, ...group)).toMatchObject([{ ok: true }, { ok: true }]);
    expect((await store.runs.listTasks({ limit: 10 })).items).toEqual([large]);
    expect((await store.catalog.listJobs({ limit: 10 })).items).toEqual([job]);
  });

  test("what a full disk refuses is told until a trial finds room, which leaves nothing and comes now and then", async () => {
    let now = 0;
    const connection = new Connection(path);
    const store = sqliteStore(connection, { now: () => now });
    opened.push(store);
    const pagesOf = () => Number(connection.prepare("PRAGMA page_count").get()?.page_count);
    const idempotencyKeys = () => connection.prepare("SELECT key FROM idempotency").all();
    const changes = () => Number(connection.prepare("SELECT total_changes() AS n").get()?.n);
    const before = changes();
    expect(await store.space.refusal()).toBeUndefined();
    expect(changes()).toBe(before);
    connection.exec(`PRAGMA max_page_count = ${pagesOf() + 2}`);
    const full = { code: "STORE_FULL", message: expect.stringContaining(path) };
    const large = aTaskOf(aRun(1), 1, 1, { message: "x".repeat(100_000) });
    await expect(commit(store, aNewRun(aRun(1), [large]))).rejects.toMatchObject(full);
    expect(await store.space.refusal()).toMatchObject(full);
    // There is room for little, but not for what comes in a moment.
    await commit(store, aNewRun(aRun(2)));
    now += 10_000;
    expect(await store.space.refusal()).toMatchObject(full);
    connection.exec("PRAGMA max_page_count = 1000000");
    now += 1000;
    expect(await store.space.refusal()).toMatchObject(full);
    now += 1000;
    expect(await store.space.refusal()).toBeUndefined();
    expect(idempotencyKeys()).toEqual([]);
    expect(await commit(store, aNewRun(aRun(1), [large]))).toMatchObject([{ ok: true }]);
  });

  test("a lock of another program is STORE_BUSY: reads go on, and so does the store when the lock is gone", async () => {
    const store = await open();
    await commit(store, aNewRun(aRun(1)));
    const other = sqlite3();
    other.exec("BEGIN IMMEDIATE");
    const busy = { code: "STORE_BUSY", message: expect.stringContaining(path) };
    await expect(commit(store, aNewRun(aRun(2)))).rejects.toMatchObject(busy);
    await expect(store.accounts.setGroup("qa", [])).rejects.toMatchObject(busy);
    expect(await store.runs.run(aRun(1).id)).toEqual(aRun(1));
    expect((await store.runs.listRuns({ limit: 10 })).items).toEqual([aRun(1)]);
    other.exec("ROLLBACK");
    expect(await store.runs.unfinished()).toEqual([aRun(1).id]);
    expect(await commit(store, aNewRun(aRun(2)))).toEqual([{ ok: true, events: [] }]);
  });

  test("a file that another program keeps locked cannot be opened", async () => {
    const other = sqlite3();
    other.exec("BEGIN EXCLUSIVE; CREATE TABLE t (x)");
    expect(() => sqliteStore(new Connection(path, 10))).toThrow(
      expect.objectContaining({ code: "STORE_BUSY" }),
    );
  });

  test("a database of a newer version is refused and left as it is", async () => {
    await (await open()).close();
    const other = sqlite3();
    other.exec("PRAGMA user_version = 999");
    other.close();
    const before = await readFile(path);
    await expect(open()).rejects.toMatchObject({
      code: "STORE_NEWER",
      message: expect.stringMatching(/schema 999;.* up to \d+$/),
    });
    expect(await readFile(path)).toEqual(before);
  });

  test("a database of another program is refused and left as it is", async () => {
    const other = sqlite3();
    other.exec("CREATE TABLE recipes (name TEXT)");
    other.close();
    const before = await readFile(path);
    await expect(open()).rejects.toMatchObject({
      code: "STORE_UNUSABLE",
      message: `The file ${path} is the database of another program`,
    });
    expect(await readFile(path)).toEqual(before);
  });

  test("a file that is no database, a folder and a path without folder are refused", async () => {
    const unusable = { code: "STORE_UNUSABLE", message: expect.stringContaining(folder) };
    await writeFile(path, "no database at all ".repeat(100));
    await expect(open()).rejects.toMatchObject(unusable);
    await mkdir(join(folder, "sub"));
    await expect(openSqliteStore(join(folder, "sub"))).rejects.toMatchObject(unusable);
    await expect(openSqliteStore(join(folder, "missing", "mflow.db"))).rejects.toMatchObject(unusable);
  });

  test("a closed store is one whole file", async () => {
    const store = await open();
    await commit(store, aNewRun(aRun(1)));
    await store.runs.listRuns({ limit: 1 });
    expect(existsSync(`${path}-wal`)).toBe(true);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    await copyFile(path, join(folder, "copy.db"));
    const copy = await openSqliteStore(join(folder, "copy.db"));
    opened.push(copy);
    expect(await copy.runs.run(aRun(1).id)).toEqual(aRun(1));
  });

  test("a store closes while another program reads the file; the next one finds every commit", async () => {
    const connection = new Connection(path);
    const store = sqliteStore(connection);
    connection.exec("PRAGMA wal_autocheckpoint = 0");
    await commit(store, aNewRun(aRun(1)));
    const other = sqlite3();
    other.exec("BEGIN; SELECT * FROM runs");
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(true);
    other.close();
    expect(await (await open()).runs.run(aRun(1).id)).toEqual(aRun(1));
  });

  test("a list under way does not hold up a commit", async () => {
    const store = await open();
    const ended: string[] = [];
    const listing = store.runs.listRuns({ limit: 1 }).then(() => ended.push("list"));
    await commit(store, aNewRun(aRun(1))).then(() => ended.push("commit"));
    await listing;
    expect(ended).toEqual(["commit", "list"]);
  });

  test("a commit that fails half-way leaves no term behind that later records would be found by", async () => {
    const store = await open();
    const broken = aNewRun(aRun(2, { name: "nightly" }), [aTaskOf(aRun(2), 1, 7), aTaskOf(aRun(2), 2, 7)]);
    await expect(commit(store, aNewRun(aRun(1, { name: "nightly" })), broken)).rejects.toMatchObject({
      code: "INTERNAL",
    });
    await commit(store, aNewRun(aRun(3)), aNewRun(aRun(4, { name: "nightly" })));
    const named = await store.runs.listRuns({ limit: 10, pipeline: "nightly" });
    expect(named.items).toEqual([aRun(4, { name: "nightly" })]);
  });

  test("nothing of a removed run stays in the file but its history, decisions, and for a day its idempotency key", async () => {
    const store = await open();
    const run = aRun(1, { stage: "FAILED", labels: { app: "web" } });
    const idempotency = { key: "k", digest: "d" };
    const changes = {
      ...{ effects: [anEffect(1, run.id)], claims: ["seq"], idempotency, history: [anEvent()] },
      messages: [1, 2].map((n) => told(n, run)),
      records: [aDecision(1, { pipelineTaskId: run.id })],
    };
    const waiting = aTaskOf(run, 1, 1, { audit: aGate(1, ["bob"]) });
    await commit(store, aNewRun(run, [waiting, aTaskOf(run, 2, 2, { stage: "SUCCEEDED" })], changes));
    const lease = { owner: "server-1", until: Date.now() + 60_000 };
    await store.deliveries.claim(HOOKS, lease, Date.now(), 10);
    await store.deliveries.settle(idOf("dlv", 1), { state: "DELIVERED" }, anAttempt(1), Date.now());
    await store.runs.remove(run.id);
    await store.deliveries.settle(idOf("dlv", 2), { state: "DEAD", error: "404" }, anAttempt(2), Date.now());
    const other = sqlite3();
    const tables = other.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const filled = tables
      .map(({ name }) => name as string)
      .filter((name) => other.prepare(`SELECT 1 FROM ${name} LIMIT 1`).get());
    expect(filled.toSorted()).toEqual([
      "decision_records",
      "history",
      "history_archive",
      "idempotency",
      "installation",
      "sqlite_sequence",
    ]);
    expect(await store.runs.findIdempotency("k")).toEqual({ digest: "d", aggregateId: run.id });
  });

  test("a decision record that was changed, removed or renumbered in the file breaks the chain", async () => {
    const store = await open();
    await store.records.append([1, 2, 3, 4].map((n) => aDecision(n)));
    const chain = async () => verifyChain(await store.records.list({ after: 0, limit: 10 }));
    expect(await chain()).toBeUndefined();
    const other = sqlite3();
    const tampering = [
      `UPDATE decision_records SET body = replace(body, '"ana"', '"bob"') WHERE seq = 3`,
      "DELETE FROM decision_records WHERE seq = 3",
      "UPDATE decision_records SET seq = -seq WHERE seq = 3",
      `UPDATE decision_records SET body = (SELECT body FROM decision_records WHERE seq = 4) WHERE seq = 3`,
    ];
    for (const sql of tampering) {
      expect(other.prepare(sql).run().changes).toBe(1);
      expect(await chain()).toBe(3);
      other.exec("DELETE FROM decision_records");
      await store.records.append([1, 2, 3, 4].map((n) => aDecision(n)));
    }
  });

  test("a decision record is not hidden from those who ask for its run, task or link without the chain showing it", async () => {
    const store = await open();
    const source = { via: "LINK", link: "link-1" } as const;
    const ids = { pipelineTaskId: "run-1", taskId: "task-1" };
    await store.records.append([aDecision(1), aDecision(2, { ...ids, act: "DECIDE", source })]);
    const found = async () => [
      (await store.records.list({ after: 0, limit: 10, ...ids })).map(({ seq }) => seq),
      await store.records.isLinkUsed("link-1"),
      verifyChain(await store.records.list({ after: 0, limit: 10 })),
    ];
    expect(await found()).toEqual([[2], true, undefined]);
    const other = sqlite3();
    for (const column of ["domain", "namespace", "aggregate_id", "task_id", "link"]) {
      expect(() => other.exec(`UPDATE decision_records SET ${column} = 'x'`)).toThrow(
        `cannot UPDATE generated column "${column}"`,
      );
    }
    // Of two fields of one name SQLite takes the first, and who parses the body the last.
    for (const field of ["pipelineTaskId", "taskId", "link"]) {
      other.exec(
        `UPDATE decision_records SET body = replace(body, '"${field}":', '"${field}":"x","${field}":') WHERE seq = 2`,
      );
      expect(await found()).toEqual(field === "link" ? [[2], false, 2] : [[], true, 2]);
      other.exec(`UPDATE decision_records SET body = replace(body, '"${field}":"x",', '') WHERE seq = 2`);
    }
    expect(await found()).toEqual([[2], true, undefined]);
  });

  test("expired idempotency keys are swept away as new ones come", async () => {
    let now = START;
    const store = await openSqliteStore(path, { now: () => now });
    opened.push(store);
    const ask = (n: number) =>
      commit(store, aNewRun(aRun(n), [], { idempotency: { key: `k${n}`, digest: "d" } }));
    for (let n = 1; n <= 20; n++) await ask(n);
    now += 24 * 60 * 60 * 1000;
    for (let n = 21; n <= 25; n++) await ask(n);
    const kept = sqlite3().prepare("SELECT key FROM idempotency ORDER BY key").all();
    expect(kept.map(({ key }) => key)).toEqual(["k21", "k22", "k23", "k24", "k25"]);
  });

  test("after a kill -9 every acknowledged commit is there, and the file is sound", async () => {
    for (const groups of [1, 20, 60]) {
      const acknowledged = await commitUntilKilled(path, groups);
      const store = await open();
      const { items } = await store.runs.listRuns({
        limit: 500,
        stages: ["SUCCEEDED"],
        labels: { app: "web" },
      });
      expect(items.length).toBeGreaterThanOrEqual(Math.min(acknowledged, 500));
      for (let n = 1; n <= acknowledged; n++) {
        const ended = { labels: { app: "web" }, stage: "SUCCEEDED", revision: 2 } as const;
        expect(await store.runs.run(aRun(n).id)).toEqual(aRun(n, ended));
        expect((await store.runs.task(aTask(n).id))?.status.stage).toBe("SUCCEEDED");
      }
      expect(await store.history.lastSeq()).toBeGreaterThanOrEqual(2 * acknowledged);
      const check = sqlite3().prepare("PRAGMA integrity_check").all();
      expect(check.map((row) => ({ ...row }))).toEqual([{ integrity_check: "ok" }]);
      await store.close();
      for (const suffix of ["", "-wal", "-shm"]) await rm(path + suffix, { force: true });
    }
  });

  test("a change decided before a kill -9 is refused after it when it was written", async () => {
    await commitUntilKilled(path, 1);
    const store = await open();
    expect(await commit(store, aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 2 }) }))).toEqual([
      { ok: false, conflict: "REVISION" },
    ]);
  });
});

/** Kills a program that commits, once it has acknowledged so many groups; answers the last acknowledged number. */
async function commitUntilKilled(path: string, groups: number): Promise<number> {
  const program = fileURLToPath(new URL("../testing/commit-until-killed.ts", import.meta.url));
  const child = spawn(execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let acknowledged = 0;
  let lines = 0;
  for await (const line of createInterface(child.stdout)) {
    acknowledged = Number(line);
    if (++lines === groups) child.kill("SIGKILL");
  }
  await exited;
  expect(lines).toBeGreaterThanOrEqual(groups);
  return acknowledged;
}
