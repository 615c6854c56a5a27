// The part of the store's contract about messages on their way to listeners.

import type {
  Delivery,
  DeliveryAttempt,
  DeliveryKind,
  DeliveryState,
  DeliveryTarget,
} from "@mflow/core/schema/delivery";
import type { Message } from "@mflow/core/schema/message";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Lease } from "./lease.ts";
import type { Page } from "./page.ts";

export interface NewMessage {
  message: Message;
  deliveries: NewDelivery[];
}

/** A message on its way to one listener. Holds names only, never secrets: those are looked up when it is sent. */
export interface NewDelivery {
  id: string;
  /** Of a channel, unless the state says that it cannot be sent. */
  kind: DeliveryKind;
  /** Where to, without secrets; limits, pauses and the breaker are per target. */
  target: string;
  /** Deliveries of one lane are sent one after another: one lane per listener, recipient and run. */
  lane: string;
  /** As in `Recipient`. */
  listener: string;
  action: "SEND" | "UPDATE";
  /** Name of the channel, when it is one. */
  channel?: string;
  user?: string;
  /** PENDING, or what cannot be sent is recorded so. */
  state: "PENDING" | "UNSUPPORTED" | "UNREACHABLE";
  error?: string;
}

/** A delivery whose turn it is, with its message. */
export interface DueDelivery extends NewDelivery {
  aggregateId: string;
  /** Attempts so far. */
  tries: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Since when it is tried: when it was made, or made PENDING again. Milliseconds since the epoch. */
  since: number;
  message: Message;
}

/** How an attempt went. */
export type DeliveryOutcome =
  /** `receipt`: what the channel needs to update the message later. */
  | { state: "DELIVERED"; receipt?: Record<string, string> }
  | { state: "DEAD"; error: string }
  /** Tried again not before `dueAt`, milliseconds since the epoch. */
  | { state: "PENDING"; dueAt: number; error: string };

export interface DeliveryQuery {
  scope?: Partial<Scope>;
  limit: number;
  cursor?: string;
  states?: DeliveryState[];
  target?: string;
  pipelineTaskId?: string;
  taskId?: string;
}

/**
 * The outbox of messages. Of each lane only the first PENDING delivery can be due, so that order is kept; one that was
 * DELIVERED or is DEAD releases the next. No cost here grows with the number of deliveries that wait or have ended.
 * What was claimed or settled last may be forgotten when power is lost, but not when the process dies: it is then sent
 * again.
 */
export interface DeliveryStore {
  /** Targets with PENDING deliveries, and when the first of each is due, milliseconds since the epoch. */
  due(): Promise<{ target: string; dueAt: number }[]>;
  /** Leases at most `limit` deliveries of a target that are due at `now` and under no lease; due first. */
  claim(target: string, lease: Lease, now: number, limit: number): Promise<DueDelivery[]>;
  /**
   * Notes an attempt and its outcome; answers when the lane's next delivery is due and for which target, when there is
   * one. An attempt that is absent was not made (nothing to update, its run was deleted).
   */
  settle(
    id: string,
    outcome: DeliveryOutcome,
    attempt: Omit<DeliveryAttempt, "number"> | undefined,
    now: number,
  ): Promise<{ target: string; dueAt: number } | undefined>;
  /** Gives back what was claimed and not tried; not before `dueAt`. */
  release(ids: string[], dueAt: number): Promise<void>;
  /** Voids all leases: for a server that knows that it is alone and starts. */
  releaseAll(): Promise<void>;
  /** The receipts of all cards that told of this gate in this lane and were delivered, newest first. */
  receipts(
    lane: string,
    taskId: string,
    attempt: number,
    gate: "AUDIT" | "CONFIRM",
  ): Promise<Record<string, string>[]>;
  /** Newest first. */
  list(query: DeliveryQuery): Promise<Page<Delivery>>;
  /** With all attempts. */
  find(id: string): Promise<Delivery | undefined>;
  /** The message of a delivery. */
  message(id: string): Promise<Message | undefined>;
  /** Makes DEAD deliveries PENDING again: one, or all of a target; answers how many. NOT_FOUND for an unknown id, CONFLICT for one that is not DEAD. */
  resend(which: { id: string } | { target: string }, now: number): Promise<number>;
  /** Targets with PENDING or DEAD deliveries, and those that are paused, by name. */
  targets(): Promise<Omit<DeliveryTarget, "openUntil">[]>;
  pause(target: string, kind: DeliveryKind, by: string, at: string): Promise<void>;
  /** Whether it was paused. */
  resume(target: string): Promise<boolean>;
}
