// `mflow cleanup`: deletes the ended runs that retention lets go, or says which they are.

import type { CleanupRequest, SurplusRun } from "@mflow/core/schema/retention";
import type { Context } from "../context.ts";
import type { Column } from "../display/table.ts";
import type { CommandCall } from "../program.ts";
import { askYes } from "./ask-yes.ts";
import { printTable } from "./print-table.ts";

interface CleanupOptions {
  pipeline?: string;
  job?: string;
  maxAge?: string;
  maxRuns?: number;
  dryRun?: boolean;
  yes?: boolean;
}

const columns: Column<SurplusRun>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "OF", value: ({ name }) => name, shrinksTo: 12 },
  { title: "ENDED", value: ({ endedAt }) => endedAt },
  { title: "SUCCEEDED", value: ({ succeeded }) => (succeeded ? "yes" : "no") },
  { title: "RULE", value: ({ because }) => because },
];

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const { dryRun, yes, pipeline, job, maxAge, maxRuns } = call.options as CleanupOptions;
  const isOther = maxAge !== undefined || maxRuns !== undefined;
  const request: CleanupRequest = {
    ...(pipeline !== undefined && { pipeline }),
    ...(job !== undefined && { job }),
    ...(isOther && {
      retention: { ...(maxAge !== undefined && { maxAge }), ...(maxRuns !== undefined && { maxRuns }) },
    }),
  };
  const { client } = await context.connect();
  if (dryRun || !yes) {
    const found = await client.cleanUp({ ...request, dryRun: true }, context.scope);
    if (dryRun && context.documentFormat) return context.printDocument(found);
    if (found.items.length === 0) return context.note("there is nothing to delete");
    const counted = `${found.hasMore ? "more than " : ""}${countOf(found.items.length)}`;
    if (!context.documentFormat) printTable(context, columns, found.items);
    if (dryRun) return context.note(`${counted} would be deleted`);
    if (!(await askYes(context, `Delete ${counted}?`))) return context.note("nothing was deleted");
  }
  const items: SurplusRun[] = [];
  for (let hasMore = true; hasMore; ) {
    const gone = await client.cleanUp(request, context.scope);
    items.push(...gone.items);
    hasMore = gone.hasMore;
  }
  if (context.documentFormat) return context.printDocument({ items });
  return context.print(`${countOf(items.length)} deleted`);
}

function countOf(count: number): string {
  return `${count} run${count === 1 ? "" : "s"}`;
}
