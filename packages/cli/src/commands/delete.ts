// `mflow delete`: deletes DRAFT jobs, pipelines, schedules, and runs and tasks that have ended.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { kindOf } from "./kind-names.ts";

export async function run(context: Context, { args }: CommandCall): Promise<undefined> {
  const [word, names] = args as [string, string[]];
  const { client } = await context.connect();
  const kind = kindOf(word);
  for (const name of names) {
    if (kind === "job") await client.jobs.remove(name, context.scope);
    else if (kind === "pipeline") await client.pipelines.remove(name, context.scope);
    else if (kind === "schedule") await client.schedules.remove(name, context.scope);
    else if (kind === "run") await client.runs.remove(name);
    else await client.tasks.remove(name);
    if (!context.documentFormat) context.print(`${kind} ${name} deleted`);
  }
  if (context.documentFormat) await context.printDocument({ deleted: names });
}
