// Writes messages and their deliveries, in the transaction of what they tell of.

import type { Message } from "@mflow/core/schema/message";
import { deliveryEntry } from "../search-entry.ts";
import type { NewDelivery, NewMessage } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { DeliveryTargets } from "./delivery-targets.ts";
import type { Lanes } from "./lanes.ts";
import type { SearchIndex } from "./search-index.ts";

export interface NewDeliveries {
  /** `at`: milliseconds since the epoch; they are due at once. */
  add(aggregateId: string, messages: NewMessage[], at: number): void;
}

/** Events whose cards have the buttons of a gate. */
const CARD_EVENTS = /^(AUDIT|CONFIRM)_(WAITING|REMIND|ESCALATED)$/;

/** Names the gate of an attempt, by which its cards are found. */
export function cardOf(taskId: string, attempt: number, gate: string): string {
  return `${taskId} ${attempt} ${gate}`;
}

export function newDeliveries(
  connection: Connection,
  index: SearchIndex,
  lanes: Lanes,
  targets: DeliveryTargets,
): NewDeliveries {
  const insertMessage = connection.prepare(
    "INSERT INTO messages (id, event, domain, namespace, aggregate_id, task_id, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const insert = connection.prepare(
    `INSERT INTO deliveries (id, message, kind, target, lane, listener, action, channel, user, card, state, tries,
       created, since, due_at, claimable_at, ended, error)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
  );

  function addDelivery(delivery: NewDelivery, message: Message, n: number | bigint, at: number): void {
    const { id, kind, target, lane, listener, action, state } = delivery;
    const { channel = null, user = null, error = null } = delivery;
    const isPending = state === "PENDING";
    const claimableAt = isPending && !lanes.isTaken(lane) ? at : null;
    const ended = isPending ? null : at;
    const card = action === "SEND" ? cardIn(message) : null;
    insert.run(
      ...[id, n, kind, target, lane, listener, action, channel, user, card, state],
      ...[at, at, at, claimableAt, ended, error],
    );
    if (isPending) targets.count(target, kind, 1, 0);
    const { domain, namespace } = message;
    index.add(deliveryEntry({ id, domain, namespace, target, state, created: at }));
  }

  return {
    add(aggregateId, messages, at) {
      for (const { message, deliveries } of messages) {
        const { id, type, domain, namespace, task } = message;
        const body = JSON.stringify(message);
        const added = insertMessage.run(id, type, domain, namespace, aggregateId, task?.id ?? null, body);
        for (const delivery of deliveries) addDelivery(delivery, message, added.lastInsertRowid, at);
      }
    },
  };
}

function cardIn({ type, task, gate }: Message): string | null {
  return task && gate && CARD_EVENTS.test(type) ? cardOf(task.id, task.attempt, gate.kind) : null;
}
