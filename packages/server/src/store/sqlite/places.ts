// Rows that are only ever added, each at its place, such as events: read in order after a place, all or those of a
// scope, run or task.

import type { SQLInputValue, StatementSync } from "node:sqlite";
import { setImmediate as turn } from "node:timers/promises";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Connection } from "./connection.ts";

/** Places that one read looks through when no index leads to the rows: what it takes holds up commits. */
const WINDOW = 1000;

export interface PlaceQuery {
  /** Rows after this place. */
  after: number;
  limit: number;
  scope?: Partial<Scope>;
  pipelineTaskId?: string;
  taskId?: string;
}

export interface Places<T> {
  list(query: PlaceQuery): Promise<(T & { seq: number })[]>;
  /** The last place, 0 when there is none. */
  last(): number;
}

/**
 * Reads a table with the columns `seq`, its key, `domain`, `namespace`, `aggregate_id`, which has an index, `task_id` and
 * `body`. `parse` makes a row of a body.
 */
export function places<T>(
  connection: Connection,
  table: "history" | "decision_records",
  parse: (body: string) => T = (body) => JSON.parse(body) as T,
): Places<T> {
  const newest = connection.prepare(`SELECT coalesce(max(seq), 0) AS seq FROM ${table}`);
  const owner = connection.prepare("SELECT coalesce(run_id, id) AS id FROM tasks WHERE id = ?");
  const statements = new Map<string, StatementSync>();

  function last(): number {
    return Number(newest.get()?.seq);
  }

  /**
   * The aggregate whose rows are asked for. Those of a task are found through its run, so that each row needs one index
   * entry instead of two.
   */
  function aggregateOf({ pipelineTaskId, taskId }: PlaceQuery): string | undefined {
    if (pipelineTaskId !== undefined || taskId === undefined) return pipelineTaskId;
    return owner.get(taskId)?.id as string | undefined;
  }

  /** Rows of the places after `after` up to `upTo`. */
  function read(query: PlaceQuery, aggregateId: string | undefined, upTo: number): (T & { seq: number })[] {
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
    const sql = `SELECT seq, body FROM ${table} WHERE ${conditions.join(" AND ")} ORDER BY seq LIMIT ?`;
    const statement = statements.get(sql) ?? connection.prepare(sql);
    statements.set(sql, statement);
    return statement.all(...values, limit).map(({ seq, body }) => ({
      seq: seq as number,
      ...parse(body as string),
    }));
  }

  /** Looks window after window, and lets others work in between. */
  async function readInWindows(query: PlaceQuery): Promise<(T & { seq: number })[]> {
    const found: (T & { seq: number })[] = [];
    const upTo = connection.read(last);
    for (let after = query.after; after < upTo && found.length < query.limit; after += WINDOW) {
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
    last,
  };
}
