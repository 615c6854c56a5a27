// `mflow evidence`: what somebody who decides a gate has to see.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { evidenceLines } from "../view/evidence-lines.ts";

const COLUMNS = 80;

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [id] = args as [string];
  const { gate } = options as { gate?: "audit" | "confirm" };
  const { client } = await context.connect();
  const query =
    gate === undefined ? {} : { gate: gate === "audit" ? ("AUDIT" as const) : ("CONFIRM" as const) };
  const evidence = await client.tasks.evidence(id, query);
  if (context.documentFormat) return context.printDocument(evidence);
  const { style, command, io } = context;
  const columns = io.stdout.isTTY ? Math.max(40, io.stdout.columns) : COLUMNS;
  for (const line of evidenceLines(evidence, { style, command, columns })) context.print(line);
}
