// A message as the card of an app of Feishu: what robots' cards show, in card JSON 2.0 (open.feishu.cn, "Card JSON 2.0
// structure", "Form container"), whose buttons call back. A denial needs words, so its button is in a form with an
// input; a pass is a button alone.

import type { Language } from "@mflow/core/schema/listener";
import type { CardValue } from "./card-value.ts";
import type { Content } from "./content.ts";
import { feishuCard } from "./feishu-card.ts";
import { fitted } from "./fit-content.ts";
import { bytesOf } from "./robot-http.ts";

/** Name of the input in which a denial says why. */
export const FORM_COMMENT = "comment";
/** "The body of a card must not be larger than 30 KB"; it is in the request as a text, whose quotes are escaped. */
const MAX_BYTES = 28_000;

const WHY: Readonly<Record<Language, string>> = { en: "Why do you deny?", zh: "请填写拒绝的原因" };

type Element = Record<string, unknown>;

/** The card; with `card` its buttons decide by callbacks, without they are links. */
export function feishuAppCard(content: Content, card?: CardValue): Element {
  return fitted(
    content,
    (cut) => build(cut, card),
    (built) => bytesOf(JSON.stringify(JSON.stringify(built))) <= MAX_BYTES,
  );
}

function build(content: Content, card: CardValue | undefined): Element {
  const { header, elements } = feishuCard(content, []);
  const links = content.links.map(({ label, url }) => linkButton(label, url, "default"));
  return {
    schema: "2.0",
    // Shared, or it could not be updated; not forwarded, for its buttons are for one person.
    config: { update_multi: true, enable_forward: false },
    header,
    body: { elements: [...elements, ...decisionButtons(content, card), ...links] },
  };
}

function decisionButtons({ buttons = [], language }: Content, card: CardValue | undefined): Element[] {
  return buttons.map(({ verdict, label, url }) => {
    const type = verdict === "PASS" ? "primary" : "danger";
    if (!card) return linkButton(label, url, type);
    const behaviors = [{ type: "callback", value: { ...card, verdict } }];
    const button = { tag: "button", text: plain(label), type, behaviors };
    if (verdict === "PASS") return button;
    const input = {
      ...{ tag: "input", name: FORM_COMMENT, required: true, max_length: 1000, width: "fill" },
      placeholder: plain(WHY[language]),
    };
    const submit = { ...button, name: "deny", form_action_type: "submit" };
    return { tag: "form", name: "mflow_deny", elements: [input, submit] };
  });
}

function linkButton(label: string, url: string, type: string): Element {
  return { tag: "button", text: plain(label), type, behaviors: [{ type: "open_url", default_url: url }] };
}

function plain(content: string): Element {
  return { tag: "plain_text", content };
}
