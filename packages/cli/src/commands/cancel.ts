// `mflow cancel`: cancels runs, stages of them, and tasks.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { isRunId } from "../watch/follow-run.ts";

interface CancelOptions {
  message?: string;
  force?: boolean;
  stage?: string;
  queue?: string;
}

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [ids = []] = args as [string[] | undefined];
  const { message, force, stage, queue } = options as CancelOptions;
  if (ids.length === 0 && queue === undefined) {
    throw new UsageError("nothing says what to cancel", "Name runs or tasks, or a pipeline with --queue.");
  }
  const request = { ...(message !== undefined && { message }), ...(force && { force }) };
  const name = ids.find((id) => !isRunId(id) && !id.startsWith("task-"));
  if (name !== undefined) {
    throw new UsageError(
      `\`${name}\` is no id of a run or task`,
      `See \`mflow get runs --pipeline ${name}\`; runs of it that wait in line are canceled with \`mflow cancel --queue ${name}\`.`,
    );
  }
  const task = ids.find((id) => !isRunId(id));
  if (stage !== undefined && task !== undefined) {
    throw new UsageError(`--stage is of a run, and ${task} is a task`, "Leave one of them out.");
  }
  const { client } = await context.connect();
  const canceled: unknown[] = [];
  if (queue !== undefined) {
    const { items } = await client.pipelines.cancelQueue(queue, request, context.scope);
    canceled.push(...items);
    if (items.length === 0) context.note(`no run of ${queue} waits in line`);
    for (const { id, name, status } of items) {
      if (!context.documentFormat) context.print(`${id} ${name} ${status.stage}`);
    }
  }
  for (const id of ids) {
    const record = isRunId(id)
      ? await client.runs.cancel(id, { ...request, ...(stage !== undefined && { stage }) })
      : await client.tasks.cancel(id, request);
    canceled.push(record);
    if (!context.documentFormat) context.print(`${id} ${record.name} ${record.status.stage}`);
  }
  // How many wait in line nobody knows beforehand, so a line is always a list.
  const isRecord = queue === undefined && canceled.length === 1;
  if (context.documentFormat) await context.printDocument(isRecord ? canceled[0] : { items: canceled });
}
