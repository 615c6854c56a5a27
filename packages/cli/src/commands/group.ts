// `mflow group ...`: groups of users, whom gates list as `@group`.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { printList } from "./print-list.ts";

export async function run(context: Context, { args, command }: CommandCall): Promise<undefined> {
  const { client } = await context.connect();
  switch (command.name()) {
    case "set": {
      const [name, members] = args as [string, string[]];
      const group = await client.groups.put(name, members);
      if (context.documentFormat) return context.printDocument(group);
      return context.print(`group ${group.name}: ${group.members.join(", ")}`);
    }
    case "list":
      return printList(context, "group", await client.groups.list());
    default:
      for (const name of args[0] as string[]) {
        await client.groups.remove(name);
        context.print(`group ${name} removed`);
      }
  }
}
