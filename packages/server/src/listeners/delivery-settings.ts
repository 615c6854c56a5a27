// What a delivery is sent with: the settings that its listener gives by URL in the run's definition, or those of the
// stored channel and the person's address in it, as they are when it is sent.

import { findListener } from "@mflow/core/listeners/hearers";
import type { ChannelKind, ChannelSpec } from "@mflow/core/schema/channel";
import type { Language, MessageTemplate } from "@mflow/core/schema/listener";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { DueDelivery } from "../store/store.ts";
import type { Channels } from "./channels.ts";

export interface SettingsParts {
  channels: Channels;
  /** Opens what is sealed, leaves the rest alone. */
  open(text: string): string;
  addressesOf(user: string): Readonly<Record<string, string>>;
}

export interface DeliverySettings {
  spec: ChannelSpec;
  address?: string;
  template?: MessageTemplate;
  language?: Language;
}

/** Settings with opened secrets; `dead`: why there are none to send it with. */
export function settingsOf(
  { channel, kind, user, listener, message }: DueDelivery,
  definition: RunDefinition,
  parts: SettingsParts,
): DeliverySettings | { dead: string } {
  const found = findListener(definition, message.task, listener);
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
  const settings: DeliverySettings = { spec, ...own };
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

/** The settings that a listener gives by URL, opened, as those of a channel. */
function specOf(
  listener: { url?: string; secret?: string; previousSecret?: string; headers?: Record<string, string> },
  kind: ChannelKind,
  { open }: SettingsParts,
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
