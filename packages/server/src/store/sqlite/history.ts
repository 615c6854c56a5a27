// The event stream: appended inside the transaction of the change, read in commit order.

import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { HistoryStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import { places } from "./places.ts";

/** Appends events inside a transaction and answers them with their places. */
export type AppendHistory = (events: NewHistoryEvent[]) => HistoryEvent[];

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
  return {
    async append(added) {
      return connection.transaction(() => append(added));
    },
    list: (query) => events.list(query),
    async lastSeq() {
      return connection.read(events.last);
    },
  };
}
