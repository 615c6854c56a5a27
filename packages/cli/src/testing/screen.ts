// What a terminal shows after it got a text: enough of one to test the live view.

import { displayWidth } from "../display/width.ts";

const ESCAPE = "\u001b";
const SEQUENCE = new RegExp(`^${ESCAPE}\\[(\\??[0-9;]*)([A-Za-z])`);
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The lines of the screen, without spaces and empty lines at their ends. Long lines wrap at `columns`. */
export function screenOf(text: string, columns: number): string[] {
  const rows: string[][] = [];
  let row = 0;
  let column = 0;
  const put = (grapheme: string) => {
    const width = displayWidth(grapheme);
    if (column + width > columns) {
      row++;
      column = 0;
    }
    rows[row] ??= [];
    const cells = rows[row] as string[];
    while (cells.length < column) cells.push(" ");
    cells[column] = grapheme;
    if (width === 2) cells[column + 1] = "";
    column += width;
  };
  let rest = text;
  while (rest !== "") {
    const [sequence, argument = "", command] = SEQUENCE.exec(rest) ?? [];
    if (sequence !== undefined) {
      if (command === "A") row = Math.max(0, row - Number(argument || 1));
      else if (command === "J") {
        rows.length = Math.min(rows.length, row + 1);
        if (rows[row]) (rows[row] as string[]).length = Math.min(rows[row]?.length ?? 0, column);
      }
      rest = rest.slice(sequence.length);
      continue;
    }
    const end = rest.indexOf(ESCAPE, 1);
    const plain = end < 0 ? rest : rest.slice(0, end);
    for (const { segment } of graphemes.segment(plain)) {
      if (segment === "\r\n" || segment === "\n") {
        row++;
        column = 0;
      } else if (segment === "\r") column = 0;
      else put(segment);
    }
    rest = rest.slice(plain.length);
  }
  const lines = Array.from(rows, (cells) => (cells ?? []).join("").trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
