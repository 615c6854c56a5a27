// From a row to what is sent: rows hold names, so the listener's settings, the person's address and everything that
// people read is put together when the message is sent, anew for every attempt.

import type { Message } from "@mflow/core/schema/message";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { DeliveryStore, DueDelivery } from "../store/store.ts";
import type { Channel, Outgoing } from "./channel.ts";
import type { ChannelKinds } from "./channels.ts";
import { buttonsOf } from "./decision-buttons.ts";
import type { DecisionLinks } from "./decision-links.ts";
import { type ContentParts, contentOf } from "./delivery-content.ts";
import { type SettingsParts, settingsOf } from "./delivery-settings.ts";
import { hiddenTexts, tokensIn } from "./hidden-texts.ts";
import { linkTo } from "./page-link.ts";

export interface PrepareParts extends SettingsParts, ContentParts {
  /** What a run or lone task was asked to do; undefined when it was deleted. */
  definitionOf(aggregateId: string): Promise<RunDefinition | undefined>;
  deliveries: Pick<DeliveryStore, "receipts">;
  kinds: ChannelKinds;
  links: DecisionLinks;
  /** Address of the server as people reach it. */
  publicUrl(): string;
}

/** A message that can be sent, and the texts that must not show in what is recorded of it. */
export interface Prepared {
  channel: Channel;
  outgoing: Omit<Outgoing<unknown>, "signal" | "now" | "update">;
  /** Receipts of the cards that are to show it instead of a new message being sent. */
  updates?: Record<string, string>[];
  secrets: string[];
}

/** `dead`: why it never can be sent. `done`: there is nothing to send. */
export type Preparation = Prepared | { dead: string } | { done: true };

/** Puts a delivery together; `now`: milliseconds since the epoch. Rejects when something is only not there now. */
export async function prepare(delivery: DueDelivery, parts: PrepareParts, now: number): Promise<Preparation> {
  const definition = await parts.definitionOf(delivery.aggregateId);
  if (!definition) return { dead: `${delivery.aggregateId} was deleted before this could be sent` };
  const settings = settingsOf(delivery, definition, parts);
  if ("dead" in settings) return settings;
  const updates = delivery.action === "UPDATE" ? await receiptsOf(delivery, parts) : undefined;
  if (updates?.length === 0) return { done: true };

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
    },
    ...(updates && { updates }),
    secrets: [...hiddenTexts(spec), ...(buttons ?? []).flatMap(({ url }) => tokensIn(url))],
  };
}

/** Of the cards that told of this gate; none when none was delivered. */
async function receiptsOf(
  { lane, message }: DueDelivery,
  { deliveries }: PrepareParts,
): Promise<Record<string, string>[]> {
  const { task, gate } = message;
  return task && gate ? deliveries.receipts(lane, task.id, task.attempt, gate.kind) : [];
}
