// Messages, deliveries, gates and decisions for tests of stores: whole, valid and short, with what a test cares about
// laid over.

import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { Delivery, DeliveryAttempt } from "@mflow/core/schema/delivery";
import type { Gate } from "@mflow/core/schema/gate";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Message } from "@mflow/core/schema/message";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { DueDelivery, NewDelivery, NewMessage } from "../store.ts";
import { idOf, START, timeOf } from "./records.ts";

export const HOOKS = "channel:hooks";

/** About a run, or about a task of it. */
export function aMessage(
  n: number,
  about: { run?: PipelineTask; task?: JobTask; attempt?: number } = {},
  overrides: Partial<Message> = {},
): Message {
  const { run, task, attempt = 1 } = about;
  const { domain, namespace } = run ?? task ?? { domain: "default", namespace: "default" };
  return {
    version: 1,
    id: idOf("msg", n),
    type: "FAILED",
    at: timeOf(n),
    domain,
    namespace,
    startedBy: "ana",
    ...(run && { run: { id: run.id, name: run.name, stage: run.status.stage, triggerMode: "MANUAL" } }),
    ...(task && {
      task: { id: task.id, name: task.name, job: task.job, attempt, stage: "FAILED", params: [] },
    }),
    ...overrides,
  };
}

export function aDelivery(n: number, overrides: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: idOf("dlv", n),
    kind: "WEBHOOK",
    target: HOOKS,
    lane: `lane-${n}`,
    listener: "pipeline/webhooks/0",
    action: "SEND",
    state: "PENDING",
    ...overrides,
  };
}

/** A message about a run for one listener. */
export function told(n: number, run: PipelineTask, overrides: Partial<NewDelivery> = {}): NewMessage {
  return { message: aMessage(n, { run }), deliveries: [aDelivery(n, overrides)] };
}

/** The only delivery of a message, as a claim answers it. */
export function asDue(
  { message, deliveries: [delivery] }: NewMessage,
  aggregateId: string,
  more: Partial<DueDelivery> = {},
): DueDelivery {
  return {
    ...(delivery as NewDelivery),
    aggregateId,
    tries: 0,
    createdAt: START,
    since: START,
    message,
    ...more,
  };
}

/** The only delivery of a message, as the API shows it. */
export function asShown(
  { message, deliveries: [delivery] }: NewMessage,
  more: Partial<Delivery> = {},
): Delivery {
  const { id, action, kind, target, listener, user, state, error } = delivery as NewDelivery;
  const at = timeOf(0);
  return {
    id,
    messageId: message.id,
    event: message.type,
    action,
    domain: message.domain,
    namespace: message.namespace,
    ...(message.run && { pipelineTaskId: message.run.id }),
    ...(message.task && { taskId: message.task.id }),
    kind,
    target,
    listener,
    ...(user !== undefined && { user }),
    state,
    tries: 0,
    createdAt: at,
    ...(state === "PENDING" ? { nextTryAt: at } : { endedAt: at }),
    ...(error !== undefined && { error }),
    ...more,
  };
}

export function anAttempt(
  n: number,
  overrides: Partial<DeliveryAttempt> = {},
): Omit<DeliveryAttempt, "number"> {
  return {
    at: timeOf(n),
    durationMs: 12.5,
    requestDigest: "a1",
    status: 200,
    response: "ok 🚀",
    ...overrides,
  };
}

export function aGate(n: number, people: string[], overrides: Partial<Gate> = {}): Gate {
  return {
    people,
    required: 1,
    allowSelf: false,
    stage: "WAITING",
    openedAt: timeOf(n),
    decisions: [],
    ...overrides,
  };
}

export function aDecision(n: number, overrides: Partial<NewDecisionRecord> = {}): NewDecisionRecord {
  return {
    at: timeOf(n),
    domain: "default",
    namespace: "default",
    act: "DECIDE",
    user: "ana",
    verdict: "PASS",
    comment: `Number ${n} 🚀`,
    rule: "ana is listed",
    ...overrides,
  };
}
