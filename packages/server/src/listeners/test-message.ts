// A message that nothing happened for: by it an admin sees whether a channel works.

import { MflowError } from "@mflow/core/errors";
import type { Language } from "@mflow/core/schema/listener";
import { MESSAGE_VERSION, type Message } from "@mflow/core/schema/message";
import type { Content } from "./content.ts";
import { hiddenTexts } from "./hidden-texts.ts";
import type { Prepared, PrepareParts } from "./prepare.ts";

const WORDS: Record<Language, { title: (channel: string) => string; text: string }> = {
  en: {
    title: (channel) => `Test of channel ${channel}`,
    text: "Somebody tries whether messages of mflow arrive here. They do.",
  },
  zh: {
    title: (channel) => `渠道 ${channel} 测试`,
    text: "有人正在测试 mflow 的消息能否送达这里。已送达。",
  },
};

/** The person whom a channel that writes to people writes to. */
export interface TestRecipient {
  user: string;
  address: string;
}

type Parts = Pick<PrepareParts, "channels" | "kinds" | "languageOf" | "language" | "publicUrl"> & {
  newId(prefix: string): string;
};

/** A test message by a stored channel. Throws NOT_FOUND for an unknown channel. */
export async function prepareTest(
  name: string,
  to: TestRecipient | undefined,
  parts: Parts,
): Promise<Prepared> {
  const { kind } = parts.channels.get(name).spec;
  const spec = parts.channels.open(name);
  if (!spec) throw new MflowError("NOT_FOUND", `there is no channel \`${name}\``);
  const ofChannel = "language" in spec ? spec.language : undefined;
  const language = ofChannel ?? (to && parts.languageOf(to.user)) ?? parts.language;
  const link = parts.publicUrl();
  const content: Content = {
    language,
    tone: "NEUTRAL",
    title: WORDS[language].title(name),
    facts: [],
    text: WORDS[language].text,
    links: [{ label: "mflow", url: link }],
  };
  const message: Message = {
    version: MESSAGE_VERSION,
    id: parts.newId("msg"),
    type: "SUCCEEDED",
    at: new Date().toISOString(),
    domain: "default",
    namespace: "default",
    startedBy: "mflow",
    comment: WORDS.en.text,
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
      ...(to && { address: to.address }),
    },
    secrets: hiddenTexts(spec),
  };
}
