// `mflow get`: lists records of a kind, or shows some by name.

import type { ApiPage } from "@mflow/core/schema/api";
import type { JobStage } from "@mflow/core/schema/job";
import type { TaskStage } from "@mflow/core/schema/job-task";
import type { RunStage } from "@mflow/core/schema/pipeline-task";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import type { RecordOf } from "./kind-columns.ts";
import { type KindName, kindOf } from "./kind-names.ts";
import { printList } from "./print-list.ts";
import { parseLabels } from "./run-values.ts";
import { pastTime } from "./when.ts";

interface GetOptions {
  stage?: string[];
  label?: string[];
  text?: string;
  pipeline?: string;
  job?: string;
  run?: string;
  since?: string;
  until?: string;
  limit?: number;
  cursor?: string;
  all?: boolean;
  resolved?: boolean;
}

/** Options that only some kinds know. */
const OWN_OPTIONS: Partial<Record<keyof GetOptions, readonly KindName[]>> = {
  stage: ["job", "run", "task"],
  pipeline: ["run"],
  job: ["task"],
  run: ["task"],
};
const LISTED: readonly KindName[] = ["job", "pipeline", "schedule", "run", "task"];

/** Pages of this size, when all are wanted. */
const WHOLE_PAGE = 500;

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const [word, names] = call.args as [string, string[]];
  const kind = kindOf(word);
  const options = call.options as GetOptions;
  refuseForeign(kind, options);
  if (options.resolved && (kind !== "pipeline" || names.length === 0)) {
    throw new UsageError(
      "--resolved is for pipelines that are named",
      "Write `get pipeline NAME --resolved`.",
    );
  }
  const { client } = await context.connect();
  if (names.length > 0) return printNamed(context, client, kind, names, options.resolved);
  const list = (cursor: string | undefined) => listPage(client, kind, query(context, options, cursor));
  if (!options.all) return printList(context, kind, await list(options.cursor), options.limit);
  const items: RecordOf<KindName>[] = [];
  for await (const item of eachItem(list)) items.push(item);
  return printList(context, kind, { items } as ApiPage<RecordOf<KindName>>);
}

function refuseForeign(kind: KindName, options: GetOptions): void {
  for (const [name, kinds] of Object.entries(OWN_OPTIONS)) {
    if (options[name as keyof GetOptions] !== undefined && !kinds.includes(kind)) {
      throw new UsageError(
        `--${name} does not filter ${kind}s`,
        `It filters ${kinds.map((one) => `${one}s`).join(", ")}.`,
      );
    }
  }
  if (LISTED.includes(kind)) return;
  const given = (["label", "text", "since", "until", "limit", "cursor"] as const).find(
    (name) => options[name],
  );
  if (given) throw new UsageError(`--${given} does not filter ${kind}s`, "Their list is always whole.");
}

function query({ scope }: Context, options: GetOptions, cursor: string | undefined) {
  const { stage, label, text, since, until, all } = options;
  const now = Date.now();
  // Written the same way as when they are given to a run.
  const labels = label && Object.entries(parseLabels(label)).map(([key, value]) => `${key}=${value}`);
  return {
    ...scope,
    stage: stage?.map((one) => one.toUpperCase()),
    label: labels,
    text,
    pipeline: options.pipeline,
    job: options.job,
    pipelineTaskId: options.run,
    createdFrom: since && pastTime(since, now),
    createdTo: until && pastTime(until, now),
    limit: options.limit ?? (all ? WHOLE_PAGE : undefined),
    cursor,
  };
}

function listPage(
  client: Client,
  kind: KindName,
  given: ReturnType<typeof query>,
): Promise<ApiPage<RecordOf<KindName>>> {
  // Stages as they were typed: the server refuses one that it does not know, with the list of those that there are.
  const { stage, pipeline, job, pipelineTaskId, ...common } = given;
  switch (kind) {
    case "job":
      return client.jobs.list({ ...common, stage: stage as JobStage[] });
    case "pipeline":
      return client.pipelines.list(common);
    case "schedule":
      return client.schedules.list(common);
    case "run":
      return client.runs.list({ ...common, stage: stage as RunStage[], pipeline });
    case "task":
      return client.tasks.list({ ...common, stage: stage as TaskStage[], job, pipelineTaskId });
    case "user":
      return client.users.list();
    case "group":
      return client.groups.list();
    case "token":
      return client.tokens.list();
  }
}

async function printNamed(
  context: Context,
  client: Client,
  kind: KindName,
  names: readonly string[],
  resolved = false,
): Promise<undefined> {
  const items: RecordOf<KindName>[] = [];
  for (const name of names) items.push(await getNamed(context, client, kind, name, resolved));
  // A table shows little of a pipeline: who asks for the whole wants to read it.
  if (resolved)
    return context.printDocument(items.length === 1 ? items[0] : { items }, context.documentFormat ?? "yaml");
  if (context.documentFormat) return context.printDocument(items.length === 1 ? items[0] : { items });
  return printList(context, kind, { items } as ApiPage<RecordOf<KindName>>);
}

async function getNamed(
  { scope }: Context,
  client: Client,
  kind: KindName,
  name: string,
  resolved: boolean,
): Promise<RecordOf<KindName>> {
  switch (kind) {
    case "job":
      return client.jobs.get(name, scope);
    case "pipeline":
      return client.pipelines.get(name, { ...scope, ...(resolved && { resolved }) });
    case "schedule":
      return client.schedules.get(name, scope);
    case "run":
      return (await client.runs.get(name)).run;
    case "task":
      return client.tasks.get(name);
    default: {
      const { items } = await listPage(client, kind, {} as ReturnType<typeof query>);
      const found = items.find((item) => [("id" in item && item.id) || "", item.name].includes(name));
      if (!found) throw new UsageError(`there is no ${kind} \`${name}\``);
      return found;
    }
  }
}
