// A page of records: a table for people, the page as it is for programs.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Context } from "../context.ts";
import { tableLines } from "../display/table.ts";
import { columnsOf, type RecordOf } from "./kind-columns.ts";
import type { KindName } from "./kind-names.ts";

export async function printList<K extends KindName>(
  context: Context,
  kind: K,
  page: ApiPage<RecordOf<K>>,
): Promise<undefined> {
  if (context.documentFormat) return context.printDocument(page);
  if (page.items.length === 0) return context.note(`no ${kind}s`);
  const lines = tableLines(columnsOf(kind, Date.now()), page.items, {
    wide: context.options.output === "wide",
    // In a pipe nothing is cut off.
    width: context.io.stdout.isTTY ? context.io.stdout.columns : undefined,
  });
  const [titles = "", ...rows] = lines;
  context.print(context.style.tone("quiet", titles));
  for (const row of rows) context.print(row);
  if (page.nextCursor !== undefined) context.note(`there are more: --all, or --cursor ${page.nextCursor}`);
}
