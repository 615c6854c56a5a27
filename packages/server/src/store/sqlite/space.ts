// What the database takes of the disk, and whether the disk takes more. What is removed leaves free pages in the file, which are used again before it
// grows; where many are free they are given back, a few at a time.

import { MflowError } from "@mflow/core/errors";
import type { SpaceStore } from "../store.ts";
import type { Connection } from "./connection.ts";

/** Pages that one call gives back: what it takes holds up commits. */
const PAGES_AT_ONCE = 256;
/** Free pages that are worth giving back, as a part of the file: fewer are soon used again. */
const WORTH_GIVING_BACK = 0.25;
/** Below so many pages a file is small whatever is free. */
const LEAST_PAGES = 1024;

/** Bytes that are written to see whether there is room again: enough for the changes of a busy moment. */
const TRIAL_BYTES = 256 * 1024;
/** Time between two trials, milliseconds. */
const TRIAL_EVERY_MS = 2000;
/** No key of a request begins so. What a killed process left of a trial is swept like any expired key. */
const TRIAL_KEY = "\u0000room";

export function sqliteSpace(connection: Connection, now: () => number): SpaceStore {
  const put = connection.prepare(
    "INSERT OR REPLACE INTO idempotency (key, digest, aggregate_id, expires_at) VALUES (?, ?, '', 0)",
  );
  const remove = connection.prepare("DELETE FROM idempotency WHERE key = ?");
  let triedAt = Number.NEGATIVE_INFINITY;
  const read = (pragma: string) =>
    Number(Object.values(connection.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0);

  /** Removed pages are not written: what is put must be on the disk before it is removed. */
  function tryToWrite(): void {
    triedAt = now();
    try {
      connection.transaction(() => put.run(TRIAL_KEY, "x".repeat(TRIAL_BYTES)));
      connection.transaction(() => remove.run(TRIAL_KEY));
      connection.accepted();
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
    }
  }

  return {
    async refusal() {
      if (connection.refusal && now() - triedAt >= TRIAL_EVERY_MS) tryToWrite();
      return connection.refusal;
    },
    async space() {
      return connection.read(() => {
        const pageSize = read("page_size");
        return { bytes: read("page_count") * pageSize, freeBytes: read("freelist_count") * pageSize };
      });
    },
    async giveBack() {
      const free = connection.read(() => read("freelist_count"));
      const pages = connection.read(() => read("page_count"));
      if (pages < LEAST_PAGES || free < pages * WORTH_GIVING_BACK) return false;
      connection.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
      // A file that an earlier version made keeps its free pages for itself.
      return connection.read(() => read("freelist_count")) < free;
    },
  };
}
