// The contract of the ways out. A channel sends one message to one place; what is sent when, in which order and how
// often it is tried is the dispatcher's. Channels are loaded on first use, for their libraries are large.

import type { Notice } from "@mflow/core/notice";
import type { ChannelKind } from "@mflow/core/schema/channel";
import type { Message } from "@mflow/core/schema/message";
import type { NewDelivery } from "../store/store.ts";
import type { Content } from "./content.ts";

/** One attempt to deliver one message. Secrets are opened. */
export interface Outgoing<Settings> {
  /** The same in every attempt. */
  messageId: string;
  /** Of this delivery; names the buttons of a card. */
  deliveryId: string;
  message: Message;
  /** The message for people, in the recipient's language. */
  content: Content;
  settings: Settings;
  /** Of a person: mail address, or the platform's user id. */
  address?: string;
  /** With it, the earlier message with this receipt is to show `content` instead of a new one being sent. */
  update?: Record<string, string>;
  /** Ends after the attempt's time. */
  signal: AbortSignal;
  /** Milliseconds since the epoch; of this attempt. */
  now: number;
}

/** What was sent and answered, for the delivery record. */
export interface Exchange {
  /** SHA-256 of the body that was sent, hex. */
  requestDigest?: string;
  /** Status code of the answer. */
  status?: number;
  /** Body of the answer; the dispatcher cuts it and takes secrets out. */
  response?: string;
}

export interface Sent extends Exchange {
  /** What an update of the message needs. */
  receipt?: Record<string, string>;
}

/** Why a message did not arrive. */
export class SendError extends Error {
  /** `RETRY`: later it may. `DEAD`: it never will. `LIMITED`: too many at once, which is no failure; wait. */
  readonly kind: "RETRY" | "DEAD" | "LIMITED";
  readonly exchange: Exchange;
  /** Not before so many milliseconds from now, as the platform asked. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: SendError["kind"], message: string, exchange: Exchange = {}, retryAfterMs?: number) {
    super(message);
    this.kind = kind;
    this.exchange = exchange;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface HttpRequest {
  url: string;
  /** Default POST. */
  method?: "GET" | "POST" | "PUT" | "PATCH";
  headers: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Cut at 64 KB. */
  body: string;
}

/**
 * Sends to the outside: http and https alone, never to a private, loopback or link-local address unless it is allowed
 * (checked where the connection is dialled), 307 and 308 followed at most three times by the same rules. Rejects with a
 * SendError: DEAD for what is refused, RETRY for what did not answer.
 */
export interface HttpSender {
  send(request: HttpRequest): Promise<HttpAnswer>;
}

/** How much a target takes. */
export interface TargetLimits {
  /** At once. */
  concurrency: number;
  /** Messages per time; absent: any number. */
  rate?: { messages: number; perMs: number };
}

export interface Channel<Settings = unknown> {
  readonly kind: ChannelKind;
  readonly limits: TargetLimits;
  /** Whether it can change a message that was sent. */
  readonly updates: boolean;
  /** Resolves when the place has taken the message; rejects with a SendError, or anything else for RETRY. */
  send(outgoing: Outgoing<Settings>): Promise<Sent>;
  /** Ends idle connections. */
  close?(): Promise<void>;
}

/** What the engine needs of the listeners. */
export interface ListenerHub {
  /** The deliveries of a notice, from memory: written in the transaction of what it tells of. */
  deliveriesOf(notice: Notice, aggregateId: string): NewDelivery[];
  /** They are committed: send them. */
  committed(deliveries: readonly NewDelivery[]): void;
}
