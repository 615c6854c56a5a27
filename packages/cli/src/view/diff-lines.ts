// What differs between manifests and what is stored, as lines for people: one per record, below it one per field.

import type { DiffedDocument, FieldChangeBody } from "@mflow/core/schema/api";
import type { Style, Tone } from "../display/style.ts";
import { cut, displayWidth, plainLine } from "../display/width.ts";

export interface DiffLineOptions {
  style: Style;
  /** No line is longer. */
  columns: number;
}

type Sign = "+" | "-" | "~";

const SIGNS: Readonly<Record<FieldChangeBody["op"], Sign>> = { ADDED: "+", REMOVED: "-", CHANGED: "~" };
const TONES: Readonly<Record<Sign, Tone>> = { "+": "good", "-": "bad", "~": "attention" };

/** Nothing of records that are as their manifest says. */
export function diffLines(documents: readonly DiffedDocument[], options: DiffLineOptions): string[] {
  return documents.filter(({ action }) => action !== "UNCHANGED").flatMap((one) => recordLines(one, options));
}

function recordLines(document: DiffedDocument, options: DiffLineOptions): string[] {
  const { kind, name, version, namespace, domain, action, changes, refusal } = document;
  const title = version === undefined ? name : `${name}:${version}`;
  const place = namespace === undefined ? "" : ` (${namespace}.${domain})`;
  const sign = action === "CREATED" ? "+" : "~";
  const head = signed(
    sign,
    `${kind.toLowerCase()} ${title}${place}${action === "CREATED" ? " is new" : ""}`,
    0,
    options,
  );
  const refused =
    refusal === undefined
      ? []
      : [options.style.tone("bad", cut(`    ! ${plainLine(refusal)}`, options.columns))];
  return [head, ...changes.flatMap((change) => changeLines(change, options)), ...refused];
}

function changeLines({ op, path, before, after }: FieldChangeBody, options: DiffLineOptions): string[] {
  const sign = SIGNS[op];
  const lines = op === "CHANGED" ? linesOfChange(path, before, after, options) : undefined;
  if (lines) return lines;
  if (sign !== "~") return block(sign, path, sign === "+" ? after : before, options);
  return [
    signed("~", `${path}:`, 1, options),
    ...block("-", "", before, options),
    ...block("+", "", after, options),
  ];
}

/** A change that fits on one line; of texts of several lines those that differ; nothing when neither will do. */
function linesOfChange(
  path: string,
  before: unknown,
  after: unknown,
  options: DiffLineOptions,
): string[] | undefined {
  if (isLong(before) || isLong(after)) {
    if (typeof before !== "string" || typeof after !== "string") return undefined;
    return [signed("~", `${path}:`, 1, options), ...differingLines(before, after, options)];
  }
  const line = `${path}: ${textOf(before)} -> ${textOf(after)}`;
  return displayWidth(line) + 4 <= options.columns ? [signed("~", line, 1, options)] : undefined;
}

/** The lines of two texts between what both begin and end with. */
function differingLines(before: string, after: string, options: DiffLineOptions): string[] {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start++;
  let end = 0;
  const shorter = Math.min(old.length, fresh.length) - start;
  while (end < shorter && old.at(-1 - end) === fresh.at(-1 - end)) end++;
  return [
    ...old.slice(start, old.length - end).map((line) => signed("-", line, 2, options)),
    ...fresh.slice(start, fresh.length - end).map((line) => signed("+", line, 2, options)),
  ];
}

/** A value below its path; a short one beside it. */
function block(sign: Sign, path: string, value: unknown, options: DiffLineOptions): string[] {
  const lines = textOf(value).split("\n");
  if (!isLong(value) && path !== "") return [signed(sign, `${path}: ${textOf(value)}`, 1, options)];
  const head = path === "" ? [] : [signed(sign, `${path}:`, 1, options)];
  return [...head, ...lines.map((line) => signed(sign, line, 2, options))];
}

function isLong(value: unknown): boolean {
  return (
    (typeof value === "string" && value.includes("\n")) ||
    (typeof value === "object" && value !== null && !isPlainList(value))
  );
}

function isPlainList(value: object): boolean {
  return Array.isArray(value) && value.every((item) => typeof item !== "object");
}

/** A value as people write it: plain values and lists of them on one line, the rest indented. */
function textOf(value: unknown, indent = ""): string {
  if (typeof value === "string") return value === "" ? '""' : value.replaceAll("\n", `\n${indent}`);
  if (value === null || typeof value !== "object") return String(value);
  if (isPlainList(value)) return `[${(value as unknown[]).map((item) => textOf(item)).join(", ")}]`;
  const entries = Array.isArray(value)
    ? value.map((item) => `- ${textOf(item, `${indent}  `)}`)
    : Object.entries(value).map(([key, member]) => {
        const text = textOf(member, `${indent}  `);
        return isLong(member) ? `${key}:\n${indent}  ${text}` : `${key}: ${text}`;
      });
  return entries.join(`\n${indent}`);
}

/** A line that begins with its sign, indented by level, cut to the columns there are. */
function signed(sign: Sign, text: string, level: number, { style, columns }: DiffLineOptions): string {
  const line = cut(`${"  ".repeat(level)}${sign} ${keepIndent(text)}`, columns);
  return style.tone(TONES[sign], line);
}

/** The text without what could move the cursor. */
function keepIndent(text: string): string {
  return plainLine(text.replaceAll("\t", "    "));
}
