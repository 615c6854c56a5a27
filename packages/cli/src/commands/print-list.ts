// A page of records: a table for people, the page as it is for programs.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Context } from "../context.ts";
import { columnsOf, type RecordOf } from "./kind-columns.ts";
import type { KindName } from "./kind-names.ts";
import { printTable } from "./print-table.ts";
import { sayMore } from "./say-more.ts";

/** `limit`: what was given for the page, if anything was. */
export async function printList<K extends KindName>(
  context: Context,
  kind: K,
  page: ApiPage<RecordOf<K>>,
  limit?: number,
): Promise<undefined> {
  if (context.documentFormat) return context.printDocument(page);
  if (page.items.length === 0) return context.note(`no ${kind}s`);
  printTable(context, columnsOf(kind, Date.now()), page.items);
  if (page.nextCursor !== undefined) sayMore(context, `--cursor ${page.nextCursor}`, limit);
}
