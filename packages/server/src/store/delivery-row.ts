// What a stored delivery looks like to the API, for every database: the same from a list and by its id.

import type { Delivery } from "@mflow/core/schema/delivery";

/** A row of `deliveries` with what it takes from its message. */
export interface DeliveryRow {
  id: string;
  message_id: string;
  event: string;
  action: string;
  domain: string;
  namespace: string;
  aggregate_id: string;
  task_id: string | null;
  kind: string;
  target: string;
  listener: string;
  user: string | null;
  state: string;
  tries: number;
  created: number;
  due_at: number;
  ended: number | null;
  error: string | null;
}

/** The delivery of a row. */
export function deliveryOf(row: DeliveryRow): Delivery {
  const { aggregate_id, task_id, user, ended, error } = row;
  // The aggregate of a lone task is the task itself.
  const isInRun = aggregate_id !== task_id;
  return {
    id: row.id,
    messageId: row.message_id,
    event: row.event as Delivery["event"],
    action: row.action as Delivery["action"],
    domain: row.domain,
    namespace: row.namespace,
    ...(isInRun && { pipelineTaskId: aggregate_id }),
    ...(task_id !== null && { taskId: task_id }),
    kind: row.kind as Delivery["kind"],
    target: row.target,
    listener: row.listener,
    ...(user !== null && { user }),
    state: row.state as Delivery["state"],
    tries: row.tries,
    createdAt: timestamp(row.created),
    ...(row.state === "PENDING" && { nextTryAt: timestamp(row.due_at) }),
    ...(ended !== null && { endedAt: timestamp(ended) }),
    ...(error !== null && { error }),
  };
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
