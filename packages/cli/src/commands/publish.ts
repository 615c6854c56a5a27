// `mflow publish` and `mflow deprecate`: moves a job's version on.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";

export async function run(context: Context, { args, command }: CommandCall): Promise<undefined> {
  const [ref] = args as [string];
  const verb = command.name() as "publish" | "deprecate";
  const { client } = await context.connect();
  const job = await client.jobs[verb](ref, context.scope);
  if (context.documentFormat) return context.printDocument(job);
  context.print(`job ${job.name}:${job.version} ${job.stage}`);
}
