// From a row to what is sent: rows hold names, so the listener's settings, the person's address and everything that
// people read is put together when the message is sent, anew for every attempt.

import type { TaskPlace } from "@mflow/core/decide/freeze";
import { findListener } from "@mflow/core/listeners/hearers";
import { GATE_LISTENER } from "@mflow/core/listeners/recipients";
import type { ChannelKind, ChannelSpec } from "@mflow/core/schema/channel";
import type { Language, MessageTemplate } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { LogStore } from "../logs/log-store.ts";
import type { DeliveryStore, DueDelivery } from "../store/store.ts";
import type { Channel, Outgoing } from "./channel.ts";
import { secretsOf } from "./channel-secrets.ts";
import type { ChannelKinds, Channels } from "./channels.ts";
import type { Content, DecisionButton } from "./content.ts";
import type { DecisionLinks } from "./decision-links.ts";

export interface PrepareParts {
  /** What a run or lone task was asked to do; undefined when it was deleted. */
  definitionOf(aggregateId: string): Promise<RunDefinition | undefined>;
  deliveries: Pick<DeliveryStore, "receipt">;
  channels: Channels;
  kinds: ChannelKinds;
  logs: LogStore;
  links: DecisionLinks;
  /** Opens what is sealed, leaves the rest alone. */
  open(text: string): string;
  addressesOf(user: string): Readonly<Record<string, string>>;
  /** The language that a user wants. */
  languageOf(user: string): Language | undefined;
  /** Of messages to those who want none in particular. */
  language: Language;
  /** Address of the server as people reach it. */
  publicUrl(): string;
}

/** A message that can be sent, and the texts that must not show in what is recorded of it. */
export interface Prepared {
  channel: Channel;
  outgoing: Omit<Outgoing<unknown>, "signal" | "now">;
  secrets: string[];
}

/** `dead`: why it never can be sent. `done`: there is nothing to send. */
export type Preparation = Prepared | { dead: string } | { done: true };

/** How long a button serves when the gate has no end of its own. */
const LINK_LIFE_MS = 7 * 24 * 60 * 60_000;

interface Settings {
  spec: ChannelSpec;
  address?: string;
  template?: MessageTemplate;
  language?: Language;
}

/** Puts a delivery together; `now`: milliseconds since the epoch. Rejects when something is only not there now. */
export async function prepare(delivery: DueDelivery, parts: PrepareParts, now: number): Promise<Preparation> {
  const definition = await parts.definitionOf(delivery.aggregateId);
  if (!definition) return { dead: `${delivery.aggregateId} was deleted before this could be sent` };
  const settings = settingsOf(delivery, definition, parts);
  if ("dead" in settings) return settings;
  const update = delivery.action === "UPDATE" ? await receiptOf(delivery, parts) : undefined;
  if (delivery.action === "UPDATE" && !update) return { done: true };

  const link = linkTo(delivery.message, parts.publicUrl());
  const message: Message = { ...delivery.message, link };
  const buttons = buttonsOf(delivery, parts.links, now);
  const content = await contentOf(delivery, { message, link, buttons, settings }, parts);
  const { spec, address } = settings;
  return {
    channel: await parts.kinds.get(spec.kind),
    outgoing: {
      messageId: message.id,
      deliveryId: delivery.id,
      message,
      content,
      settings: spec,
      ...(address !== undefined && { address }),
      ...(update && { update }),
    },
    secrets: [...hiddenTexts(spec), ...(buttons ?? []).flatMap(({ url }) => tokensIn(url))],
  };
}

function settingsOf(
  { channel, kind, user, listener, message }: DueDelivery,
  definition: RunDefinition,
  parts: PrepareParts,
): Settings | { dead: string } {
  const found = findListener(definition, message.task && placeIn(definition, message.task.id), listener);
  const { template, language } = (found?.list === "webhooks" ? {} : found?.listener) ?? {};
  const own = { ...(template && { template }), ...(language && { language }) };
  if (channel === undefined) {
    const spec = found && found.list !== "mentionUsers" && specOf(found.listener, kind as ChannelKind, parts);
    return spec ? { spec, ...own } : { dead: `the run's definition has no listener ${listener} with a URL` };
  }
  const spec = parts.channels.open(channel);
  if (!spec || spec.kind !== kind) {
    const what = spec ? `is of kind ${spec.kind} now` : "was removed";
    return { dead: `channel \`${channel}\`, of kind ${kind}, ${what}; make it again and send this again` };
  }
  const settings: Settings = { spec, ...own };
  if (!settings.language && "language" in spec && spec.language) settings.language = spec.language;
  if (user === undefined) return settings;
  const addresses = parts.addressesOf(user);
  const address = Object.hasOwn(addresses, channel) ? addresses[channel] : undefined;
  if (address === undefined) {
    return {
      dead: `${user} has no address in channel \`${channel}\` any more; give one and send this again`,
    };
  }
  return { ...settings, address };
}

