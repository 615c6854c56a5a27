// The machine's limit for durable work: bare SQLite transactions with one read, one 2 KB update and two inserts,
// WAL and synchronous=FULL, one after another.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface RawCommits {
  /** One transaction; it is on the disk when this returns. */
  commit(): void;
  close(): void;
}

/** A database of its own for bare transactions. */
export function openRawCommits(): RawCommits {
  const folder = mkdtempSync(join(tmpdir(), "mflow-raw-"));
  const db = new DatabaseSync(join(folder, "raw.db"));
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  db.exec(
    "CREATE TABLE a (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, body TEXT);",
  );
  const body = "x".repeat(2048);
  for (let id = 0; id < 100; id++) db.prepare("INSERT INTO a VALUES (?, ?)").run(id, body);
  const read = db.prepare("SELECT body FROM a WHERE id = ?");
  const update = db.prepare("UPDATE a SET body = ? WHERE id = ?");
  const insert = db.prepare("INSERT INTO b (body) VALUES (?)");
  const begin = db.prepare("BEGIN IMMEDIATE");
  const end = db.prepare("COMMIT");
  let count = 0;
  return {
    commit() {
      const row = count++ % 100;
      begin.run();
      read.get(row);
      update.run(body, row);
      insert.run("event");
      insert.run("effect");
      end.run();
    },
    close() {
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Time of each of `count` bare commits, milliseconds. */
function rawCommitTimes(count: number): number[] {
  const raw = openRawCommits();
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    raw.commit();
    times.push(performance.now() - start);
  }
  raw.close();
  return times;
}

/** Bare durable commits per second. */
export function rawCommitsPerSecond(count: number): number {
  const total = rawCommitTimes(count).reduce((sum, time) => sum + time, 0);
  return (count / total) * 1000;
}
