// The targets of deliveries: how many wait for each and how many were given up, counted with every change, and whether
// it is paused. A target of which there is none of that has no row: there are as many as runs once had listeners.

import type { DeliveryKind } from "@mflow/core/schema/delivery";
import type { DeliveryStore } from "../store.ts";
import type { Connection } from "./connection.ts";

interface TargetRow {
  target: string;
  kind: DeliveryKind;
  pending: number;
  dead: number;
  paused_at: string | null;
  paused_by: string | null;
}

export interface DeliveryTargets {
  /** Inside the transaction of the change: so many more wait, so many more are dead. */
  count(target: string, kind: DeliveryKind, pending: number, dead: number): void;
  isPaused(target: string): boolean;
  /** As `DeliveryStore`. */
  due(): { target: string; dueAt: number }[];
  list(): Awaited<ReturnType<DeliveryStore["targets"]>>;
  pause(target: string, kind: DeliveryKind, by: string, at: string): void;
  resume(target: string): boolean;
}

export function deliveryTargets(connection: Connection): DeliveryTargets {
  const prepare = (sql: string) => connection.prepare(sql);
  const count = prepare(
    `INSERT INTO delivery_targets (target, kind, pending, dead) VALUES (?, ?, ?, ?)
     ON CONFLICT (target) DO UPDATE SET pending = pending + excluded.pending, dead = dead + excluded.dead,
       kind = CASE WHEN excluded.pending > 0 THEN excluded.kind ELSE kind END`,
  );
  const removeIdle = prepare(
    "DELETE FROM delivery_targets WHERE target = ? AND pending = 0 AND dead = 0 AND paused_at IS NULL",
  );
  const paused = prepare("SELECT 1 FROM delivery_targets WHERE target = ? AND paused_at IS NOT NULL");
  const due = prepare(
    `SELECT t.target, (SELECT min(d.claimable_at) FROM deliveries AS d
       WHERE d.target = t.target AND d.claimable_at IS NOT NULL) AS due_at
     FROM delivery_targets AS t WHERE t.pending > 0 AND t.paused_at IS NULL ORDER BY t.target`,
  );
  const all = prepare("SELECT * FROM delivery_targets ORDER BY target");
  const pause = prepare(
    `INSERT INTO delivery_targets (target, kind, pending, dead, paused_by, paused_at) VALUES (?, ?, 0, 0, ?, ?)
     ON CONFLICT (target) DO UPDATE SET paused_by = excluded.paused_by, paused_at = excluded.paused_at`,
  );
  const resume = prepare(
    "UPDATE delivery_targets SET paused_by = NULL, paused_at = NULL WHERE target = ? AND paused_at IS NOT NULL",
  );

  return {
    count(target, kind, pending, dead) {
      count.run(target, kind, pending, dead);
      if (pending < 0 || dead < 0) removeIdle.run(target);
    },
    isPaused: (target) => paused.get(target) !== undefined,
    due: () => due.all().map(({ target, due_at }) => ({ target: target as string, dueAt: due_at as number })),
    list: () =>
      (all.all() as unknown as TargetRow[]).map(({ target, kind, pending, dead, paused_at, paused_by }) => ({
        target,
        kind,
        pending,
        dead,
        ...(paused_at !== null && { pausedAt: paused_at }),
        ...(paused_by !== null && { pausedBy: paused_by }),
      })),
    pause(target, kind, by, at) {
      pause.run(target, kind, by, at);
    },
    resume(target) {
      const isResumed = resume.run(target).changes > 0;
      if (isResumed) removeIdle.run(target);
      return isResumed;
    },
  };
}
