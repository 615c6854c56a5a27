// `mflow user ...`: users and their roles.

import type { UserBody } from "@mflow/core/schema/account";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { printList } from "./print-list.ts";
import { grantText, parseGrant } from "./roles.ts";
import { showToken } from "./show-token.ts";

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const { client } = await context.connect();
  switch (call.command.name()) {
    case "add":
      return add(context, client, call);
    case "list":
      return printList(context, "user", await client.users.list());
    case "remove":
      for (const name of call.args[0] as string[]) {
        await client.users.remove(name);
        context.print(`user ${name} removed`);
      }
      return;
    default:
      return grant(context, client, call);
  }
}

async function add(context: Context, client: Client, { args, options }: CommandCall): Promise<undefined> {
  const [name] = args as [string];
  const { displayName, role, withToken } = options as {
    displayName?: string;
    role?: string[];
    withToken?: string;
  };
  const { user, token } = await client.users.create({
    name,
    ...(displayName !== undefined && { displayName }),
    ...(role && { grants: role.map(parseGrant) }),
    ...(withToken !== undefined && { token: withToken }),
  });
  if (context.documentFormat) return context.printDocument({ user, token });
  if (!token) return context.print(describeUser(user));
  context.note(describeUser(user));
  if (withToken === undefined)
    context.note("The first user's token replaces the local one, which no longer serves.");
  showToken(context, token);
}

async function grant(context: Context, client: Client, { args }: CommandCall): Promise<undefined> {
  const [name, roles] = args as [string, string[]];
  const user = await client.users.setGrants(name, roles.map(parseGrant));
  if (context.documentFormat) return context.printDocument(user);
  context.print(describeUser(user));
}

function describeUser(user: UserBody): string {
  return `user ${user.name}: ${user.grants.map(grantText).join(", ") || "no roles"}`;
}
