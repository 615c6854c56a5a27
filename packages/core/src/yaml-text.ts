// Reads YAML text (JSON is YAML too) into plain values, and remembers where each of them stands. The text comes from
// anybody, so its size, depth, number of documents and growth by aliases are limited before they cost time.
//
// YAML 1.2, core schema: no merge keys, no tags but the plain ones, no duplicate keys, string keys only.

import {
  Composer,
  type Document,
  type ErrorCode,
  Lexer,
  LineCounter,
  Parser,
  visit,
  type YAMLError,
} from "yaml";
import { quoted } from "./quoted.ts";
import { type Position, type YamlDocument, YamlReading } from "./yaml-values.ts";

export type { Position, YamlDocument } from "./yaml-values.ts";

export const MAX_TEXT_BYTES = 1024 * 1024;
export const MAX_DEPTH = 64;
export const MAX_DOCUMENTS = 1000;
/** Parsing takes some 3 us per token; 250,000 are a pipeline of several thousand tasks. */
const MAX_TOKENS = 250_000;
const MAX_SYNTAX_PROBLEMS = 20;

export interface TextProblem extends Position {
  /** JSON pointer into the document. */
  path: string;
  message: string;
}

export interface YamlText {
  /** Documents that could be read, in order. Empty ones are left out. */
  documents: YamlDocument[];
  problems: TextProblem[];
}

const start: Position = { line: 1, column: 1 };

function refused(message: string, at: Position = start): YamlText {
  return { documents: [], problems: [{ path: "", message, ...at }] };
}

/** What to do about an error of the parser, whose own message says what is wrong. */
const syntaxRemedies: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "indent what belongs together equally, and close brackets",
  BAD_SCALAR_START: "put the text in quotes",
  BAD_DQ_ESCAPE: "double the backslash, or use single quotes",
  BLOCK_AS_IMPLICIT_KEY: "put text that contains `: ` in quotes, or indent the lines below it",
  MULTILINE_IMPLICIT_KEY: "check the indentation",
  KEY_OVER_1024_CHARS: "shorten the key",
  NON_STRING_KEY: "use plain text as the key",
  MISSING_CHAR: "close what was opened",
};

function syntaxMessage(code: ErrorCode, message: string): string {
  const [line = message] = message.split("\n");
  if (code === "TAG_RESOLVE_FAILED") {
    const tag = line.replace(/^.*?: /, "").replace("tag:yaml.org,2002:", "!!");
    return `the tag ${quoted(tag)} is not allowed here; remove it`;
  }
  const remedy = syntaxRemedies[code];
  return `this is not valid YAML: ${line}${remedy ? `; ${remedy}` : ""}`;
}

/** Where a problem is best shown: a quote that is not closed where it opens, for it swallows all that follows. */
function offsetOf(document: Document.Parsed, { code, message, pos: [offset] }: YAMLError): number {
  if (code !== "MISSING_CHAR" || !message.includes("quote")) return offset;
  let opening = offset;
  visit(document, {
    Scalar(_key, { type, range }) {
      if (type?.startsWith("QUOTE") && range && range[0] < offset && offset <= range[2]) opening = range[0];
    },
  });
  return opening;
}

/** The first problem of each line: one mistake makes the parser complain several times. */
function syntaxProblems(document: Document.Parsed, lines: LineCounter): TextProblem[] {
  const byLine = new Map<number, TextProblem>();
  for (const error of [...document.errors, ...document.warnings]) {
    if (byLine.size >= MAX_SYNTAX_PROBLEMS) break;
    const { line, col } = lines.linePos(offsetOf(document, error));
    const { code, message } = error;
    if (!byLine.has(line))
      byLine.set(line, { path: "", message: syntaxMessage(code, message), line, column: col });
  }
  return [...byLine.values()];
}

/** The text, or why it is not one. */
function decode(input: string | Uint8Array): string | YamlText {
  const bytes = typeof input === "string" ? input.length : input.byteLength;
  if (bytes > MAX_TEXT_BYTES) return tooLarge(bytes);
  if (typeof input !== "string") {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(input);
    } catch {
      const line = lineOfInvalidUtf8(input);
      return refused("the text is not valid UTF-8; save the file as UTF-8", { line, column: 1 });
    }
  }
  const encoded = new TextEncoder().encode(input).byteLength;
  if (encoded > MAX_TEXT_BYTES) return tooLarge(encoded);
  if (!input.isWellFormed()) return refused("the text is not valid Unicode; save the file as UTF-8");
  return input.startsWith("\ufeff") ? input.slice(1) : input;
}

function tooLarge(bytes: number): YamlText {
  const size = (bytes / MAX_TEXT_BYTES).toFixed(1);
  return refused(
    `the text is too large (${size} MiB); at most 1 MiB is read, so split it into several files`,
  );
}

function lineOfInvalidUtf8(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let line = 1, from = 0; ; line++) {
    const newline = bytes.indexOf(10, from);
    const to = newline < 0 ? bytes.length : newline;
    try {
      decoder.decode(bytes.subarray(from, to));
    } catch {
      return line;
    }
    if (newline < 0) return line;
    from = newline + 1;
  }
}

/** Parses step by step, so that what is too deep or too much is refused where it becomes so. */
function parseWithinLimits(text: string, lines: LineCounter): Document.Parsed[] | YamlText {
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer({
    schema: "core",
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // Checked while reading: the library compares each key with each other.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const tokens = [];
  let documents = 0;
  let seen = 0;
  lines.addNewLine(0);
  const here = () => {
    const { line, col } = lines.linePos(parser.offset);
    return { line, column: Math.max(col, 1) };
  };
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === "document") documents++;
    }
    if (++seen > MAX_TOKENS) {
      return refused("the text has too many parts; split it into several files", here());
    }
    if (documents > MAX_DOCUMENTS) {
      return refused(
        `the text has more than ${MAX_DOCUMENTS} documents; split it into several files`,
        here(),
      );
    }
    if (parser.stack.length > MAX_DEPTH && depthOf(parser) > MAX_DEPTH) {
      return refused(`the text is nested more than ${MAX_DEPTH} levels deep; make it flatter`, here());
    }
  }
  tokens.push(...parser.end());
  return [...composer.compose(tokens)] as Document.Parsed[];
}

function depthOf(parser: Parser): number {
  const collections = ["block-map", "block-seq", "flow-collection"];
  return parser.stack.filter((token) => collections.includes(token.type)).length;
}

/**
 * Reads all documents of a text. Never throws: what cannot be read is a problem with line and column. A text that
 * breaks a limit has no documents and one problem.
 */
export function readYaml(input: string | Uint8Array): YamlText {
  const text = decode(input);
  if (typeof text !== "string") return text;
  const lines = new LineCounter();
  const parsed = parseWithinLimits(text, lines);
  if (!Array.isArray(parsed)) return parsed;
  const documents: YamlDocument[] = [];
  const problems: TextProblem[] = [];
  let index = 0;
  for (const document of parsed) {
    const wrong = syntaxProblems(document, lines);
    problems.push(...wrong);
    if (wrong.length > 0) {
      index++;
      continue;
    }
    const limits = { depth: MAX_DEPTH, aliasCharacters: MAX_TEXT_BYTES };
    const reading = new YamlReading(document, { text, lines, index, limits });
    if (reading.empty) continue;
    index++;
    problems.push(...reading.problems);
    if (reading.problems.length === 0) documents.push(reading);
  }
  return { documents, problems };
}
