// Lanes: of the deliveries of one lane only one has its turn, and can be claimed: the first that is PENDING. A later one
// that is under way while an earlier one is sent again keeps the turn until it is done.

import type { Connection } from "./connection.ts";

export interface Lanes {
  /** Whether a delivery has the turn. */
  isTaken(lane: string): boolean;
  /** Gives the turn to whom it belongs, and answers when that one is due and for which target. */
  pass(lane: string): { target: string; dueAt: number } | undefined;
}

export function lanes(connection: Connection): Lanes {
  const prepare = (sql: string) => connection.prepare(sql);
  const holder = prepare("SELECT n, lease_owner FROM deliveries WHERE lane = ? AND claimable_at IS NOT NULL");
  const first = prepare(
    "SELECT n, target, due_at FROM deliveries WHERE lane = ? AND state = 'PENDING' ORDER BY n LIMIT 1",
  );
  const take = prepare("UPDATE deliveries SET claimable_at = NULL WHERE n = ?");
  const give = prepare("UPDATE deliveries SET claimable_at = due_at WHERE n = ?");

  return {
    isTaken: (lane) => holder.get(lane) !== undefined,
    pass(lane) {
      const now = holder.get(lane) as { n: number; lease_owner: string | null } | undefined;
      if (now && now.lease_owner !== null) return undefined;
      const next = first.get(lane) as { n: number; target: string; due_at: number } | undefined;
      if (now && now.n !== next?.n) take.run(now.n);
      if (!next) return undefined;
      if (now?.n !== next.n) give.run(next.n);
      return { target: next.target, dueAt: next.due_at };
    },
  };
}
