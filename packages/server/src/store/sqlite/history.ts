// The event stream: appended inside the transaction of the change, read in commit order.

import type { SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as turn } from "node:timers/promises";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { HistoryQuery, HistoryStore } from "../store.ts";
import type { Connection } from "./connection.ts";

/** Places that one read looks through when no index leads to the events: what it takes holds up commits. */
const WINDOW = 1000;

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

export function sqliteHistory(connection: Connection): HistoryStore {
  const newest = connection.prepare("SELECT coalesce(max(seq), 0) AS seq FROM history");
  const owner = connection.prepare("SELECT coalesce(run_id, id) AS id FROM tasks WHERE id = ?");
  const statements = new Map<string, StatementSync>();

  function lastSeq(): number {
    return Number(newest.get()?.seq);
  }

  /**
   * The aggregate whose events are asked for. The history of a task is found through its run, so that each
   * event needs one index entry instead of two.
   */
  function aggregateOf({ pipelineTaskId, taskId }: HistoryQuery): string | undefined {
    if (pipelineTaskId !== undefined || taskId === undefined) return pipelineTaskId;
    return owner.get(taskId)?.id as string | undefined;
  }

  /** Events of the places after `after` up to `upTo`. */
  function read(query: HistoryQuery, aggregateId: string | undefined, upTo: number): HistoryEvent[] {
    const { scope, taskId, after, limit } = query;
    const conditions = ["seq > ?", "seq <= ?"];
    const values: SQLInputValue[] = [after, upTo];
    const where = (column: string, value: string | undefined) => {
      if (value === undefined) return;
      conditions.push(`${column} = ?`);
      values.push(value);
    };
    where("domain", scope?.domain);
    where("namespace", scope?.namespace);
    where("aggregate_id", aggregateId);
    where("task_id", taskId);
    const sql = `SELECT seq, body FROM history WHERE ${conditions.join(" AND ")} ORDER BY seq LIMIT ?`;
    const statement = statements.get(sql) ?? connection.prepare(sql);
    statements.set(sql, statement);
    return statement.all(...values, limit).map(({ seq, body }) => ({
      seq: seq as number,
      ...(JSON.parse(body as string) as NewHistoryEvent),
    }));
  }

  /** Looks window after window, and lets others work in between. */
  async function readInWindows(query: HistoryQuery): Promise<HistoryEvent[]> {
    const found: HistoryEvent[] = [];
    const last = connection.read(lastSeq);
    for (let after = query.after; after < last && found.length < query.limit; after += WINDOW) {
      if (after !== query.after) await turn();
      const limit = query.limit - found.length;
      found.push(...connection.read(() => read({ ...query, after, limit }, undefined, after + WINDOW)));
    }
    return found;
  }

  return {
    async list(query) {
      const aggregateId = connection.read(() => aggregateOf(query));
      const isBounded = aggregateId !== undefined || (query.taskId === undefined && !query.scope);
      return isBounded
        ? connection.read(() => read(query, aggregateId, Number.MAX_SAFE_INTEGER))
        : readInWindows(query);
    },
    async lastSeq() {
      return connection.read(lastSeq);
    },
  };
}
