// What waits for whom: a row for each name that a waiting gate lists, kept in step with the task's row. So an inbox
// is read from the rows of its names alone.

import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import { decodeCursor, encodeCursor, type Position } from "../cursor.ts";
import type { Page, WaitingGate, WaitingGateQuery } from "../store.ts";
import type { Connection } from "./connection.ts";

const MAX_LIMIT = 500;

export interface WaitingGates {
  /** Brings the rows of a task in step with it, inside the transaction that writes it. */
  note(task: JobTask): void;
  /** Those of a task that is removed. */
  remove(taskId: string): void;
  /** @throws MflowError BAD_REQUEST for a bad limit or cursor */
  list(query: WaitingGateQuery): Page<WaitingGate>;
}

interface GateRow {
  opened: number;
  task_id: string;
  gate: WaitingGate["gate"];
}

export function waitingGates(connection: Connection): WaitingGates {
  const insert = connection.prepare(
    "INSERT OR IGNORE INTO waiting_gates (name, opened, task_id, gate) VALUES (?, ?, ?, ?)",
  );
  const removeTask = connection.prepare("DELETE FROM waiting_gates WHERE task_id = ?");
  const ofName = connection.prepare(
    `SELECT opened, task_id, gate FROM waiting_gates WHERE name = ? AND (opened, task_id) > (?, ?)
     ORDER BY opened, task_id, gate LIMIT ?`,
  );
  const taskBody = connection.prepare("SELECT body FROM tasks WHERE id = ?");

  return {
    note(task) {
      if (!task.audit && !task.confirm) return;
      removeTask.run(task.id);
      for (const gate of ["audit", "confirm"] as const) {
        const { stage, people = [], openedAt = task.createdAt } = task[gate] ?? {};
        if (stage !== "WAITING") continue;
        for (const name of people) insert.run(name, Date.parse(openedAt), task.id, gate);
      }
    },
    remove(taskId) {
      removeTask.run(taskId);
    },
    list({ names, limit, cursor }) {
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
        throw new MflowError("BAD_REQUEST", `\`limit\` is ${limit}; it must be 1 to ${MAX_LIMIT}`);
      const after: Position = cursor === undefined ? { created: -1, id: "" } : decodeCursor(cursor);
      const found = new Map<string, GateRow>();
      // One range for each name: the first gates of all are among the first of each. One more tells of a next page.
      for (const name of new Set(names)) {
        const rows = ofName.all(name, after.created, after.id, limit + 1) as unknown as GateRow[];
        for (const row of rows) found.set(`${row.task_id} ${row.gate}`, row);
      }
      const ordered = [...found.values()].sort(oldestFirst);
      const page = ordered.slice(0, limit);
      const items = page.map(({ task_id, gate }) => ({
        task: JSON.parse(taskBody.get(task_id)?.body as string) as JobTask,
        gate,
      }));
      const last = page.at(-1);
      if (ordered.length === page.length || !last) return { items };
      return { items, nextCursor: encodeCursor({ created: last.opened, id: last.task_id }) };
    },
  };
}

function oldestFirst(a: GateRow, b: GateRow): number {
  return a.opened - b.opened || (a.task_id < b.task_id ? -1 : 1);
}
