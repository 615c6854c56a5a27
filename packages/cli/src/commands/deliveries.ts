// `mflow deliveries ...`: what was sent to whom, how it went, and what an operator does about it.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Delivery, DeliveryListQuery, DeliveryState, DeliveryTarget } from "@mflow/core/schema/delivery";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import { plainLine } from "../display/width.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { printTable } from "./print-table.ts";
import { sayMore } from "./say-more.ts";

export async function run(context: Context, call: CommandCall): Promise<number | undefined> {
  const { client } = await context.connect();
  const { args, command, options } = call;
  switch (command.name()) {
    case "list":
      return list(context, client, options);
    case "get":
      return show(context, await client.deliveries.get(args[0] as string));
    case "resend":
      return resend(context, client, args[0] as string[], options.target as string | undefined);
    case "targets":
      return targets(context, (await client.deliveries.targets()).items);
    default: {
      const isPause = command.name() === "pause";
      const target = await client.deliveries.pause(args[0] as string, isPause);
      if (context.documentFormat) return context.printDocument(target);
      const waits = target.pending === 1 ? "1 message waits" : `${target.pending} messages wait`;
      return context.print(`${target.target} is ${isPause ? "paused" : "resumed"}; ${waits}`);
    }
  }
}

interface ListOptions {
  state?: string[];
  target?: string;
  run?: string;
  task?: string;
  limit?: number;
  cursor?: string;
  all?: boolean;
}

async function list(context: Context, client: Client, options: object): Promise<undefined> {
  const { state, target, run, task, limit, cursor, all } = options as ListOptions;
  const query: DeliveryListQuery = {
    ...context.scope,
    // The server says which states there are.
    ...(state && { state: state.map((word) => word.toUpperCase()) as DeliveryState[] }),
    ...(target !== undefined && { target }),
    ...(run !== undefined && { pipelineTaskId: run }),
    ...(task !== undefined && { taskId: task }),
    ...(limit !== undefined && { limit }),
  };
  const page = all
    ? await everything(client, query)
    : await client.deliveries.list({ ...query, ...(cursor !== undefined && { cursor }) });
  if (context.documentFormat) return context.printDocument(page);
  if (page.items.length === 0) return context.note("no deliveries");
  printTable(context, DELIVERY_COLUMNS, page.items);
  if (page.nextCursor !== undefined) sayMore(context, `--cursor ${page.nextCursor}`, limit);
}

async function everything(client: Client, query: DeliveryListQuery): Promise<ApiPage<Delivery>> {
  const items: Delivery[] = [];
  const pages = eachItem((cursor) =>
    client.deliveries.list({ ...query, ...(cursor !== undefined && { cursor }) }),
  );
  for await (const delivery of pages) items.push(delivery);
  return { items };
}

const DELIVERY_COLUMNS: Column<Delivery>[] = [
  { title: "ID", value: (delivery) => delivery.id },
  {
    title: "EVENT",
    value: ({ action, event }) => (action === "UPDATE" ? `update ${event}` : event),
    shrinksTo: 8,
  },
  {
    title: "TO",
    value: ({ user, target }) => (user === undefined ? target : `${user} (${target})`),
    shrinksTo: 8,
  },
  { title: "STATE", value: (delivery) => delivery.state },
  { title: "TRIES", value: (delivery) => String(delivery.tries) },
  { title: "AT", value: (delivery) => delivery.createdAt, wide: true },
  { title: "LISTENER", value: (delivery) => delivery.listener, wide: true },
  { title: "RUN", value: ({ pipelineTaskId, taskId }) => pipelineTaskId ?? taskId ?? "", wide: true },
  { title: "ERROR", value: (delivery) => delivery.error ?? "", wide: true, shrinksTo: 12 },
];

const TARGET_COLUMNS: Column<DeliveryTarget>[] = [
  { title: "TARGET", value: (target) => target.target, shrinksTo: 16 },
  { title: "KIND", value: (target) => target.kind },
  { title: "PENDING", value: (target) => String(target.pending) },
  { title: "DEAD", value: (target) => String(target.dead) },
  { title: "STATE", value: stateOf, shrinksTo: 12 },
];

function stateOf({ pausedAt, pausedBy, openUntil }: DeliveryTarget): string {
  if (pausedAt !== undefined) return `paused by ${pausedBy ?? "somebody"} at ${pausedAt}`;
  return openUntil === undefined ? "ok" : `fails; tried again at ${openUntil}`;
}

async function targets(context: Context, items: DeliveryTarget[]): Promise<undefined> {
  if (context.documentFormat) return context.printDocument({ items });
  if (items.length === 0)
    return context.note("no target has messages that wait or were given up, fails or is paused");
  printTable(context, TARGET_COLUMNS, items);
}

async function show(context: Context, delivery: Delivery): Promise<undefined> {
  if (context.documentFormat) return context.printDocument(delivery);
  const facts: [string, string | undefined][] = [
    ["Delivery", delivery.id],
    ["Message", delivery.messageId],
    ["Event", delivery.event],
    ["State", [delivery.state, delivery.error].filter(Boolean).join(": ")],
    ["Target", delivery.target],
    ["User", delivery.user],
    ["Listener", delivery.listener],
    ["Run", delivery.pipelineTaskId],
    ["Task", delivery.taskId],
    ["Created", delivery.createdAt],
    ["Next try", delivery.nextTryAt],
    ["Ended", delivery.endedAt],
  ];
  // What a receiver answered is a stranger's: no control character of it reaches the terminal.
  for (const [label, value] of facts) {
    if (value !== undefined) context.print(`${label.padEnd(10)}${plainLine(value)}`);
  }
  for (const { number, at, durationMs, status, error, response } of delivery.attempts ?? []) {
    const how = error ?? "taken";
    const code = status === undefined ? "" : `, status ${status}`;
    context.print(`  ${number}. ${at}  ${Math.round(durationMs)} ms${code}: ${plainLine(how)}`);
    if (response) context.print(context.style.tone("quiet", `     ${plainLine(response)}`));
  }
}

async function resend(
  context: Context,
  client: Client,
  ids: string[],
  target: string | undefined,
): Promise<number | undefined> {
  if ((ids.length === 0) === (target === undefined)) {
    throw new UsageError(
      "Say what is sent again.",
      "Give ids of dead deliveries, or --target for all of one.",
    );
  }
  let resent = 0;
  if (target !== undefined) resent = (await client.deliveries.resendAll(target)).resent;
  else for (const id of ids) resent += (await client.deliveries.resend(id)).resent;
  if (context.documentFormat) return context.printDocument({ resent });
  context.print(resent === 1 ? "1 delivery is sent again" : `${resent} deliveries are sent again`);
  return resent === 0 ? EXIT.failed : EXIT.ok;
}
