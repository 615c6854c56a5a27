// What `/metrics` says of what goes and what it leaves: runs removed, events archived, and what is on the disk.

import type { SpaceStore } from "../store/store.ts";
import type { HistoryArchive } from "./history-archive.ts";

/** A metric as it stands now. */
interface Metric {
  name: string;
  help: string;
  type: "counter" | "gauge";
  values: { labels: Record<string, string>; value: number }[];
}

export async function retentionMetrics(
  removed: Readonly<Record<"request" | "retention", number>>,
  archive: Pick<HistoryArchive, "moved" | "bytes">,
  store: SpaceStore,
): Promise<Metric[]> {
  const { bytes, freeBytes } = await store.space();
  const one = (type: Metric["type"], name: string, help: string, value: number): Metric => ({
    ...{ name, help, type },
    values: [{ labels: {}, value }],
  });
  return [
    {
      name: "mflow_runs_removed_total",
      help: "Ended runs and lone tasks that were deleted, by retention or by request.",
      type: "counter",
      values: Object.entries(removed).map(([by, value]) => ({ labels: { by }, value })),
    },
    one("counter", "mflow_events_archived_total", "Events that were moved to the archive.", archive.moved),
    one("gauge", "mflow_archive_bytes", "Size of the archive of events.", await archive.bytes()),
    one(
      "gauge",
      "mflow_database_writable",
      "1, or 0 while the disk takes no changes.",
      (await store.refusal()) ? 0 : 1,
    ),
    one("gauge", "mflow_database_bytes", "Size of the database.", bytes),
    one(
      "gauge",
      "mflow_database_free_bytes",
      "Part of the database that is free to be used again.",
      freeBytes,
    ),
  ];
}
