// A table for people, as every list is printed: quiet titles, as wide as the terminal.

import type { Context } from "../context.ts";
import { type Column, tableLines } from "../display/table.ts";

/** Prints a table; `-o wide` shows all its columns. In a pipe nothing is cut off. */
export function printTable<T>(
  context: Context,
  columns: readonly Column<T>[],
  items: readonly T[],
): undefined {
  const { stdout } = context.io;
  const [titles = "", ...rows] = tableLines(columns, items, {
    wide: context.options.output === "wide",
    width: stdout.isTTY ? stdout.columns : undefined,
  });
  context.print(context.style.tone("quiet", titles));
  for (const row of rows) context.print(row);
}
