// What becomes of deliveries when their run is removed: those that have ended go with it. Those that wait stay and are
// sent, for which they need their message and the run's definition; the last of them takes these along.

import type { DeliveryKind } from "@mflow/core/schema/delivery";
import { deliveryEntry } from "../search-entry.ts";
import type { Connection } from "./connection.ts";
import type { DeliveryTargets } from "./delivery-targets.ts";
import type { SearchIndex } from "./search-index.ts";

/** What there is to know of a delivery that goes. */
export interface GoneDelivery {
  n: number;
  id: string;
  /** `n` of its message. */
  message: number;
  aggregate_id: string;
  kind: DeliveryKind;
  target: string;
  state: string;
  created: number;
  domain: string;
  namespace: string;
}

export interface DeliveryRemoval {
  /**
   * Takes away at most so many deliveries of a run that have ended, of its messages from the place `from` on; answers
   * from which place there may be more, when it found so many.
   */
  removeEnded(aggregateId: string, limit: number, from?: number): number | undefined;
  /** The run is removed, and its ended deliveries are; answers whether something still waits. */
  abandon(aggregateId: string): boolean;
  /** Takes away a delivery of a removed run, which has just ended, with all that nothing needs any more. */
  removeLate(delivery: GoneDelivery): void;
}

export function deliveryRemoval(
  connection: Connection,
  index: SearchIndex,
  targets: DeliveryTargets,
): DeliveryRemoval {
  const prepare = (sql: string) => connection.prepare(sql);
  const ended = prepare(
    `SELECT d.n, d.id, d.message, d.kind, d.target, d.state, d.created, m.aggregate_id, m.domain, m.namespace
     FROM messages AS m JOIN deliveries AS d ON d.message = m.n
     WHERE m.aggregate_id = ? AND m.n >= ? AND d.state <> 'PENDING' ORDER BY m.n LIMIT ?`,
  );
  const removeAttempts = prepare("DELETE FROM delivery_attempts WHERE delivery = ?");
  const removeDelivery = prepare("DELETE FROM deliveries WHERE n = ?");
  const abandon = prepare("UPDATE messages SET abandoned = 1 WHERE aggregate_id = ?");
  const removeMessages = prepare(
    `DELETE FROM messages WHERE aggregate_id = ?
     AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.message = messages.n)`,
  );
  const removeMessage = prepare(
    "DELETE FROM messages WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)",
  );
  const hasMessages = prepare("SELECT 1 FROM messages WHERE aggregate_id = ? LIMIT 1");
  const removeDefinition = prepare("DELETE FROM definitions WHERE aggregate_id = ?");

  function remove(delivery: GoneDelivery): void {
    removeAttempts.run(delivery.n);
    removeDelivery.run(delivery.n);
    index.remove(deliveryEntry(delivery));
    if (delivery.state === "DEAD") targets.count(delivery.target, delivery.kind, 0, -1);
  }

  return {
    removeEnded(aggregateId, limit, from = 0) {
      const found = ended.all(aggregateId, from, limit) as unknown as GoneDelivery[];
      for (const delivery of found) remove(delivery);
      return found.length < limit ? undefined : found.at(-1)?.message;
    },
    abandon(aggregateId) {
      removeMessages.run(aggregateId);
      return abandon.run(aggregateId).changes > 0;
    },
    removeLate(delivery) {
      remove(delivery);
      removeMessage.run(delivery.message);
      if (!hasMessages.get(delivery.aggregate_id)) removeDefinition.run(delivery.aggregate_id);
    },
  };
}
