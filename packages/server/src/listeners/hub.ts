// Who gets a message, as the rows that are written with it. Asked in the middle of every commit, so it answers from
// memory and decides nothing that can wait: what a listener's settings are is looked up when the message is sent.

import { createHash } from "node:crypto";
import { GATE_LISTENER } from "@mflow/core/listeners/recipients";
import { robotKindOfUrl } from "@mflow/core/listeners/robot-kind";
import type { Recipient, RecipientPlace } from "@mflow/core/notice";
import type { ChannelKind } from "@mflow/core/schema/channel";
import type { DeliveryKind } from "@mflow/core/schema/delivery";
import type { NewDelivery } from "../store/store.ts";
import type { ListenerHub } from "./channel.ts";
import { APP_KINDS, UPDATING_KINDS } from "./channels.ts";

export interface HubParts {
  /** Kinds of the stored channels by name. */
  channels(): ReadonlyMap<string, ChannelKind>;
  /** Addresses of a user by channel. */
  addressesOf(user: string): Readonly<Record<string, string>>;
  /** Opens what is sealed, leaves the rest alone. */
  open(text: string): string;
  newId(prefix: string): string;
  /** Wakes whoever sends. */
  committed: ListenerHub["committed"];
}

/** One place that a recipient stands for, and by what it is reached. */
interface Way {
  kind: DeliveryKind;
  target: string;
  channel?: string;
  user?: string;
  /** Why nothing can be sent. */
  cannot?: { state: "UNSUPPORTED" | "UNREACHABLE"; error: string };
}

export function createHub(parts: HubParts): ListenerHub {
  return {
    deliveriesOf(notice, aggregateId) {
      return notice.recipients.flatMap((recipient) =>
        waysTo(recipient.place, parts)
          .filter((way) => recipient.action === "SEND" || canUpdate(way))
          .filter((way) => recipient.listener !== GATE_LISTENER || isMissed(way, recipient, parts))
          .map((way) => deliveryOf(way, recipient, aggregateId, parts)),
      );
    },
    committed: parts.committed,
  };
}

/**
 * Whether it is told, or that it cannot be is worth a row: people of a gate are asked by every way that they have. That
 * they have none of one kind is no news as long as they have another, or the server has no way to people at all.
 */
function isMissed({ cannot }: Way, { place }: Recipient, { channels, addressesOf }: HubParts): boolean {
  if (!cannot || place.kind !== "USER") return true;
  const personal = [...channels()].filter(([, kind]) => kind === "MAIL" || APP_KINDS.has(kind));
  const addresses = addressesOf(place.user);
  const isReached = personal.some(([name]) => Object.hasOwn(addresses, name));
  if (personal.length === 0 || isReached) return false;
  // One row is enough where there is no address at all.
  const way = personal.some(([, kind]) => kind === "MAIL") ? "MAIL" : "IM";
  return place.way === way;
}

function canUpdate({ kind, cannot }: Way): boolean {
  return cannot === undefined && UPDATING_KINDS.has(kind as ChannelKind);
}

function deliveryOf(
  { kind, target, channel, user, cannot }: Way,
  { listener, action }: Recipient,
  aggregateId: string,
  { newId }: HubParts,
): NewDelivery {
  return {
    id: newId("dlv"),
    kind,
    target,
    // Two channels of a kind are two lanes: one that is down does not hold up the other.
    lane: [aggregateId, listener, user ?? "-", channel === undefined ? kind : target].join("|"),
    listener,
    action,
    ...(channel !== undefined && { channel }),
    ...(user !== undefined && { user }),
    state: cannot?.state ?? "PENDING",
    ...(cannot && { error: cannot.error }),
  };
}

function waysTo(place: RecipientPlace, parts: HubParts): Way[] {
  if (place.kind === "USER") return waysToUser(place, parts);
  if (place.channel !== undefined) return [wayByChannel(place.channel, place, parts)];
  const url = parts.open(place.url ?? "");
  const kind = place.kind === "WEBHOOK" ? "WEBHOOK" : (place.robot ?? robotKindOfUrl(url));
  if (kind !== undefined) return [{ kind, target: targetOf(kind, url) }];
  const error = "the robot's URL does not tell its platform; say it with `kind`";
  return [{ kind: "IM", target: targetOf("IM", url), cannot: { state: "UNSUPPORTED", error } }];
}

/** Kind, host and a digest: tells targets of a host apart and says nothing of the tokens that their URLs hold. */
export function targetOf(kind: DeliveryKind, url: string): string {
  const digest = createHash("sha256").update(url).digest("hex").slice(0, 8);
  return `${kind} ${URL.parse(url)?.host ?? "?"}#${digest}`;
}

/** The target of a stored channel. */
export function targetOfChannel(name: string): string {
  return `channel:${name}`;
}

function wayByChannel(name: string, place: RecipientPlace, { channels }: HubParts): Way {
  const target = targetOfChannel(name);
  const kind = channels().get(name);
  const isMeant = place.kind === "WEBHOOK" ? kind === "WEBHOOK" : isRobot(kind);
  if (kind !== undefined && isMeant) return { kind, target, channel: name };
  const wanted = place.kind === "WEBHOOK" ? "a webhook" : "a group robot";
  const error =
    kind === undefined
      ? `there is no channel \`${name}\`; an admin can make it`
      : `channel \`${name}\` is of kind ${kind}, and the listener wants ${wanted}`;
  return {
    kind: kind ?? (place.kind === "WEBHOOK" ? "WEBHOOK" : "IM"),
    target,
    channel: name,
    cannot: { state: "UNREACHABLE", error },
  };
}

const ROBOT_KINDS: ReadonlySet<ChannelKind> = new Set(["FEISHU", "DINGTALK", "WECOM", "SLACK"]);

function isRobot(kind: ChannelKind | undefined): boolean {
  return kind !== undefined && ROBOT_KINDS.has(kind);
}

/** Every channel of the way where the user has an address; otherwise one that says what is missing. */
function waysToUser({ user, way }: Extract<RecipientPlace, { kind: "USER" }>, parts: HubParts): Way[] {
  if (way === "SMS" || way === "VOICE") {
    const error = `mflow sends no ${way === "SMS" ? "SMS" : "voice messages"}; use MAIL or IM`;
    return [{ kind: way, target: way, user, cannot: { state: "UNSUPPORTED", error } }];
  }
  const fits = (kind: ChannelKind) => (way === "MAIL" ? kind === "MAIL" : APP_KINDS.has(kind));
  const channels = [...parts.channels()].filter(([, kind]) => fits(kind));
  const addresses = parts.addressesOf(user);
  const ways = channels.flatMap(([channel, kind]) =>
    Object.hasOwn(addresses, channel) ? [{ kind, target: targetOfChannel(channel), channel, user }] : [],
  );
  if (ways.length > 0) return ways;
  return [
    {
      kind: way,
      target: way,
      user,
      cannot: { state: "UNREACHABLE", error: unreachable(user, way, channels) },
    },
  ];
}

function unreachable(user: string, way: "MAIL" | "IM", channels: [string, ChannelKind][]): string {
  const what = way === "MAIL" ? "a mail channel" : "an app channel of Feishu, DingTalk or Slack";
  const names = channels.map(([name]) => `\`${name}\``).join(", ");
  return names === ""
    ? `the server has no ${what.replace(/^an? /, "")}; an admin can make one`
    : `${user} has no address in ${what} (${names}); they, or an admin, can give one`;
}
