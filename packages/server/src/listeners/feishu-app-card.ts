// A message as a card of Feishu: card JSON 2.0 by the public documentation "Card JSON 2.0 structure" of open.feishu.cn.
// A denial needs words, so its button is in a form with an input; a pass is a button alone.

import type { Language } from "@mflow/core/schema/listener";
import type { CardValue } from "./card-value.ts";
import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";

/** Name of the input in which a denial says why. */
export const FORM_COMMENT = "comment";

/** A card may have 30 KB; in UTF-8 and twice escaped a character takes up to six bytes. */
const LIMITS = { title: 200, fact: 300, facts: 16, text: 1500, lines: 1200 };

const TEMPLATES = { GOOD: "green", BAD: "red", WAITING: "orange", NEUTRAL: "blue" } as const;
const WHY: Readonly<Record<Language, string>> = { en: "Why do you deny?", zh: "请填写拒绝的原因" };

type Element = Record<string, unknown>;

/** The card; with `card` its buttons decide by callbacks, without they are links. */
export function feishuAppCard(content: Content, card?: CardValue): Element {
  return {
    schema: "2.0",
    // Shared, or it could not be updated; not forwarded, for its buttons are for one person.
    config: { update_multi: true, enable_forward: false },
    header: { title: plain(cutText(content.title, LIMITS.title)), template: TEMPLATES[content.tone] },
    body: { elements: [...facts(content), ...buttons(content, card)] },
  };
}

function facts({ facts, text, params, log, links }: Content): Element[] {
  const lines = facts
    .slice(0, LIMITS.facts)
    .map(({ label, value }) => `**${escaped(label)}**: ${escaped(cutText(value, LIMITS.fact))}`);
  const parts = [
    lines.join("\n"),
    text === undefined ? "" : withoutTags(cutText(text, LIMITS.text)),
    ...[params, log].map((block) => (block ? codeBlock(block) : "")),
    links.map(({ label, url }) => `[${escaped(label)}](${linkTarget(url)})`).join(" · "),
  ];
  return parts.filter((part) => part !== "").map((part) => ({ tag: "markdown", content: part }));
}

function codeBlock({ label, lines }: { label: string; lines: string[] }): string {
  const text = cutText(lines.join("\n"), LIMITS.lines).replaceAll("```", "'''");
  return `**${escaped(label)}**\n\`\`\`\n${text}\n\`\`\``;
}

function buttons({ buttons = [], language }: Content, card: CardValue | undefined): Element[] {
  return buttons.map(({ verdict, label, url }) => {
    const button = { tag: "button", text: plain(label), type: verdict === "PASS" ? "primary" : "danger" };
    if (!card) return { ...button, behaviors: [{ type: "open_url", default_url: url }] };
    const behaviors = [{ type: "callback", value: { ...card, verdict } }];
    if (verdict === "PASS") return { ...button, behaviors };
    const input = {
      ...{ tag: "input", name: FORM_COMMENT, required: true, max_length: 1000, width: "fill" },
      placeholder: plain(WHY[language]),
    };
    const submit = { ...button, name: "deny", form_action_type: "submit", behaviors };
    return { tag: "form", name: "mflow_deny", elements: [input, submit] };
  });
}

function plain(content: string): Element {
  return { tag: "plain_text", content };
}

/** Text that is no markdown: what means something there is written as its number. */
function escaped(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[&<>*_~[\]()`#|\\]/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Markdown of people, in which no tag mentions anybody (`<at id=all>`). */
function withoutTags(text: string): string {
  return text.replaceAll("<", "&#60;");
}

function linkTarget(url: string): string {
  return url.replaceAll("(", "%28").replaceAll(")", "%29");
}
