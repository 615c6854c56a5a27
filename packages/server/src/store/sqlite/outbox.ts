// The outbox: effects wait here until a worker has carried them out.

import type { Effect, Outbox } from "../store.ts";
import type { Connection } from "./connection.ts";

interface EffectRow {
  id: string;
  kind: Effect["kind"];
  aggregate_id: string;
  task_id: string;
  attempt: number;
  tries: number;
  due_at: number;
}

export function sqliteOutbox(connection: Connection): Outbox {
  const prepare = (sql: string) => connection.prepare(sql);
  const anyClaimable = prepare("SELECT 1 FROM effects WHERE claimable_at <= ? LIMIT 1");
  const claim = prepare(
    `UPDATE effects SET lease_owner = ?, claimable_at = ?
     WHERE id IN (SELECT id FROM effects WHERE claimable_at <= ? ORDER BY claimable_at, id LIMIT ?)
     RETURNING id, kind, aggregate_id, task_id, attempt, tries, due_at`,
  );
  const retry = prepare(
    `UPDATE effects SET tries = tries + 1, due_at = ?1, claimable_at = ?1, lease_owner = NULL, last_error = ?2
     WHERE id = ?3`,
  );
  const done = prepare("DELETE FROM effects WHERE id = ?");
  const releaseAll = prepare(
    "UPDATE effects SET lease_owner = NULL, claimable_at = due_at WHERE lease_owner IS NOT NULL",
  );

  return {
    async claim(lease, now, limit) {
      // Most polls find nothing; those take no lock.
      if (!connection.read(() => anyClaimable.get(now))) return [];
      const rows = connection.transaction(() => claim.all(lease.owner, lease.until, now, limit));
      return (rows as unknown as EffectRow[]).map(toEffect).sort(dueFirst);
    },
    async retry(id, dueAt, error) {
      connection.transaction(() => retry.run(dueAt, error, id));
    },
    async done(ids) {
      if (ids.length === 0) return;
      connection.transaction(() => {
        for (const id of ids) done.run(id);
      });
    },
    async releaseAll() {
      connection.transaction(() => releaseAll.run());
    },
  };
}

function toEffect(row: EffectRow): Effect {
  const { id, kind, aggregate_id: aggregateId, task_id: taskId, attempt, tries, due_at: dueAt } = row;
  return { id, kind, aggregateId, taskId, attempt, tries, dueAt };
}

function dueFirst(a: Effect, b: Effect): number {
  return a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1);
}
