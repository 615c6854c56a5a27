// `mflow inbox`: what waits for a person's decision.

import type { InboxItem, InboxPage } from "@mflow/core/schema/inbox";
import { eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { tableLines } from "../display/table.ts";
import type { CommandCall } from "../program.ts";
import { inboxColumns } from "../view/inbox-columns.ts";

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
  printTable(context, page.items, user ?? "you");
  if (page.nextCursor !== undefined) {
    context.note(`there may be more: --all, or --cursor ${page.nextCursor}`);
  }
}

function printTable(context: Context, items: readonly InboxItem[], whom: string): void {
  if (items.length === 0) return void context.note(`nothing waits for ${whom}`);
  const { stdout } = context.io;
  const [titles = "", ...rows] = tableLines(inboxColumns(items, Date.now()), items, {
    wide: context.options.output === "wide",
    // In a pipe nothing is cut off.
    width: stdout.isTTY ? stdout.columns : undefined,
  });
  context.print(context.style.tone("quiet", titles));
  for (const row of rows) context.print(row);
  context.note(`look at one with: ${context.command} evidence TASK`);
}
