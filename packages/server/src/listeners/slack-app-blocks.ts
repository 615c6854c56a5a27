// A message as blocks of Slack, by the public documentation "Block Kit" of docs.slack.dev, with its limits: 50 blocks,
// 150 characters in a header, 3,000 in a section, 2,000 in one of its 10 fields.

import type { CardValue } from "./card-value.ts";
import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";

type Block = Record<string, unknown>;

const SIGNS = { GOOD: "✅ ", BAD: "❌ ", WAITING: "⏳ ", NEUTRAL: "" } as const;

/** The blocks; with `card` the buttons decide by callbacks, without they are links. */
export function slackAppBlocks(content: Content, card?: CardValue): Block[] {
  const { title, tone, facts, text, params, log, links, buttons = [] } = content;
  const blocks: Block[] = [{ type: "header", text: plain(cutText(SIGNS[tone] + title, 150)) }];
  for (let index = 0; index < Math.min(facts.length, 30); index += 10) {
    const fields = facts
      .slice(index, index + 10)
      .map(({ label, value }) => mrkdwn(cutText(`*${escaped(label)}*\n${escaped(value)}`, 2000)));
    blocks.push({ type: "section", fields });
  }
  if (text !== undefined) blocks.push(section(fromMarkdown(text)));
  for (const block of [params, log]) {
    if (!block) continue;
    const lines = cutText(escaped(block.lines.join("\n")), 2500).replaceAll("```", "'''");
    blocks.push(section(`*${escaped(block.label)}*\n\`\`\`${lines}\`\`\``));
  }
  if (links.length > 0) {
    blocks.push(section(links.map(({ label, url }) => `<${url}|${escaped(label)}>`).join(" · ")));
  }
  if (buttons.length > 0) {
    const elements = buttons.map(({ verdict, label, url }) => ({
      type: "button",
      action_id: `mflow_${verdict.toLowerCase()}`,
      text: plain(cutText(label, 75)),
      style: verdict === "PASS" ? "primary" : "danger",
      ...(card ? { value: JSON.stringify({ ...card, verdict }) } : { url }),
    }));
    blocks.push({ type: "actions", elements });
  }
  return blocks;
}

function plain(text: string): Block {
  return { type: "plain_text", text, emoji: true };
}

function mrkdwn(text: string): Block {
  return { type: "mrkdwn", text };
}

function section(text: string): Block {
  return { type: "section", text: mrkdwn(cutText(text, 3000)) };
}

/** So that no text mentions anybody (`<!channel>`) or makes a link. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Markdown in Slack's own: bold, headings and links are written otherwise there. */
function fromMarkdown(text: string): string {
  return escaped(text)
    .replace(/^#{1,6} +(.+)$/gm, "*$1*")
    .replace(/\*\*(.+?)\*\*/g, "*$1*")
    .replace(/\[([^\]]+)\]\((https?:\/\/[^\s)|]+)\)/g, "<$2|$1>");
}
