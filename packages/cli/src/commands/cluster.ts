// `mflow cluster ...`: the clusters that tasks run on, for admins.

import { mustNameCluster } from "@mflow/core/default-cluster";
import type { Cluster, ClusterSpec } from "@mflow/core/schema/cluster";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import { plainLine, wrap } from "../display/width.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { type CheckOptions, printCheck, textWidth } from "./cluster-check.ts";
import { NO_BREAK, settingsText, withClusterSettings } from "./cluster-settings.ts";
import { printTable } from "./print-table.ts";

export async function run(context: Context, call: CommandCall): Promise<number | undefined> {
  const { args, command, options } = call;
  if (command.name() === "add") return add(context, call);
  const { client } = await context.connect();
  switch (command.name()) {
    case "set": {
      const [name, settings] = args as [string, string[]];
      const { spec, revision } = await client.clusters.get(name);
      const changed = await withClusterSettings(context, spec, settings, name);
      return show(context, await client.clusters.put(name, changed, { revision }));
    }
    case "list":
      return list(context, (await client.clusters.list()).items);
    case "get":
      return show(context, await client.clusters.get(args[0] as string));
    case "delete":
      return remove(context, client, args[0] as string[], options.force === true);
    default: {
      const name = args[0] as string;
      const { namespace } = options as CheckOptions;
      const check = await client.clusters.check(name, namespace === undefined ? {} : { namespace });
      return printCheck(context, name, check, options as CheckOptions);
    }
  }
}

interface AddOptions {
  kubeconfig?: string;
  context?: string;
  inCluster?: boolean;
  server?: string;
  accountToken?: string;
  ca?: string;
  namespace?: string;
  allowNamespace?: string[];
  scope?: string[];
  maxTasks?: string;
  createRate?: string;
  set?: string[];
}

/** Everything that is read on this machine is read, and refused, before the server is asked. */
async function add(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [name] = args as [string];
  const settings = settingsOf(options as AddOptions);
  const spec: ClusterSpec = await withClusterSettings(context, {}, settings, name);
  const { client } = await context.connect();
  const cluster = await client.clusters.put(name, spec, { revision: 0 });
  await show(context, cluster);
  const { items } = await client.clusters.list();
  const warning = mustNameCluster(items.map((one) => one.name));
  if (warning !== undefined) context.note(warning);
}

/** The options of `add` as settings. */
function settingsOf(options: AddOptions): string[] {
  const { kubeconfig, inCluster, server, accountToken, ca } = options;
  if (kubeconfig === undefined && !inCluster && server === undefined) {
    throw new UsageError(
      "nothing says how the cluster is reached",
      "Give --kubeconfig FILE, --in-cluster, or --server URL with --account-token @FILE.",
    );
  }
  if (server !== undefined && accountToken === undefined) {
    throw new UsageError(
      "--server needs the token of a service account",
      "Give it with --account-token @FILE; --token is the one for mflow itself.",
    );
  }
  const pairs: [string, string | undefined][] = [
    ["kubeconfig", kubeconfig && `@${kubeconfig}`],
    ["context", options.context],
    ["inCluster", inCluster ? "true" : undefined],
    ["server", server],
    ["token", accountToken],
    ["certificateAuthority", ca && `@${ca}`],
    ["defaultNamespace", options.namespace],
    ["allowedNamespaces", options.allowNamespace?.join(",")],
    ["scopes", options.scope?.join(",")],
    ["maxTasks", options.maxTasks],
    ["createRate", options.createRate],
  ];
  const given = pairs.flatMap(([key, value]) => (value === undefined ? [] : `${key}=${value}`));
  return [...given, ...(options.set ?? [])];
}

async function remove(context: Context, client: Client, names: string[], force: boolean): Promise<undefined> {
  for (const name of names) {
    await client.clusters.remove(name, force ? { force } : {});
    context.print(`cluster ${name} deleted`);
  }
}

const COLUMNS: Column<Cluster>[] = [
  { title: "NAME", value: ({ name }) => name, shrinksTo: 12 },
  { title: "REACHED BY", value: ({ spec }) => accessText(spec), shrinksTo: 20 },
  { title: "NAMESPACES", value: ({ spec }) => namespacesText(spec), shrinksTo: 12 },
  { title: "TASKS", value: ({ spec }) => String(spec.maxTasks ?? "default") },
  { title: "CHANGED", value: ({ updatedAt }) => updatedAt, wide: true },
  { title: "BY", value: ({ createdBy }) => createdBy, wide: true },
];

function accessText({ inCluster, server, context }: ClusterSpec): string {
  if (inCluster) return "service account of the server";
  if (server !== undefined) return `token at ${server}`;
  return context === undefined ? "kubeconfig" : `kubeconfig, ${context}`;
}

function namespacesText({ defaultNamespace = "default", allowedNamespaces = [] }: ClusterSpec): string {
  return [...new Set([defaultNamespace, ...allowedNamespaces])].join(", ");
}

async function list(context: Context, items: Cluster[]): Promise<undefined> {
  if (context.documentFormat) return context.printDocument({ items });
  if (items.length === 0) return context.note("no clusters; set one up with `mflow cluster add`");
  return printTable(context, COLUMNS, items);
}

const INDENT = "  ";

async function show(context: Context, cluster: Cluster): Promise<undefined> {
  if (context.documentFormat) return context.printDocument(cluster);
  const text = `cluster ${cluster.name}: ${plainLine(settingsText(cluster.spec))}`;
  const lines = wrap(text, textWidth(context) - INDENT.length).map((line) => line.replaceAll(NO_BREAK, " "));
  const [first = "", ...more] = lines;
  context.print(first);
  for (const line of more) context.print(INDENT + line);
}
