// `mflow inbox`: what waits for a person's decision.

import type { InboxItem, InboxPage } from "@mflow/core/schema/inbox";
import { eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { inboxColumns } from "../view/inbox-columns.ts";
import { printTable } from "./print-table.ts";
import { sayMore } from "./say-more.ts";

interface InboxOptions {
  user?: string;
  limit?: number;
  cursor?: string;
  all?: boolean;
}

const WHOLE_PAGE = 500;

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const { user, limit, cursor, all } = call.options as InboxOptions;
  const { client } = await context.connect();
  const list = (from: string | undefined) =>
    client.inbox.list({ user, limit: limit ?? (all ? WHOLE_PAGE : undefined), cursor: from });
  let page: InboxPage;
  if (all) {
    const items: InboxItem[] = [];
    for await (const item of eachItem(list)) items.push(item);
    page = { items };
  } else {
    page = await list(cursor);
  }
  if (context.documentFormat) return context.printDocument(page);
  printInbox(context, page.items, user ?? "you");
  if (page.nextCursor !== undefined) sayMore(context, `--cursor ${page.nextCursor}`, limit, "may be");
}

function printInbox(context: Context, items: readonly InboxItem[], whom: string): void {
  if (items.length === 0) return void context.note(`nothing waits for ${whom}`);
  printTable(context, inboxColumns(items, Date.now()), items);
  context.note(`look at one with: ${context.command} evidence TASK`);
}
