// `mflow user ...`: users and their roles.

import type { UserBody } from "@mflow/core/schema/account";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { addressText } from "./kind-columns.ts";
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
    case "address":
      return setAddress(context, client, call);
    case "language":
      return setLanguage(context, client, call);
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

async function setAddress(
  context: Context,
  client: Client,
  { args, options }: CommandCall,
): Promise<undefined> {
  const [name, channel, address] = args as [string, string, string?];
  const { remove } = options as { remove?: boolean };
  if (remove && address !== undefined) throw new UsageError("--remove takes no address");
  if (!remove && address === undefined)
    throw new UsageError("an address is missing", "Give it, or take theirs away with --remove.");
  const user = await client.users.patch(name, { addresses: { [channel]: address ?? null } });
  if (context.documentFormat) return context.printDocument(user);
  context.print(`user ${user.name}: ${addressText(user) || "no addresses"}`);
}

async function setLanguage(context: Context, client: Client, { args }: CommandCall): Promise<undefined> {
  const [name, language] = args as [string, "en" | "zh"];
  const user = await client.users.patch(name, { language });
  if (context.documentFormat) return context.printDocument(user);
  context.print(`user ${user.name}: messages in ${user.language}`);
}

function describeUser(user: UserBody): string {
  return `user ${user.name}: ${user.grants.map(grantText).join(", ") || "no roles"}`;
}
