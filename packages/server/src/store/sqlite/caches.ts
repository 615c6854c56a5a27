// What is known of caches.

import type { Scope } from "@mflow/core/schema/scalars";
import type { ArtifactRows, CacheRow } from "../store.ts";
import type { Connection } from "./connection.ts";

type Row = Record<string, unknown>;

type CacheRows = Pick<
  ArtifactRows,
  "putCache" | "useCache" | "hasCache" | "listCaches" | "removeCaches" | "trimCaches"
>;

/** What no key has a character behind. */
const END = "\u{10ffff}";

export function sqliteCaches(connection: Connection): CacheRows {
  const prepare = (sql: string) => connection.prepare(sql);
  const place = "domain = ? AND namespace = ? AND paths = ?";
  const inScope = "domain = coalesce(?, domain) AND namespace = coalesce(?, namespace)";
  const exact = prepare(`SELECT * FROM caches WHERE ${place} AND key = ?`);
  const begins = prepare(
    `SELECT * FROM caches WHERE ${place} AND key >= ? AND key < ? ORDER BY created DESC, key DESC LIMIT 1`,
  );
  const touch = prepare(`UPDATE caches SET used = max(used, ?) WHERE ${place} AND key = ?`);
  const insert = prepare(
    `INSERT OR REPLACE INTO caches (domain, namespace, paths, key, size, sha256, created, used, blob)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const list = prepare(`SELECT * FROM caches WHERE ${inScope} ORDER BY used DESC, key LIMIT ?`);
  const removal = prepare(`DELETE FROM caches WHERE ${inScope} AND key = coalesce(?, key) RETURNING blob`);
  const total = prepare("SELECT coalesce(sum(size), 0) AS bytes FROM caches");
  const unused = prepare("DELETE FROM caches WHERE used < ? RETURNING blob");
  const oldest = prepare("SELECT * FROM caches ORDER BY used, key LIMIT 1");
  const deletion = prepare(`DELETE FROM caches WHERE ${place} AND key = ?`);
  const keyOf = ({ domain, namespace, paths, key }: Scope & { paths: string; key: string }) =>
    [domain, namespace, paths, key] as const;

  return {
    async putCache(row, replace) {
      return connection.transaction(() => {
        const before = exact.get(...keyOf(row));
        if (before && !replace) return { written: false };
        const times = [Date.parse(row.createdAt), Date.parse(row.usedAt)] as const;
        insert.run(...keyOf(row), row.size, row.sha256, ...times, row.blob);
        return before ? { written: true, old: before.blob as string } : { written: true };
      });
    },
    async useCache({ scope, paths, key, prefix }, now) {
      return connection.unsynced(() => {
        const found =
          exact.get(...keyOf({ ...scope, paths, key })) ??
          (prefix === undefined
            ? undefined
            : begins.get(scope.domain, scope.namespace, paths, prefix, prefix + END));
        if (!found) return undefined;
        const row = cacheOf(found);
        touch.run(now, ...keyOf(row));
        return { ...row, usedAt: new Date(Math.max(now, Date.parse(row.usedAt))).toISOString() };
      });
    },
    async hasCache({ scope, paths, key }) {
      return connection.read(() => exact.get(...keyOf({ ...scope, paths, key })) !== undefined);
    },
    async listCaches({ domain, namespace }, limit) {
      return connection.read(() => list.all(domain ?? null, namespace ?? null, limit)).map(cacheOf);
    },
    async removeCaches({ domain, namespace }, key) {
      return connection.transaction(() =>
        removal.all(domain ?? null, namespace ?? null, key ?? null).map((row) => row.blob as string),
      );
    },
    async trimCaches(usedBefore, bytes) {
      return connection.transaction(() => {
        const blobs = unused.all(usedBefore).map((row) => row.blob as string);
        let left = Number(total.get()?.bytes);
        while (left > bytes) {
          const row = oldest.get();
          if (!row) break;
          const cache = cacheOf(row);
          deletion.run(...keyOf(cache));
          left -= cache.size;
          blobs.push(cache.blob);
        }
        return blobs;
      });
    },
  };
}

function cacheOf(row: Row): CacheRow {
  return {
    domain: row.domain as string,
    namespace: row.namespace as string,
    key: row.key as string,
    paths: row.paths as string,
    size: Number(row.size),
    sha256: row.sha256 as string,
    createdAt: new Date(Number(row.created)).toISOString(),
    usedAt: new Date(Number(row.used)).toISOString(),
    blob: row.blob as string,
  };
}
