// `mflow why`: why a run or task waits.

import { MflowError } from "@mflow/core/errors";
import type { Why } from "@mflow/core/schema/why";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { isRunId } from "../watch/follow-run.ts";
import { whyLines } from "./why-lines.ts";

export async function run(context: Context, { args }: CommandCall): Promise<undefined> {
  const [name] = args as [string];
  const { client } = await context.connect();
  const all = await whysOf(client, name, context);
  if (context.documentFormat) return context.printDocument(all.length === 1 ? all[0] : all);
  const { stdout } = context.io;
  const columns = (stdout.isTTY ? stdout.columns : undefined) ?? 80;
  for (const [index, why] of all.entries()) {
    if (index > 0) context.print("");
    for (const line of whyLines(why, { style: context.style, columns })) context.print(line);
  }
}

/** Of one run or task by its id, else of all unfinished runs of the pipeline of that name. */
async function whysOf(client: Client, name: string, { scope }: Context): Promise<Why[]> {
  if (isRunId(name)) return [await client.runs.why(name)];
  if (name.startsWith("task-")) return [await client.tasks.why(name)];
  const stage = ["PENDING", "ACTIVE", "CANCELING"] as const;
  const { items } = await client.runs.list({ ...scope, pipeline: name, stage: [...stage] });
  if (items.length === 0) {
    throw new MflowError(
      "NOT_FOUND",
      `no run of a pipeline \`${name}\` is unfinished, and it is no id of a run or task`,
    );
  }
  return Promise.all(items.map(({ id }) => client.runs.why(id)));
}
