// `mflow cancel`: cancels runs, stages of them, and tasks.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { isRunId } from "../watch/follow-run.ts";

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [ids] = args as [string[]];
  const { message, force, stage } = options as { message?: string; force?: boolean; stage?: string };
  const request = { ...(message !== undefined && { message }), ...(force && { force }) };
  const task = ids.find((id) => !isRunId(id));
  if (stage !== undefined && task !== undefined) {
    throw new UsageError(`--stage is of a run, and ${task} is a task`, "Leave one of them out.");
  }
  const { client } = await context.connect();
  const canceled: unknown[] = [];
  for (const id of ids) {
    const record = isRunId(id)
      ? await client.runs.cancel(id, { ...request, ...(stage !== undefined && { stage }) })
      : await client.tasks.cancel(id, request);
    canceled.push(record);
    if (!context.documentFormat) context.print(`${id} ${record.name} ${record.status.stage}`);
  }
  if (context.documentFormat) await context.printDocument(canceled.length === 1 ? canceled[0] : canceled);
}
