// The event stream: appended inside the transaction of the change, read in commit order.

import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { ArchivedHistory, HistoryStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import { places } from "./places.ts";

/** Appends events inside a transaction and answers them with their places. */
export type AppendHistory = (events: NewHistoryEvent[]) => HistoryEvent[];

/** Writes events, inside the transaction of their change; answers with them and their places. */
export function appendHistory(connection: Connection): AppendHistory {
  const insert = connection.prepare(
    "INSERT INTO history (domain, namespace, aggregate_id, task_id, body) VALUES (?, ?, ?, ?, ?)",
  );
  return (events) =>
    events.map((event) => {
      const { domain, namespace, pipelineTaskId, taskId = null } = event;
      const added = insert.run(domain, namespace, pipelineTaskId ?? taskId, taskId, JSON.stringify(event));
      return { seq: Number(added.lastInsertRowid), ...event };
    });
}

export function sqliteHistory(connection: Connection, append: AppendHistory): HistoryStore {
  const events = places<NewHistoryEvent>(connection, "history");
  const readArchived = connection.prepare("SELECT up_to AS upTo, file, bytes FROM history_archive");
  const noteArchived = connection.prepare("UPDATE history_archive SET up_to = ?, file = ?, bytes = ?");
  const removeArchived = connection.prepare("DELETE FROM history WHERE seq <= ?");
  const archived = () => ({ ...readArchived.get() }) as unknown as ArchivedHistory;
  return {
    async append(added) {
      return connection.transaction(() => append(added));
    },
    async list(query) {
      const { upTo } = connection.read(archived);
      return events.list({ ...query, after: Math.max(query.after, upTo) });
    },
    async lastSeq() {
      return connection.read(() => Math.max(events.last(), archived().upTo));
    },
    async archived() {
      return connection.read(archived);
    },
    async archive({ upTo, file, bytes }) {
      connection.transaction(() => {
        noteArchived.run(upTo, file, bytes);
        removeArchived.run(upTo);
      });
    },
  };
}
