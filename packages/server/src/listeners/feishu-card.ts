// A message as an interactive card of Feishu (open.feishu.cn, "Card JSON 1.0 structure"), which robots and apps show
// alike. Values stand in plain text, or have the characters that are markup written as entities, as the documentation of
// the rich text component asks for.

import type { Content } from "./content.ts";
import { type MarkdownLine, readMarkdown, type Span, wrapWords } from "./markdown.ts";

const HEADERS: Readonly<Record<Content["tone"], string>> = {
  GOOD: "green",
  BAD: "red",
  WAITING: "orange",
  NEUTRAL: "grey",
};

/** What a button does: robots can only open pages, apps hear of it. */
export interface FeishuButton {
  tag: "button";
  text: { tag: "plain_text"; content: string };
  type: "primary" | "danger" | "default";
  url?: string;
  value?: Record<string, unknown>;
}

/** The card of a message, with these buttons below it. */
export function feishuCard(content: Content, buttons: readonly FeishuButton[]) {
  const { title, tone, facts, text, params, log, language } = content;
  const separator = language === "zh" ? "：" : ": ";
  const factLines = facts.map(
    ({ label, value }) => `**${escapeEntities(label)}**${separator}${escapeEntities(value)}`,
  );
  return {
    config: { wide_screen_mode: true },
    header: { title: { tag: "plain_text", content: title }, template: HEADERS[tone] },
    elements: [
      ...(facts.length > 0 ? [{ tag: "markdown", content: factLines.join("\n") }] : []),
      ...(text ? [{ tag: "markdown", content: readMarkdown(text).map(lineOf).join("\n") }] : []),
      ...[params, log].flatMap((list) => (list ? listOf(list) : [])),
      ...(buttons.length > 0 ? [{ tag: "action", actions: buttons }] : []),
    ],
  };
}

/** Buttons that open pages: those that decide, and the links. */
export function feishuLinkButtons({ buttons = [], links }: Content): FeishuButton[] {
  const link = (label: string, url: string, type: FeishuButton["type"]): FeishuButton => ({
    tag: "button",
    text: { tag: "plain_text", content: label },
    type,
    url,
  });
  return [
    ...buttons.map(({ verdict, label, url }) => link(label, url, verdict === "PASS" ? "primary" : "danger")),
    ...links.map(({ label, url }) => link(label, url, "default")),
  ];
}

/** Lines whose every character is to be seen stand in plain text. */
function listOf({ label, lines }: { label: string; lines: string[] }) {
  return [
    { tag: "hr" },
    { tag: "markdown", content: `**${escapeEntities(label)}**` },
    { tag: "div", text: { tag: "plain_text", content: lines.join("\n") } },
  ];
}

function lineOf({ kind, spans, depth, number }: MarkdownLine): string {
  const text = spans.map(spanOf).join("");
  const indent = "　".repeat(depth);
  if (kind === "HEADING") return `**${text.replaceAll("**", "")}**`;
  if (kind === "ITEM") return `${indent}${number === undefined ? "•" : `${number}.`} ${text}`;
  if (kind === "QUOTE" || kind === "CODE") return `│ ${text}`;
  return `${indent}${text}`;
}

function spanOf({ text, bold, italic, code, url }: Span): string {
  const escaped = escapeEntities(text);
  if (url !== undefined) return `[${escaped}](${url.replace(/[\s()<>*~`]/g, percent)})`;
  return wrapWords(escaped, (words) => {
    const slanted = italic && !code ? `*${words}*` : words;
    return bold ? `**${slanted}**` : slanted;
  });
}

/** What is markup somewhere, and an ampersand where an entity could begin. */
function escapeEntities(text: string): string {
  return text.replace(/[<>~*[\]()#`$_\\!+:|-]|&(?=[#\w])/g, (character) => `&#${character.charCodeAt(0)};`);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
