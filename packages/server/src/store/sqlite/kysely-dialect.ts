// Kysely's driver for `node:sqlite`: one connection, whose owner runs one transaction at a time.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

export function sqliteDialect(db: DatabaseSync): Dialect {
  return {
    createDriver: () => new SqliteDriver(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
  };
}

class SqliteDriver implements Driver {
  readonly #db: DatabaseSync;
  readonly #connection: DatabaseConnection;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#connection = {
      executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
        const rows = db.prepare(query.sql).all(...(query.parameters as SQLInputValue[]));
        return { rows: rows as R[] };
      },
      streamQuery() {
        throw new Error("Streaming is not needed by any list");
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    this.#db.exec("BEGIN");
  }

  async commitTransaction(): Promise<void> {
    this.#db.exec("COMMIT");
  }

  async rollbackTransaction(): Promise<void> {
    this.#db.exec("ROLLBACK");
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#db.close();
  }
}
