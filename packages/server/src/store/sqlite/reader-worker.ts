// The thread that answers lists on its own read-only connection, one after another. It alone loads Kysely, which
// costs 0.2 s and 27 MB.

import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { MflowError } from "@mflow/core/errors";
import { Kysely } from "kysely";
import { listRecords } from "../lists.ts";
import type { Tables } from "../tables.ts";
import { sqliteDialect } from "./kysely-dialect.ts";
import type { Answer, Question } from "./reader.ts";
import { storeError } from "./store-error.ts";

/** How long a list waits while another program locks the database. */
const BUSY_MS = 1000;

const { path } = workerData as { path: string };
const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
const db = new Kysely<Tables>({ dialect: sqliteDialect(database) });

async function answer({ number, kind, query }: Question): Promise<Answer> {
  try {
    return { number, found: await listRecords(db, kind, query) };
  } catch (thrown) {
    const error = storeError(thrown, path);
    // Errors lose their class on the way to another thread.
    if (error instanceof MflowError) return { number, code: error.code, message: error.message };
    return {
      number,
      code: "INTERNAL",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

let last: Promise<unknown> = Promise.resolve();
parentPort?.on("message", (question: Question | "close") => {
  last = last.then(async () => {
    if (question === "close") {
      database.close();
      parentPort?.close();
    } else parentPort?.postMessage(await answer(question));
  });
});
