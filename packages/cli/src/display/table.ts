// Tables in columns, as `get` prints them.

import { cut, displayWidth, fill, plainLine } from "./width.ts";

export interface Column<T> {
  title: string;
  value: (item: T) => string;
  /** Only in wide tables. */
  wide?: boolean;
  /** Gives way, down to this width, when the table is wider than the terminal. */
  shrinksTo?: number;
}

const GAP = 2;

/**
 * The lines of a table, with a line of titles. `columns` is the terminal's width; without it nothing is cut.
 * The last column is not filled, so that no line ends in spaces.
 */
export function tableLines<T>(
  columns: readonly Column<T>[],
  items: readonly T[],
  options: { width?: number; wide?: boolean } = {},
): string[] {
  const shown = columns.filter((column) => options.wide || !column.wide);
  const rows = [
    shown.map((column) => column.title),
    ...items.map((item) => shown.map((column) => plainLine(column.value(item)))),
  ];
  const widths = shown.map((_, index) => Math.max(...rows.map((row) => displayWidth(row[index] as string))));
  if (options.width !== undefined && (!options.wide || couldFit(shown, widths, options.width)))
    shrink(shown, widths, options.width);
  return rows.map((row) =>
    row
      .map((cell, index) => fill(cut(cell, widths[index] as number), widths[index] as number))
      .join(" ".repeat(GAP))
      .trimEnd(),
  );
}

/** Whether giving way is enough. Who asked for a wide table and has a narrow terminal wants to read all of it. */
function couldFit<T>(columns: readonly Column<T>[], widths: number[], available: number): boolean {
  const least = columns.map(({ shrinksTo }, index) =>
    Math.min(widths[index] as number, shrinksTo ?? Infinity),
  );
  return least.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) <= available;
}

/** Takes what is too much from the widest of the columns that may shrink. */
function shrink<T>(columns: readonly Column<T>[], widths: number[], available: number): void {
  const gaps = GAP * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - available;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const width = widths[index] as number;
      if (column.shrinksTo === undefined || width <= column.shrinksTo) continue;
      if (widest < 0 || width > (widths[widest] as number)) widest = index;
    }
    if (widest < 0) return;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
}
