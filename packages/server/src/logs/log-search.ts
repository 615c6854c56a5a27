// Searching encoded lines. Most pieces of a log hold no hit: they are told apart without decoding a line.

import type { Buffer } from "node:buffer";
import { decodeLines } from "./log-line.ts";
import type { LogLine, LogSearch } from "./log-store.ts";

/** The first lines of a piece whose text contains what is searched for. */
export function searchPiece(piece: Buffer, search: LogSearch): LogLine[] {
  const fold = (text: string) => (search.caseSensitive ? text : text.toLowerCase());
  const wanted = fold(search.text);
  // As the text stands in the file, escaped.
  const encoded = JSON.stringify(wanted).slice(1, -1);
  const maybe = search.caseSensitive
    ? piece.includes(encoded)
    : fold(piece.toString("utf8")).includes(encoded);
  if (!maybe) return [];
  return decodeLines(piece)
    .filter((line) => fold(line.text).includes(wanted))
    .slice(0, search.limit);
}
