// `mflow channel ...`: the ways out of the server, for admins.

import type { Channel, ChannelSpec } from "@mflow/core/schema/channel";
import type { ChannelTest } from "@mflow/core/schema/delivery";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import { plainLine } from "../display/width.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall } from "../program.ts";
import { withSettings } from "./channel-settings.ts";
import { printTable } from "./print-table.ts";
import { readValue } from "./read-value.ts";

export async function run(context: Context, call: CommandCall): Promise<number | undefined> {
  const { client } = await context.connect();
  const { args, command } = call;
  switch (command.name()) {
    case "add":
      return add(context, client, call);
    case "set": {
      const [name, settings] = args as [string, string[]];
      const { spec, revision } = await client.channels.get(name);
      const changed = await withSettings({ ...spec }, settings, (text) => readValue(context, text));
      return show(context, await client.channels.put(name, changed as ChannelSpec, { revision }));
    }
    case "list":
      return list(context, (await client.channels.list()).items);
    case "get":
      return show(context, await client.channels.get(args[0] as string));
    case "delete":
      for (const name of args[0] as string[]) {
        await client.channels.remove(name);
        context.print(`channel ${name} deleted`);
      }
      return;
    default: {
      const { user } = call.options as { user?: string };
      const request = user === undefined ? {} : { user };
      return tested(context, args[0] as string, await client.channels.test(args[0] as string, request));
    }
  }
}

async function add(context: Context, client: Client, { args, options }: CommandCall): Promise<undefined> {
  const [name] = args as [string];
  const { kind, webhookUrl, secret, set } = options as {
    kind: string;
    webhookUrl?: string;
    secret?: string;
    set?: string[];
  };
  const given = [
    ...(webhookUrl === undefined ? [] : [`url=${webhookUrl}`]),
    ...(secret === undefined ? [] : [`secret=${secret}`]),
    ...(set ?? []),
  ];
  const spec = await withSettings({ kind }, given, (text) => readValue(context, text));
  return show(context, await client.channels.put(name, spec as ChannelSpec, { revision: 0 }));
}

const COLUMNS: Column<Channel>[] = [
  { title: "NAME", value: (channel) => channel.name, shrinksTo: 12 },
  { title: "KIND", value: ({ spec }) => spec.kind },
  { title: "SETTINGS", value: (channel) => settingsText(channel), shrinksTo: 16 },
  { title: "CHANGED", value: (channel) => channel.updatedAt, wide: true },
  { title: "BY", value: (channel) => channel.createdBy, wide: true },
];

async function list(context: Context, items: Channel[]): Promise<undefined> {
  if (context.documentFormat) return context.printDocument({ items });
  if (items.length === 0) return context.note("no channels; set one up with `mflow channel add`");
  return printTable(context, COLUMNS, items);
}

async function show(context: Context, channel: Channel): Promise<undefined> {
  if (context.documentFormat) return context.printDocument(channel);
  const settings = plainLine(settingsText(channel));
  context.print(`channel ${channel.name}: ${channel.spec.kind} ${settings}`.trimEnd());
}

function settingsText({ spec: { kind: _, ...settings } }: Channel): string {
  return Object.entries(settings)
    .flatMap(([key, value]) =>
      typeof value === "object"
        ? Object.entries(value).map(([name, text]) => `${key}.${name}=${text}`)
        : [`${key}=${value}`],
    )
    .join(" ");
}

async function tested(context: Context, name: string, test: ChannelTest): Promise<number> {
  const code = test.delivered ? EXIT.ok : EXIT.failed;
  if (context.documentFormat) {
    await context.printDocument(test);
    return code;
  }
  const took = `${Math.round(test.durationMs)} ms`;
  const status = test.status === undefined ? "" : `, status ${test.status}`;
  if (test.delivered) context.print(`channel ${name} took the test message (${took}${status})`);
  // The error may repeat what the receiver answered: no control character of it reaches the terminal.
  else {
    const why = plainLine(test.error ?? "it did not say why");
    context.print(`channel ${name} did not take the test message (${took}${status}): ${why}`);
  }
  if (test.response) context.note(`it answered: ${test.response}`);
  return code;
}
