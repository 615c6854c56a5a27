// Brings a database file to the schema of this program. Migrations are numbered SQL files that are never changed
// once released; the file's `user_version` is the number of the last one applied.

import { readdirSync, readFileSync } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import type { Connection } from "./connection.ts";

/** Marks a SQLite file as mflow's; "mflo" in ASCII. */
export const APPLICATION_ID = 0x6d666c6f;

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
 * Applies what is missing, all or nothing, while no other program may write.
 * @throws MflowError STORE_NEWER when a newer program wrote the file, STORE_UNUSABLE when it is not mflow's
 */
export function migrate(connection: Connection): void {
  const known = migrations();
  const newest = known.at(-1)?.number ?? 0;
  if (version(connection) === newest && pragma(connection, "application_id") === APPLICATION_ID) return;
  connection.transaction(() => {
    // Read again under the lock: another program may have migrated the file just now.
    const present = version(connection);
    if (pragma(connection, "application_id") !== APPLICATION_ID) refuseForeign(connection);
    if (present > newest)
      throw new MflowError(
        "STORE_NEWER",
        `The database ${connection.path} has schema ${present}, and this version of mflow knows schemas up to ${newest}`,
      );
    for (const { number, sql } of known) if (number > present) connection.exec(sql);
    connection.exec(`PRAGMA user_version = ${newest}; PRAGMA application_id = ${APPLICATION_ID}`);
  });
}

function refuseForeign(connection: Connection): void {
  const tables = connection.prepare("SELECT count(*) AS n FROM sqlite_schema").get();
  if (tables?.n !== 0)
    throw new MflowError("STORE_UNUSABLE", `The file ${connection.path} is the database of another program`);
}

function version(connection: Connection): number {
  return pragma(connection, "user_version");
}

function pragma(connection: Connection, name: "user_version" | "application_id"): number {
  return connection.read(() => Number(connection.prepare(`PRAGMA ${name}`).get()?.[name]));
}
