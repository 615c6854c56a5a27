// The store on a SQLite file: state of a single machine.

import type { Store } from "../store.ts";
import { sqliteAccounts } from "./accounts.ts";
import { sqliteCatalog } from "./catalog.ts";
import { Connection } from "./connection.ts";
import { appendHistory, sqliteHistory } from "./history.ts";
import { migrate, refuseForeign } from "./migrate.ts";
import { sqliteOutbox } from "./outbox.ts";
import { Reader } from "./reader.ts";
import { sqliteRuns } from "./runs.ts";
import { searchIndex } from "./search-index.ts";

export interface SqliteOptions {
  /** The clock, in milliseconds since the epoch: of leases, due times and idempotency keys. */
  now?: () => number;
}

/**
 * Opens the database in the file `path`, which is made when it is missing, and brings it to this program's schema.
 * @throws MflowError STORE_NEWER, STORE_UNUSABLE, STORE_BUSY or STORE_FULL
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  return sqliteStore(new Connection(path), options);
}

/** The store on a connection that was just opened and belongs to it from here on. */
export function sqliteStore(connection: Connection, { now = Date.now }: SqliteOptions = {}): Store {
  try {
    refuseForeign(connection);
    connection.configure();
    migrate(connection);
    connection.opened();
  } catch (error) {
    connection.close();
    throw error;
  }
  const reader = new Reader(connection.path);
  const index = searchIndex(connection);
  const append = appendHistory(connection);
  return {
    runs: sqliteRuns(connection, reader, index, append, now),
    outbox: sqliteOutbox(connection),
    history: sqliteHistory(connection),
    catalog: sqliteCatalog(connection, reader, index, append),
    accounts: sqliteAccounts(connection),
    async close() {
      // The reader first: the log is written back whole only when nobody reads it.
      await reader.close();
      connection.close();
    },
  };
}
