// Markdown as plain text, for what shows no markup: marks are gone, links show where they lead.

import { type MarkdownLine, readMarkdown, type Span } from "./markdown.ts";

/** The text of a markdown text. */
export function plainMarkdown(text: string): string {
  return readMarkdown(text).map(lineOf).join("\n");
}

function lineOf({ kind, spans, depth, number }: MarkdownLine): string {
  const text = spans.map(spanOf).join("");
  const indent = "  ".repeat(depth);
  if (kind === "ITEM") return `${indent}${number === undefined ? "-" : `${number}.`} ${text}`;
  if (kind === "QUOTE") return `> ${text}`;
  return `${kind === "CODE" ? "  " : ""}${indent}${text}`;
}

function spanOf({ text, url }: Span): string {
  return url === undefined || url === text ? text : `${text} (${url})`;
}
