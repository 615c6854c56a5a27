// `mflow watch`: watches a run that was started before.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { watch } from "../watch/watch.ts";

export async function run(context: Context, { args }: CommandCall): Promise<number> {
  const [id] = args as [string];
  return watch(context, await context.connect(), id);
}
