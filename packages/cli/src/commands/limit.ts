// `mflow limit ...`: how many tasks of a scope or a type of runner may be under way at once, for admins.

import type { Limit } from "@mflow/core/schema/limit";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import type { CommandCall } from "../program.ts";
import { printTable } from "./print-table.ts";

export async function run(context: Context, { args, command }: CommandCall): Promise<undefined> {
  const { client } = await context.connect();
  switch (command.name()) {
    case "set": {
      const [name, maxTasks] = args as [string, number];
      const limit = await client.limits.put(name, { maxTasks });
      if (context.documentFormat) return context.printDocument(limit);
      return context.print(
        `limit ${limit.name}: ${limit.spec.maxTasks} ${limit.spec.maxTasks === 1 ? "task" : "tasks"} at once`,
      );
    }
    case "list":
      return list(context, (await client.limits.list()).items);
    default:
      for (const name of args[0] as string[]) {
        await client.limits.remove(name);
        context.print(`limit ${name} deleted`);
      }
  }
}

const COLUMNS: Column<Limit>[] = [
  { title: "NAME", value: ({ name }) => name, shrinksTo: 16 },
  { title: "TASKS", value: ({ spec }) => String(spec.maxTasks) },
  { title: "CHANGED", value: ({ updatedAt }) => updatedAt, wide: true },
  { title: "BY", value: ({ createdBy }) => createdBy, wide: true },
];

async function list(context: Context, items: Limit[]): Promise<undefined> {
  if (context.documentFormat) return context.printDocument({ items });
  if (items.length === 0) return context.note("no limits; set one with `mflow limit set`");
  return printTable(context, COLUMNS, items);
}
