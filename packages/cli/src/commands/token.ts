// `mflow token ...`: tokens to call the API with.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { printList } from "./print-list.ts";
import { showToken } from "./show-token.ts";

export async function run(context: Context, { args, options, command }: CommandCall): Promise<undefined> {
  const { user, expires } = options as { user?: string; expires?: string };
  const { client } = await context.connect();
  switch (command.name()) {
    case "create": {
      const token = await client.tokens.create({
        name: args[0] as string,
        ...(user !== undefined && { user }),
        ...(expires !== undefined && { expiresIn: expires }),
      });
      if (context.documentFormat) return context.printDocument(token);
      return showToken(context, token);
    }
    case "list":
      return printList(context, "token", await client.tokens.list(user === undefined ? {} : { user }));
    default:
      for (const id of args[0] as string[]) {
        await client.tokens.remove(id);
        context.print(`token ${id} revoked`);
      }
  }
}
