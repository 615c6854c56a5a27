// A message as blocks of Slack (docs.slack.dev, "Block Kit"), which webhooks and apps show alike. All that people and
// work wrote stands in plain text or in the elements of rich text, which Slack does not read for markup: nothing there
// can mention anybody or become a link.

import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";
import { type MarkdownLine, readMarkdown } from "./markdown.ts";

/** Limits of Slack's reference of blocks, UTF-16 units. */
const MAX_HEADER = 150;
const MAX_BUTTON = 75;

const MARKS: Readonly<Record<Content["tone"], string>> = {
  GOOD: "🟢",
  BAD: "🔴",
  WAITING: "🟡",
  NEUTRAL: "⚪",
};

interface Style {
  bold?: true;
  italic?: true;
  code?: true;
}
type RichElement =
  | { type: "text"; text: string; style?: Style }
  | { type: "link"; url: string; text: string; style?: Style };
interface RichSection {
  type: "rich_text_section" | "rich_text_preformatted" | "rich_text_quote";
  elements: RichElement[];
}

/** A button of an `actions` block: opens a page, or tells the app a value. */
export interface SlackButton {
  type: "button";
  action_id: string;
  text: { type: "plain_text"; text: string; emoji: false };
  style?: "primary" | "danger";
  url?: string;
  value?: string;
}

export type SlackBlock =
  | { type: "header"; text: { type: "plain_text"; text: string; emoji: false } }
  | { type: "rich_text"; elements: RichSection[] }
  | { type: "actions"; elements: SlackButton[] };

/** The blocks of a message, with these buttons below it. */
export function slackBlocks(content: Content, buttons: readonly SlackButton[]): SlackBlock[] {
  const { title, tone, facts, text, params, log, language } = content;
  const separator = language === "zh" ? "：" : ": ";
  const factElements = facts.flatMap(({ label, value }, index): RichElement[] => [
    { type: "text", text: `${label}${separator}`, style: { bold: true } },
    { type: "text", text: index < facts.length - 1 ? `${value}\n` : value },
  ]);
  return [
    {
      type: "header",
      text: { type: "plain_text", text: cutText(`${MARKS[tone]} ${title}`, MAX_HEADER), emoji: false },
    },
    ...(facts.length > 0 ? [richText([{ type: "rich_text_section", elements: factElements }])] : []),
    ...(text ? [richText(sectionsOf(readMarkdown(text)))] : []),
    ...[params, log].flatMap((list) => (list ? [richText(listOf(list))] : [])),
    ...(buttons.length > 0 ? [{ type: "actions" as const, elements: [...buttons] }] : []),
  ];
}

/** Buttons that open pages: those that decide, and the links. */
export function slackLinkButtons({ buttons = [], links }: Content): SlackButton[] {
  const link = (id: string, label: string, url: string, style?: SlackButton["style"]): SlackButton => ({
    type: "button",
    action_id: id,
    text: slackButtonText(label),
    ...(style && { style }),
    url,
  });
  return [
    ...buttons.map(({ verdict, label, url }) =>
      link(verdict.toLowerCase(), label, url, verdict === "PASS" ? "primary" : "danger"),
    ),
    ...links.map(({ label, url }, index) => link(`open-${index}`, label, url)),
  ];
}

/** The text on a button, cut to what Slack takes. */
export function slackButtonText(label: string): SlackButton["text"] {
  return { type: "plain_text", text: cutText(label, MAX_BUTTON), emoji: false };
}

/** The line of a notification: there `&`, `<` and `>` would be markup ("Formatting message text"). */
export function slackFallback({ title }: Content): string {
  return title.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** How much text the largest block of rich text holds, UTF-16 units. */
export function largestText(blocks: readonly SlackBlock[]): number {
  const lengths = blocks.map((block) =>
    block.type === "rich_text"
      ? block.elements.flatMap(({ elements }) => elements).reduce((sum, { text }) => sum + text.length, 0)
      : 0,
  );
  return Math.max(0, ...lengths);
}

function richText(elements: RichSection[]): SlackBlock {
  return { type: "rich_text", elements };
}

function listOf({ label, lines }: { label: string; lines: string[] }): RichSection[] {
  return [
    { type: "rich_text_section", elements: [{ type: "text", text: label, style: { bold: true } }] },
    { type: "rich_text_preformatted", elements: [{ type: "text", text: lines.join("\n") }] },
  ];
}

/** A section for each run of lines of one kind. */
function sectionsOf(lines: readonly MarkdownLine[]): RichSection[] {
  const sections: RichSection[] = [];
  for (const [index, line] of lines.entries()) {
    // Sections stand apart without an empty line between them.
    if (line.spans.length === 0 && (startsSection(lines, index) || startsSection(lines, index + 1))) continue;
    const type = SECTIONS[line.kind];
    const last = sections.at(-1);
    const elements = elementsOf(line);
    if (last?.type === type) last.elements.push({ type: "text", text: "\n" }, ...elements);
    else sections.push({ type, elements });
  }
  // One without elements, of a line of code that is empty, would be refused.
  return sections.filter(({ elements }) => elements.length > 0);
}

function startsSection(lines: readonly MarkdownLine[], index: number): boolean {
  const [before, line] = [lines[index - 1], lines[index]];
  return before === undefined || line === undefined || SECTIONS[before.kind] !== SECTIONS[line.kind];
}

const SECTIONS: Readonly<Record<MarkdownLine["kind"], RichSection["type"]>> = {
  TEXT: "rich_text_section",
  HEADING: "rich_text_section",
  ITEM: "rich_text_section",
  QUOTE: "rich_text_quote",
  CODE: "rich_text_preformatted",
};

function elementsOf({ kind, spans, depth, number }: MarkdownLine): RichElement[] {
  const bullet = number === undefined ? "•" : `${number}.`;
  const start = "    ".repeat(depth) + (kind === "ITEM" ? `${bullet} ` : "");
  const rest = spans.flatMap(({ text, bold, italic, code, url }): RichElement[] => {
    if (text === "") return [];
    const style: Style = {
      ...((bold || kind === "HEADING") && { bold: true }),
      ...(italic && { italic: true }),
      ...(code && { code: true }),
    };
    const styled = Object.keys(style).length > 0 && kind !== "CODE" ? { style } : {};
    return [url === undefined ? { type: "text", text, ...styled } : { type: "link", url, text, ...styled }];
  });
  return start === "" ? rest : [{ type: "text", text: start }, ...rest];
}
