// `mflow why`: why a run or task waits.

import { MflowError } from "@mflow/core/errors";
import type { Why } from "@mflow/core/schema/why";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { isRunId } from "../watch/follow-run.ts";
import { whyLines } from "./why-lines.ts";

export async function run(context: Context, { args }: CommandCall): Promise<undefined> {
  const [name] = args as [string];
  const { client } = await context.connect();
  const isId = isRunId(name) || name.startsWith("task-");
  const all = isId ? [await whyOf(client, name)] : await whysOfPipeline(client, name, context);
  if (context.documentFormat) return context.printDocument(isId ? all[0] : { items: all });
  const { stdout } = context.io;
  const columns = (stdout.isTTY ? stdout.columns : undefined) ?? 80;
  for (const [index, why] of all.entries()) {
    if (index > 0) context.print("");
    for (const line of whyLines(why, { style: context.style, columns })) context.print(line);
  }
}

function whyOf(client: Client, id: string): Promise<Why> {
  return isRunId(id) ? client.runs.why(id) : client.tasks.why(id);
}

/** Of all unfinished runs of the pipeline, however many wait in line. */
async function whysOfPipeline(client: Client, pipeline: string, { scope }: Context): Promise<Why[]> {
  const stage = ["PENDING", "ACTIVE", "CANCELING"] as const;
  const runs = eachItem((cursor) =>
    client.runs.list({ ...scope, pipeline, stage: [...stage], limit: 500, cursor }),
  );
  const all: Why[] = [];
  for await (const { id } of runs) all.push(await client.runs.why(id));
  if (all.length > 0) return all;
  throw new MflowError(
    "NOT_FOUND",
    `no run of a pipeline \`${pipeline}\` is unfinished, and it is no id of a run or task`,
  );
}