/** Where a task stands in its run. The definition tells it too, and outlives a task that was deleted. */
function placeIn({ taskIds }: RunDefinition, id: string): TaskPlace {
  const stage = taskIds.findIndex((ids) => ids.includes(id));
  const task = taskIds[stage]?.indexOf(id) ?? -1;
  return task < 0 ? { id } : { id, stageNumber: stage + 1, taskNumber: task + 1 };
}

/** The settings that a listener gives by URL, opened, as those of a channel. */
function specOf(
  listener: { url?: string; secret?: string; previousSecret?: string; headers?: Record<string, string> },
  kind: ChannelKind,
  { open }: PrepareParts,
): ChannelSpec | undefined {
  const { url, secret, previousSecret, headers = {} } = listener;
  if (url === undefined) return undefined;
  const opened = Object.entries(headers).map(([name, value]) => [name, open(value)]);
  return {
    kind,
    url: open(url),
    ...(secret !== undefined && { secret: open(secret) }),
    ...(previousSecret !== undefined && { previousSecret: open(previousSecret) }),
    ...(opened.length > 0 && { headers: Object.fromEntries(opened) }),
  } as ChannelSpec;
}

/** Of the card that told of this gate; nothing when none was delivered. */
async function receiptOf(
  { lane, message }: DueDelivery,
  { deliveries }: PrepareParts,
): Promise<Record<string, string> | undefined> {
  const { task, gate } = message;
  return task && gate && deliveries.receipt(lane, task.id, task.attempt, gate.kind);
}

/** Where the page of the run or task is. */
export function linkTo({ run, task }: Message, publicUrl: string): string {
  const ofTask = task ? `/tasks/${task.id}` : "";
  return `${publicUrl}${run ? `/runs/${run.id}` : ""}${ofTask}`;
}

/** For those who may decide: in a message to them, or in a group, where the page asks who it is. */
function buttonsOf(
  { id, message, listener, user }: DueDelivery,
  links: DecisionLinks,
  now: number,
): Pick<DecisionButton, "verdict" | "url">[] | undefined {
  const { gate, task } = message;
  if (gate?.stage !== "WAITING" || gate.digest === undefined || !task) return undefined;
  if (user !== undefined && listener !== GATE_LISTENER) return undefined;
  const expiresAt = gate.expiresAt === undefined ? now + LINK_LIFE_MS : Date.parse(gate.expiresAt);
  if (expiresAt <= now) return undefined;
  const link = {
    deliveryId: id,
    taskId: task.id,
    attempt: task.attempt,
    gate: gate.kind === "AUDIT" ? ("audit" as const) : ("confirm" as const),
    digest: gate.digest,
    ...(user !== undefined && { user }),
    expiresAt,
  };
  return (["PASS", "DENY"] as const).map((verdict) => ({ verdict, url: links.url(link, verdict) }));
}

/** What people read; a webhook gets the message alone. */
async function contentOf(
  { kind, user }: DueDelivery,
  given: {
    message: Message;
    link: string;
    buttons: Pick<DecisionButton, "verdict" | "url">[] | undefined;
    settings: Settings;
  },
  parts: PrepareParts,
): Promise<Content> {
  const { message, link, buttons, settings } = given;
  const ofUser = user === undefined ? undefined : parts.languageOf(user);
  const language = settings.language ?? ofUser ?? parts.language;
  const { template } = settings;
  if (kind === "WEBHOOK") return { language, tone: "NEUTRAL", title: message.type, facts: [], links: [] };
  const { renderContent } = await import("./render-content.ts");
  const log = await logOf(message, parts.logs);
  return renderContent({
    message,
    language,
    link,
    ...(template && { template }),
    ...(log.length > 0 && { log }),
    ...(buttons && { buttons }),
  });
}

/** The lines that say why a task failed, or why its work did of which somebody is to confirm the result. */
async function logOf({ type, task, gate }: Message, logs: LogStore): Promise<string[]> {
  if (!task || !(type === "FAILED" || gate?.reported?.stage === "FAILED")) return [];
  const { failingLines } = await import("./log-excerpt.ts");
  return failingLines(logs, task.id, task.attempt);
}

/** Secrets of the settings; a URL's key can stand in its path or query alone. */
export function hiddenTexts(spec: ChannelSpec): string[] {
  const secrets = secretsOf(spec);
  return "url" in spec ? [...secrets, spec.url, ...tokensIn(spec.url)] : secrets;
}

/** Shorter parts of a path are words. */
const MIN_TOKEN_LENGTH = 16;

function tokensIn(text: string): string[] {
  const url = URL.parse(text);
  if (!url) return [text];
  const parts = [...url.pathname.split("/"), ...url.searchParams.values()];
  return [text, ...parts.filter((part) => part.length >= MIN_TOKEN_LENGTH)];
}
