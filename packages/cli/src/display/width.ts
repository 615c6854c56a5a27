// How many columns a text takes on a terminal, and texts cut and filled to a width. Texts of strangers
// (names, messages, log lines) are made harmless here: no control character reaches the terminal.

import { stripVTControlCharacters } from "node:util";
import { eastAsianWidth } from "get-east-asian-width";

let segmenter: Intl.Segmenter | undefined;

/** What a reader takes for one character. Made at first use: it takes longer than most commands. */
function graphemesOf(text: string): Iterable<{ segment: string }> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

const ascii = /^[\x20-\x7e]*$/;
const invisible = /^[\p{Control}\p{Format}\p{Mark}\p{Surrogate}]/u;
const emoji = /^\p{Extended_Pictographic}.*\u{fe0f}|^\p{Emoji_Presentation}|^\p{Regional_Indicator}{2}/u;

function graphemeWidth(grapheme: string): number {
  if (emoji.test(grapheme)) return 2;
  if (invisible.test(grapheme)) return 0;
  return eastAsianWidth(grapheme.codePointAt(0) as number);
}

/** Columns that a text takes; colors take none. */
export function displayWidth(text: string): number {
  if (ascii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemesOf(stripVTControlCharacters(text))) width += graphemeWidth(segment);
  return width;
}

/** One line of text without colors and control characters; tabs and line ends become spaces. */
export function plainLine(text: string): string {
  if (ascii.test(text)) return text;
  return stripVTControlCharacters(text)
    .replace(/[\t\r\n\u2028\u2029]+/g, " ")
    .replace(/[\p{Control}\p{Bidi_Control}]/gu, "");
}

/** The text in at most so many columns; what is cut off shows as `…`. Takes no colored texts. */
export function cut(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return "";
  let kept = "";
  let width = 0;
  for (const { segment } of graphemesOf(text)) {
    const wider = width + graphemeWidth(segment);
    if (wider > columns - 1) break;
    kept += segment;
    width = wider;
  }
  return `${kept}…`;
}

/** The text with spaces up to so many columns. */
export function fill(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

/** An address that is broken in two leads nowhere. */
const ADDRESS = /^\W*https?:\/\//;

/** Words in lines of at most so many columns; a longer word is broken unless it is a web address. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(/ +/)) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (displayWidth(joined) <= columns) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    while (displayWidth(word) > columns && !ADDRESS.test(word)) {
      const head = cut(word, columns + 1).slice(0, -1) || word.slice(0, 1);
      lines.push(head);
      word = word.slice(head.length);
    }
    line = word;
  }
  if (line !== "" || lines.length === 0) lines.push(line);
  return lines;
}
