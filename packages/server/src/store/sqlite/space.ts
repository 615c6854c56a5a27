// What the database takes of the disk. What is removed leaves free pages in the file, which are used again before it
// grows; where many are free they are given back, a few at a time.

import type { SpaceStore } from "../store.ts";
import type { Connection } from "./connection.ts";

/** Pages that one call gives back: what it takes holds up commits. */
const PAGES_AT_ONCE = 256;
/** Free pages that are worth giving back, as a part of the file: fewer are soon used again. */
const WORTH_GIVING_BACK = 0.25;
/** Below so many pages a file is small whatever is free. */
const LEAST_PAGES = 1024;

export function sqliteSpace(connection: Connection): SpaceStore {
  const read = (pragma: string) =>
    Number(Object.values(connection.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? 0);

  return {
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
