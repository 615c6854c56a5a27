// Records that are told by their name alone, such as channels and clusters: few, written rarely, each guarded by its
// revision.

import { MflowError } from "@mflow/core/errors";
import type { NamedStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { AppendHistory } from "./history.ts";

interface Named {
  name: string;
  revision: number;
}

/** Records of one table, and how one is written in a transaction that is open. */
export interface NamedTable<T> extends NamedStore<T> {
  /** Throws STALE_REVISION, or NAME_TAKEN where none was expected. */
  write(record: T, expectedRevision: number): void;
}

/** `noun`: what one is, for people. */
export function sqliteNamed<T extends Named>(
  connection: Connection,
  table: "channels" | "clusters" | "limits",
  noun: string,
  append: AppendHistory,
): NamedTable<T> {
  const all = connection.prepare(`SELECT body FROM ${table} ORDER BY name`);
  const storedRevision = connection.prepare(`SELECT revision FROM ${table} WHERE name = ?`);
  const insertion = connection.prepare(
    `INSERT OR REPLACE INTO ${table} (name, revision, body) VALUES (?, ?, ?)`,
  );
  const deletion = connection.prepare(`DELETE FROM ${table} WHERE name = ?`);

  function guard(name: string, expected: number): void {
    const revision = Number(storedRevision.get(name)?.revision ?? 0);
    if (revision === expected) return;
    if (expected === 0) throw new MflowError("NAME_TAKEN", `There is a ${noun} \`${name}\` already`);
    const stands = revision === 0 ? "does not exist" : `has revision ${revision}`;
    throw new MflowError(
      "STALE_REVISION",
      `The ${noun} \`${name}\` ${stands}; revision ${expected} was expected`,
    );
  }

  function write(record: T, expectedRevision: number): void {
    guard(record.name, expectedRevision);
    insertion.run(record.name, record.revision, JSON.stringify(record));
  }

  return {
    write,
    async list() {
      return connection.read(() => all.all().map(({ body }) => JSON.parse(body as string) as T));
    },
    async put(record, expectedRevision, history = []) {
      return connection.transaction(() => {
        write(record, expectedRevision);
        return append(history);
      });
    },
    async remove(name, history = []) {
      return connection.transaction(() => {
        if (deletion.run(name).changes === 0)
          throw new MflowError("NOT_FOUND", `There is no ${noun} \`${name}\``);
        return append(history);
      });
    },
  };
}
