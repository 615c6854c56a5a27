// Brings a database file to the schema of this program. Migrations are numbered SQL files that are never changed
// once released; the file's `user_version` is the number of the last one applied.

import { readdirSync, readFileSync } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import type { Connection } from "./connection.ts";

/** Marks a SQLite file as mflow's; "mflo" in ASCII. */
const APPLICATION_ID = 0x6d666c6f;

const FOLDER = new URL("../migrations/sqlite/", import.meta.url);

interface Migration {
  number: number;
  sql: string;
}

/** The migrations of this program, in order. */
function migrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .sort()
    .map((file) => ({ number: Number(file.slice(0, 4)), sql: readFileSync(new URL(file, FOLDER), "utf8") }));
}

/**
 * Refuses a file that is not for this program, before anything is written to it.
 * @throws MflowError STORE_NEWER when a newer version of mflow wrote it, STORE_UNUSABLE when another program did
 */
export function refuseForeign(connection: Connection): void {
  const isMflow = read(connection, "PRAGMA application_id", "application_id") === APPLICATION_ID;
  if (!isMflow && read(connection, "SELECT count(*) AS n FROM sqlite_schema", "n") > 0)
    throw new MflowError("STORE_UNUSABLE", `The file ${connection.path} is the database of another program`);
  const present = schemaOf(connection);
  const newest = migrations().at(-1)?.number ?? 0;
  if (present > newest)
    throw new MflowError(
      "STORE_NEWER",
      `The database ${connection.path} has schema ${present}; this version of mflow knows schemas up to ${newest}`,
    );
}

/**
 * Applies what is missing, all or nothing, while no other program may write.
 * @throws MflowError as `refuseForeign`
 */
export function migrate(connection: Connection): void {
  const known = migrations();
  if (schemaOf(connection) === known.at(-1)?.number) return;
  connection.transaction(() => {
    // Looked at again under the lock: another program may have migrated the file just now.
    refuseForeign(connection);
    const present = schemaOf(connection);
    for (const { number, sql } of known)
      if (number > present) connection.exec(`${sql}; PRAGMA user_version = ${number}`);
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  });
}

function schemaOf(connection: Connection): number {
  return read(connection, "PRAGMA user_version", "user_version");
}

function read(connection: Connection, sql: string, column: string): number {
  return connection.read(() => Number(connection.prepare(sql).get()?.[column]));
}
