// Deliveries: each message on its way to one listener, as the API shows them (semantics, section 6).

import type { Static } from "typebox";
import { pageOf, pageQuery } from "./api.ts";
import { CHANNEL_KINDS, Channel, ChannelSpec } from "./channel.ts";
import { LISTENER_EVENTS, type ListenerEvent } from "./listener.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const DELIVERY_STATES = ["PENDING", "DELIVERED", "DEAD", "UNSUPPORTED", "UNREACHABLE"] as const;
export const DeliveryState = oneOf(
  DELIVERY_STATES,
  "`PENDING`: waits, or is tried again. `DEAD`: given up; it can be sent again. `UNSUPPORTED`: a way that mflow does not " +
    "have. `UNREACHABLE`: the user has no address there.",
);
export type DeliveryState = Static<typeof DeliveryState>;

export const DeliveryKind = oneOf(
  [...CHANNEL_KINDS, "IM", "SMS", "VOICE"],
  "How it goes out. `IM`, `SMS`, `VOICE`: of what cannot be sent, for there is no such channel.",
);
export type DeliveryKind = Static<typeof DeliveryKind>;

/** One attempt to deliver a message. */
export const DeliveryAttempt = closed(
  {
    number: Type.Integer({ description: "From 1." }),
    at: titled("When it began.", Timestamp),
    durationMs: Type.Number({ description: "How long it took, milliseconds." }),
    requestDigest: Type.Optional(Type.String({ description: "SHA-256 of what was sent." })),
    status: Type.Optional(Type.Integer({ description: "Status code of the answer." })),
    response: Type.Optional(Type.String({ description: "The answer, cut at 4 KB, secrets taken out." })),
    error: Type.Optional(Type.String({ description: "Why it failed." })),
  },
  { description: "One attempt to deliver a message." },
);
export type DeliveryAttempt = Static<typeof DeliveryAttempt>;

export const Delivery = closed(
  {
    id: Type.String({ description: "`dlv-` and 26 characters, sortable by time." }),
    messageId: Type.String({ description: "Id of the message; several listeners may get the same." }),
    event: oneOf(Object.keys(LISTENER_EVENTS) as ListenerEvent[], "What the message tells of."),
    action: oneOf(
      ["SEND", "UPDATE"],
      "`SEND`: a new message. `UPDATE`: an earlier card shows what is true now.",
    ),
    domain: Type.String({ description: "Domain of the task or run." }),
    namespace: Type.String({ description: "Namespace of the task or run." }),
    pipelineTaskId: Type.Optional(Type.String({ description: "The run." })),
    taskId: Type.Optional(Type.String({ description: "The task." })),
    kind: DeliveryKind,
    target: Type.String({
      description: "Where to, without secrets; limits, pauses and the breaker are per target.",
    }),
    listener: Type.String({
      description: "Which listener it is for, e.g. `pipeline/webhooks/0`; `gate`: those who decide.",
    }),
    user: Type.Optional(Type.String({ description: "Whom it is for." })),
    state: DeliveryState,
    tries: Type.Integer({ description: "Attempts so far." }),
    createdAt: titled("When what it tells of was committed.", Timestamp),
    nextTryAt: Type.Optional(titled("Not tried before.", Timestamp)),
    endedAt: Type.Optional(titled("When it was delivered or given up.", Timestamp)),
    error: Type.Optional(Type.String({ description: "Why the last attempt failed." })),
    attempts: Type.Optional(
      Type.Array(DeliveryAttempt, { description: "Every attempt; only where one is asked for." }),
    ),
  },
  { description: "A message on its way to one listener." },
);
export type Delivery = Static<typeof Delivery>;

/** A place that messages go to, with how it does. */
export const DeliveryTarget = closed(
  {
    target: Type.String({ description: "The target." }),
    kind: DeliveryKind,
    pending: Type.Integer({ description: "Messages that wait for it." }),
    dead: Type.Integer({ description: "Messages that were given up." }),
    pausedAt: Type.Optional(titled("Since when nothing is sent to it.", Timestamp)),
    pausedBy: Type.Optional(Type.String({ description: "Who paused it." })),
    openUntil: Type.Optional(titled("It failed too often; it is tried again then.", Timestamp)),
  },
  { description: "A place that messages go to." },
);
export type DeliveryTarget = Static<typeof DeliveryTarget>;

export const DeliveryPage = pageOf(Delivery);

export const DeliveryListQuery = closed({
  ...pageQuery,
  state: Type.Optional(Type.Array(DeliveryState, { maxItems: 8, description: "Any of these states." })),
  target: Type.Optional(Type.String({ maxLength: 512, description: "To this target." })),
  pipelineTaskId: Type.Optional(Type.String({ maxLength: 64, description: "Of this run." })),
  taskId: Type.Optional(Type.String({ maxLength: 64, description: "Of this task." })),
});
export type DeliveryListQuery = Static<typeof DeliveryListQuery>;

const Target = Type.String({ minLength: 1, maxLength: 512, description: "A target, as deliveries name it." });

/** All dead deliveries of a target are sent again. */
export const ResendRequest = closed({ target: Target });
export type ResendRequest = Static<typeof ResendRequest>;

export const Resent = closed({
  resent: Type.Integer({ description: "How many are sent again." }),
});
export type Resent = Static<typeof Resent>;

/** Nothing is sent to the target, or it is again; what waits for it waits on. */
export const PauseRequest = closed({
  target: Target,
  paused: Type.Boolean({ description: "`true`: nothing is sent. `false`: it goes on." }),
});
export type PauseRequest = Static<typeof PauseRequest>;

/** The list of targets is whole; it has no further pages. */
export const TargetPage = pageOf(DeliveryTarget);

/** The list of channels is whole; it has no further pages. */
export const ChannelPage = pageOf(Channel);

/** Makes or replaces a channel. A secret that is `***` stays what it is. */
export const PutChannelRequest = closed({ spec: ChannelSpec });
export type PutChannelRequest = Static<typeof PutChannelRequest>;

export const TestChannelRequest = closed({
  user: Type.Optional(
    Type.String({ maxLength: 63, description: "Whom mail and apps write to (default: yourself)." }),
  ),
});
export type TestChannelRequest = Static<typeof TestChannelRequest>;

/** How a test message went. */
export const ChannelTest = closed({
  delivered: Type.Boolean({ description: "The other side took it." }),
  ...without(DeliveryAttempt.properties, "number"),
});
export type ChannelTest = Static<typeof ChannelTest>;

function without<P extends object, K extends keyof P>(properties: P, key: K): Omit<P, K> {
  const { [key]: _, ...rest } = properties;
  return rest;
}
