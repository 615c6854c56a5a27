// What is known of artifacts. Caches, whose rows are of the same kind, are in caches.ts.

import { MflowError } from "@mflow/core/errors";
import type { ArtifactRow, ArtifactRows } from "../store.ts";
import { sqliteCaches } from "./caches.ts";
import type { Connection } from "./connection.ts";

type Row = Record<string, unknown>;

export function sqliteArtifacts(connection: Connection): ArtifactRows {
  const prepare = (sql: string) => connection.prepare(sql);
  const aggregate = prepare("SELECT 1 FROM runs WHERE id = ?1 UNION ALL SELECT 1 FROM tasks WHERE id = ?1");
  const others = prepare(
    "SELECT count(*) AS n FROM artifacts WHERE task_id = ? AND attempt = ? AND name <> ?",
  );
  const insert = prepare(
    `INSERT OR REPLACE INTO artifacts
     (task_id, attempt, name, aggregate_id, kind, path, executable, size, sha256, created, expires, blob)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const one = prepare("SELECT * FROM artifacts WHERE task_id = ? AND attempt = ? AND name = ?");
  const newest = prepare(
    "SELECT * FROM artifacts WHERE task_id = ? AND name = ? ORDER BY attempt DESC LIMIT 1",
  );
  const after = "AND (task_id, attempt, name) > (?, ?, ?) ORDER BY task_id, attempt, name LIMIT ?";
  const ofAggregate = prepare(`SELECT * FROM artifacts WHERE aggregate_id = ? ${after}`);
  const ofTask = prepare(`SELECT * FROM artifacts WHERE task_id = ? ${after}`);
  const ofName = prepare(
    "SELECT * FROM artifacts WHERE aggregate_id = ? AND name = ? ORDER BY task_id, attempt",
  );
  const deletion = prepare(
    "DELETE FROM artifacts WHERE task_id = ? AND attempt = ? AND name = ? RETURNING blob",
  );
  const deletionOf = prepare("DELETE FROM artifacts WHERE aggregate_id = ? RETURNING blob");
  const due = prepare("SELECT * FROM artifacts WHERE expires <= ? ORDER BY expires LIMIT ?");
  const next = prepare("SELECT min(expires) AS expires FROM artifacts WHERE expires IS NOT NULL");
  const blobs = prepare(
    `SELECT value AS blob FROM json_each(?)
     WHERE value NOT IN (SELECT blob FROM artifacts) AND value NOT IN (SELECT blob FROM caches)`,
  );
  const blobOf = (row: Row | undefined) => row?.blob as string | undefined;
  const isKept = prepare("SELECT 1 FROM artifacts WHERE blob = ? LIMIT 1");
  /** Of blobs whose rows are gone, those that no other row has: a rerun shares what it keeps. */
  const unshared = (rows: Row[]) => [
    ...new Set(rows.map((row) => row.blob as string).filter((blob) => !isKept.get(blob))),
  ];

  return {
    async put(row, most) {
      const { taskId, attempt, name, aggregateId } = row;
      return connection.transaction(() => {
        if (!aggregate.get(aggregateId)) {
          throw new MflowError("NOT_FOUND", `there is no run or task ${aggregateId} any more`);
        }
        if (Number(others.get(taskId, attempt, name)?.n) >= most) {
          const message = `task ${taskId} keeps ${most} artifacts already; put several files into one folder`;
          throw new MflowError("ARTIFACT_REFUSED", message);
        }
        const before = blobOf(one.get(taskId, attempt, name));
        insert.run(
          ...[taskId, attempt, name, aggregateId, row.kind, row.path, row.executable ? 1 : 0],
          ...[row.size, row.sha256, Date.parse(row.createdAt)],
          row.expiresAt === undefined ? null : Date.parse(row.expiresAt),
          row.blob,
        );
        return before === undefined || isKept.get(before) ? undefined : before;
      });
    },
    async find(taskId, name, attempt) {
      return connection.read(() => {
        const row = attempt === undefined ? newest.get(taskId, name) : one.get(taskId, attempt, name);
        return row && artifactOf(row);
      });
    },
    async named(aggregateId, name) {
      return connection.read(() => ofName.all(aggregateId, name)).map(artifactOf);
    },
    async list(of, { limit, cursor }) {
      const place = cursor === undefined ? (["", 0, ""] as const) : placeOf(cursor);
      const rows = connection.read(() =>
        "taskId" in of
          ? ofTask.all(of.taskId, ...place, limit + 1)
          : ofAggregate.all(of.aggregateId, ...place, limit + 1),
      );
      const items = rows.slice(0, limit).map(artifactOf);
      const last = items.at(-1);
      return rows.length > limit && last ? { items, nextCursor: cursorOf(last) } : { items };
    },
    async remove(taskId, attempt, name) {
      return connection.transaction(() => unshared(deletion.all(taskId, attempt, name))[0]);
    },
    async removeOf(aggregateId) {
      return connection.transaction(() => unshared(deletionOf.all(aggregateId)));
    },
    async expired(now, limit) {
      return connection.read(() => due.all(now, limit)).map(artifactOf);
    },
    async nextExpiry() {
      const expires = connection.read(() => next.get()?.expires);
      return expires === null || expires === undefined ? undefined : Number(expires);
    },
    async strangers(keys) {
      return connection.read(() => blobs.all(JSON.stringify(keys))).map((row) => row.blob as string);
    },
    ...sqliteCaches(connection),
  };
}

function artifactOf(row: Row): ArtifactRow {
  return {
    taskId: row.task_id as string,
    attempt: Number(row.attempt),
    name: row.name as string,
    aggregateId: row.aggregate_id as string,
    kind: row.kind as ArtifactRow["kind"],
    path: row.path as string,
    ...(row.executable === 1 && { executable: true }),
    size: Number(row.size),
    sha256: row.sha256 as string,
    createdAt: new Date(Number(row.created)).toISOString(),
    ...(row.expires !== null && { expiresAt: new Date(Number(row.expires)).toISOString() }),
    blob: row.blob as string,
  };
}

function cursorOf({ taskId, attempt, name }: ArtifactRow): string {
  return Buffer.from(`${taskId} ${attempt} ${name}`).toString("base64url");
}

function placeOf(cursor: string): [string, number, string] {
  const text = Buffer.from(cursor, "base64url").toString();
  const [, taskId = "", attempt = "", name = ""] = /^(\S+) (\d{1,9}) (\S+)$/.exec(text) ?? [];
  if (taskId === "" || Buffer.from(text).toString("base64url") !== cursor) {
    throw new MflowError("BAD_REQUEST", "The cursor is none that a list returned; start again without it");
  }
  return [taskId, Number(attempt), name];
}
