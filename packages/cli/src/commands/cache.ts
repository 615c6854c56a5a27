// `mflow cache ...`: the caches of a namespace, listed and deleted.

import { readableSize } from "@mflow/core/readable-size";
import type { Cache } from "@mflow/core/schema/cache";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { printTable } from "./print-table.ts";

const COLUMNS: Column<Cache>[] = [
  { title: "KEY", value: ({ key }) => key, shrinksTo: 20 },
  { title: "SCOPE", value: ({ domain, namespace }) => `${namespace}.${domain}` },
  { title: "SIZE", value: ({ size }) => readableSize(size) },
  { title: "SAVED", value: ({ createdAt }) => createdAt },
  { title: "USED", value: ({ usedAt }) => usedAt },
];

export async function run(context: Context, { args, command, options }: CommandCall): Promise<undefined> {
  const { client } = await context.connect();
  if (command.name() === "list") {
    const page = await client.caches.list(context.scope);
    if (context.documentFormat) return context.printDocument(page);
    if (page.items.length === 0) return context.note("no caches");
    return printTable(context, COLUMNS, page.items);
  }
  const keys = args[0] as string[];
  const { all } = options as { all?: boolean };
  if ((keys.length === 0) === (all !== true)) {
    throw new UsageError(
      "Say which caches are deleted.",
      "Give their keys, or --all for all of the namespace.",
    );
  }
  let removed = 0;
  if (all) removed = (await client.caches.clear(context.scope)).removed;
  else for (const key of keys) removed += (await client.caches.remove(key, context.scope)).removed;
  if (context.documentFormat) return context.printDocument({ removed });
  return context.print(removed === 1 ? "1 cache is deleted" : `${removed} caches are deleted`);
}
