// `mflow cancel`: cancels runs and tasks.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { isRunId } from "../watch/follow-run.ts";

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [ids] = args as [string[]];
  const { message } = options as { message?: string };
  const request = message === undefined ? {} : { message };
  const { client } = await context.connect();
  const canceled: unknown[] = [];
  for (const id of ids) {
    const record = isRunId(id)
      ? await client.runs.cancel(id, request)
      : await client.tasks.cancel(id, request);
    canceled.push(record);
    if (!context.documentFormat) context.print(`${id} ${record.name} ${record.status.stage}`);
  }
  if (context.documentFormat) await context.printDocument(canceled.length === 1 ? canceled[0] : canceled);
}
