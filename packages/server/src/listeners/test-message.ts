// A message that nothing happened for: by it an admin sees whether a channel works.

import { MflowError } from "@mflow/core/errors";
import type { Language } from "@mflow/core/schema/listener";
import { MESSAGE_VERSION, type Message } from "@mflow/core/schema/message";
import { APP_KINDS } from "./channels.ts";
import type { Content } from "./content.ts";
import { hiddenTexts, type Prepared, type PrepareParts } from "./prepare.ts";

const WORDS: Record<Language, { title: (channel: string) => string; text: (user: string) => string }> = {
  en: {
    title: (channel) => `Test of channel ${channel}`,
    text: (user) => `${user} tries whether messages of mflow arrive here. They do.`,
  },
  zh: {
    title: (channel) => `渠道 ${channel} 测试`,
    text: (user) => `${user} 正在测试 mflow 的消息能否送达这里。已送达。`,
  },
};

/**
 * A test message by a stored channel, to `user` where the channel writes to people. Throws NOT_FOUND for an unknown
 * channel, BAD_REQUEST when the user has no address in it.
 */
export async function prepareTest(
  name: string,
  user: string,
  parts: Pick<PrepareParts, "channels" | "kinds" | "addressesOf" | "languageOf" | "language" | "publicUrl"> & {
    newId(prefix: string): string;
  },
): Promise<Prepared> {
  const { kind } = parts.channels.get(name).spec;
  const spec = parts.channels.open(name);
  if (!spec) throw new MflowError("NOT_FOUND", `there is no channel \`${name}\``);
  const addresses = parts.addressesOf(user);
  const address = Object.hasOwn(addresses, name) ? addresses[name] : undefined;
  const isPersonal = kind === "MAIL" || APP_KINDS.has(kind);
  if (isPersonal && address === undefined) {
    throw new MflowError("BAD_REQUEST", `${user} has no address in channel \`${name}\`; give one first`);
  }
  const ofChannel = "language" in spec ? spec.language : undefined;
  const language = ofChannel ?? parts.languageOf(user) ?? parts.language;
  const link = parts.publicUrl();
  const content: Content = {
    language,
    tone: "NEUTRAL",
    title: WORDS[language].title(name),
    facts: [],
    text: WORDS[language].text(user),
    links: [{ label: "mflow", url: link }],
  };
  const message: Message = {
    version: MESSAGE_VERSION,
    id: parts.newId("msg"),
    type: "SUCCEEDED",
    at: new Date().toISOString(),
    domain: "default",
    namespace: "default",
    startedBy: user,
    actor: user,
    comment: WORDS.en.text(user),
    link,
  };
  return {
    channel: await parts.kinds.get(kind),
    outgoing: {
      messageId: message.id,
      deliveryId: parts.newId("dlv"),
      message,
      content,
      settings: spec,
      ...(isPersonal && { address }),
    },
    secrets: hiddenTexts(spec),
  };
}
