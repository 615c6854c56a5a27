// Markdown of comments and templates, read into its parts, for every platform has a markup of its own. What has no part
// here (HTML, images, tables) stays the text that it is: nothing that people or work write gets through as markup that
// we do not know.

import { Marked, type Token, type Tokens } from "marked";
import { cutText } from "./cut-text.ts";

/** A piece of a line in one style. */
export interface Span {
  text: string;
  bold?: boolean;
  italic?: boolean;
  code?: boolean;
  /** Where it leads, http, https or mailto. */
  url?: string;
}

export interface MarkdownLine {
  kind: "TEXT" | "HEADING" | "ITEM" | "QUOTE" | "CODE";
  spans: Span[];
  /** Of a list: how deep, from 0. */
  depth: number;
  /** Of an ordered list: its number. */
  number?: number;
}

/** Longer texts are cut before they are read: reading takes up to the square of the length. */
const MAX_LENGTH = 6000;
/** For every mark that may open emphasis the reader looks through the rest of the text; more of them nobody means. */
const MAX_OPENERS = 300;
/** A line in more quotes and lists than this: each is read anew for every one that it is in. */
const TOO_DEEP = /^(?:[ \t]*(?:>|(?:[-*+]|\d+[.)])(?=[ \t]))){20}/m;

// Without the GitHub extensions: bare addresses are links on most platforms anyway.
const marked = new Marked({ gfm: false });

/**
 * The lines of a markdown text; an empty line (no spans) separates blocks. Longer texts than 6,000 characters are cut,
 * and what would take long to read stays the text that it is.
 */
export function readMarkdown(text: string): MarkdownLine[] {
  const source = cutText(text.trim(), MAX_LENGTH);
  if (openersIn(source) > MAX_OPENERS || TOO_DEEP.test(source)) return asWritten(source);
  try {
    return trimmed(blocksOf(marked.lexer(source), { kind: "TEXT", depth: 0 }));
  } catch {
    // Nested deeper than the stack: nobody means that.
    return asWritten(source);
  }
}

/** How many marks may open emphasis, as far as their neighbours tell (CommonMark, "left-flanking delimiter run"). */
function openersIn(source: string): number {
  const unescaped = source.replace(/\\[!-/:-@[-`{-~]/g, "x");
  return unescaped.match(/\*+(?=[^\s\p{P}\p{S}])|(?<=^|[\s\p{P}\p{S}])(?:\*+|_+)(?=\S)/gu)?.length ?? 0;
}

function asWritten(source: string): MarkdownLine[] {
  return source
    .split(/\r?\n/)
    .map((line) => ({ kind: "TEXT", depth: 0, spans: line === "" ? [] : [{ text: line }] }));
}

/** The text with its words wrapped and the blanks around them left outside: emphasis must touch what it emphasizes. */
export function wrapWords(text: string, wrap: (words: string) => string): string {
  const words = text.trim();
  if (words === "") return text;
  const start = text.indexOf(words);
  return text.slice(0, start) + wrap(words) + text.slice(start + words.length);
}

type Inside = Pick<MarkdownLine, "kind" | "depth" | "number">;

const EMPTY: MarkdownLine = { kind: "TEXT", depth: 0, spans: [] };

function blocksOf(tokens: readonly Token[], inside: Inside): MarkdownLine[] {
  return tokens.flatMap((token) => blockOf(token, inside));
}

function blockOf(token: Token, inside: Inside): MarkdownLine[] {
  switch (token.type) {
    case "space":
      return [EMPTY];
    case "heading":
      return [{ ...inside, kind: "HEADING", spans: spansOf(token.tokens ?? []) }, EMPTY];
    case "code":
      return token.text.split("\n").map((text: string) => ({ ...inside, kind: "CODE", spans: [{ text }] }));
    case "blockquote":
      return trimmed(blocksOf(token.tokens ?? [], { ...inside, kind: "QUOTE" })).map(
        (line): MarkdownLine => (line.kind === "TEXT" ? { ...line, kind: "QUOTE" } : line),
      );
    case "list":
      return itemsOf(token as Tokens.List, inside);
    case "paragraph":
    case "text":
      return linesOf(spansOf(token.tokens ?? [{ type: "text", raw: token.raw, text: token.text }])).map(
        (spans) => ({
          ...inside,
          spans,
        }),
      );
    default:
      // A rule, HTML, the definition of a link: as it was written.
      return token.raw
        .trim()
        .split("\n")
        .map((text: string) => ({ ...inside, spans: [{ text }] }));
  }
}

/** Items begin with their first line; what follows in them is text one deeper. */
function itemsOf(list: Tokens.List, inside: Inside): MarkdownLine[] {
  const depth = inside.kind === "ITEM" ? inside.depth + 1 : inside.depth;
  return list.items.flatMap((item, index) => {
    const number = list.ordered ? Number(list.start || 1) + index : undefined;
    const entry: Inside = { kind: "ITEM", depth, ...(number !== undefined && { number }) };
    return blocksOf(item.tokens, entry)
      .filter((line) => line.spans.length > 0)
      .map(
        (line, row): MarkdownLine => (row > 0 && isOwnLine(line, depth) ? { ...line, kind: "TEXT" } : line),
      );
  });
}

function isOwnLine({ kind, depth }: MarkdownLine, ofDepth: number): boolean {
  return kind === "ITEM" && depth === ofDepth;
}

function spansOf(tokens: readonly Token[], style: Omit<Span, "text"> = {}): Span[] {
  return tokens.flatMap((token): Span[] => {
    switch (token.type) {
      case "strong":
        return spansOf(token.tokens ?? [], { ...style, bold: true });
      case "em":
        return spansOf(token.tokens ?? [], { ...style, italic: true });
      case "codespan":
        return [{ ...style, code: true, text: token.text }];
      case "link":
        return isSafe(token.href)
          ? spansOf(token.tokens ?? [], { ...style, url: token.href })
          : [{ ...style, text: token.raw }];
      case "br":
        return [{ ...style, text: "\n" }];
      case "escape":
        return [{ ...style, text: token.text }];
      case "text":
        return token.tokens ? spansOf(token.tokens, style) : [{ ...style, text: token.text }];
      default:
        return [{ ...style, text: token.raw }];
    }
  });
}

function isSafe(href: string): boolean {
  return ["http:", "https:", "mailto:"].includes(URL.parse(href)?.protocol ?? "");
}

/** Splits spans at line breaks, and joins neighbours of one style. */
function linesOf(spans: readonly Span[]): Span[][] {
  const lines: Span[][] = [[]];
  for (const { text, ...style } of spans) {
    for (const [index, part] of text.split("\n").entries()) {
      if (index > 0) lines.push([]);
      const line = lines.at(-1) as Span[];
      const last = line.at(-1);
      if (last && isSameStyle(last, style)) last.text += part;
      else if (part !== "") line.push({ ...style, text: part });
    }
  }
  return lines;
}

function isSameStyle(a: Omit<Span, "text">, b: Omit<Span, "text">): boolean {
  return a.bold === b.bold && a.italic === b.italic && a.code === b.code && a.url === b.url;
}

/** Without empty lines at both ends and beside each other. */
function trimmed(lines: readonly MarkdownLine[]): MarkdownLine[] {
  const kept = lines.filter(
    (line, index) => line.spans.length > 0 || (lines[index - 1]?.spans.length ?? 0) > 0,
  );
  return kept.at(-1)?.spans.length === 0 ? kept.slice(0, -1) : kept;
}
