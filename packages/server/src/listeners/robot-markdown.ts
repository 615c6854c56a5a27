// A message as markdown for the robots that take it as one text. Neither DingTalk nor WeCom documents how a character is
// kept from being markup, so those that could be are shown by their wide forms (Unicode block "Halfwidth and Fullwidth
// Forms"), which look the same and mean nothing: no value becomes a link, a mention or a heading.

import type { Content } from "./content.ts";
import { type MarkdownLine, readMarkdown, type Span, wrapWords } from "./markdown.ts";

/** The markdown of a platform. */
export interface Dialect {
  /** Characters that are markup anywhere. */
  markup: RegExp;
  /** Ends a line of a block. */
  lineBreak: string;
  item: string;
  title(title: string, tone: Content["tone"]): string;
  italic(text: string): string;
  code(text: string): string;
}

/** Title, facts, text, params and log, a block each; `links` also at the end, where there are no buttons for them. */
export function robotMarkdown(
  content: Content,
  dialect: Dialect,
  links: readonly { label: string; url: string }[],
): string {
  const escaped = (text: string) => escapeFor(text, dialect);
  const lines = (texts: readonly string[]) => texts.join(dialect.lineBreak);
  const list = ({ label, lines: shown }: { label: string; lines: string[] }) =>
    // The bar keeps a line from beginning with what would be markup there.
    lines([`**${escaped(label)}**`, ...shown.map((line) => `│ ${escaped(line)}`)]);
  const separator = content.language === "zh" ? "：" : ": ";
  const facts = content.facts.map(({ label, value }) => `**${escaped(label)}**${separator}${escaped(value)}`);
  const blocks = [
    dialect.title(escaped(content.title), content.tone),
    lines(facts),
    content.text ? lines(readMarkdown(content.text).map((line) => lineOf(line, dialect))) : "",
    content.params ? list(content.params) : "",
    content.log ? list(content.log) : "",
    links.map(({ label, url }) => linkTo(escaped(label), url)).join("　"),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function escapeFor(text: string, { markup }: Dialect): string {
  return text
    .replace(markup, wide)
    .replace(/^\s*[#>+=-]/, (start) => start.slice(0, -1) + wide(start.slice(-1)));
}

/** The wide form of a character of ASCII. */
function wide(character: string): string {
  return String.fromCharCode(character.charCodeAt(0) + 0xfee0);
}

/** Characters that end an address in markdown are written as percent encodings, which mean the same. */
function linkTo(escapedLabel: string, url: string): string {
  const address = url.replace(/[\s()<>[\]*`'"\\|]/g, (character) => {
    const encoded = encodeURIComponent(character);
    return encoded === character ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : encoded;
  });
  return `[${escapedLabel}](${address})`;
}

function lineOf({ kind, spans, depth, number }: MarkdownLine, dialect: Dialect): string {
  const text = spans.map((span, index) => spanOf(span, dialect, index === 0)).join("");
  const indent = "　".repeat(depth);
  if (kind === "HEADING") return text === "" ? "" : `**${text.replaceAll("**", "")}**`;
  if (kind === "ITEM") return `${indent}${number === undefined ? dialect.item : `${number}. `}${text}`;
  if (kind === "QUOTE") return `> ${text}`;
  if (kind === "CODE") return `│ ${text}`;
  return `${indent}${text}`;
}

function spanOf({ text, bold, italic, code, url }: Span, dialect: Dialect, isFirst: boolean): string {
  const escaped = isFirst ? escapeFor(text, dialect) : text.replace(dialect.markup, wide);
  if (url !== undefined) return linkTo(escaped, url);
  return wrapWords(escaped, (words) => {
    const shown = code ? dialect.code(words) : words;
    const slanted = italic && !code ? dialect.italic(shown) : shown;
    return bold ? `**${slanted}**` : slanted;
  });
}
