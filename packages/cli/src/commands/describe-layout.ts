// How a description is laid out: facts in two columns, then sections with tables and texts. Pure.

import type { Artifact } from "@mflow/core/schema/artifact";
import type { Evidence } from "@mflow/core/schema/evidence";
import type { Style } from "../display/style.ts";
import { type Column, tableLines } from "../display/table.ts";
import { plainLine } from "../display/width.ts";

/** What the lines of a description depend on besides its record. */
export interface DescribeOptions {
  style: Style;
  command: string;
  /** Milliseconds since the epoch. */
  now: number;
  columns: number;
  /** Of a task whose gate waits. */
  evidence?: Evidence;
  /** What the task kept. */
  artifacts?: Artifact[];
}

/** One without a value is left out. */
export type Fact = readonly [label: string, value: string | number | undefined];

/** Labels and values in two columns; those without a value are left out. */
export function factLines(facts: readonly Fact[], { style }: DescribeOptions): string[] {
  const known = facts.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(...known.map(([label]) => label.length));
  return known.map(
    ([label, value]) => `${style.tone("quiet", label.padEnd(width))}  ${plainLine(String(value))}`,
  );
}

/** A title with its lines below; nothing when there are none. */
export function section(title: string, lines: readonly string[], { style }: DescribeOptions): string[] {
  return lines.length === 0
    ? []
    : ["", style.tone("strong", title), ...lines.map((line) => (line ? `  ${line}` : ""))];
}

/** The rows of a table in a section. */
export function table<T>(
  columns: readonly Column<T>[],
  items: readonly T[],
  options: DescribeOptions,
): string[] {
  return items.length === 0 ? [] : tableLines(columns, items, { width: options.columns - 2 });
}

/** Free text as it is, without what a terminal would act on. */
export function textLines(text: string | undefined): string[] {
  return text ? text.trimEnd().split("\n").map(plainLine) : [];
}
