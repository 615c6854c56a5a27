// What follows a rerun and a rollback: their dry run is shown, else the new run is watched or left.

import type { AgainTask, RenderedTaskBody, RunPipelineResponse } from "@mflow/core/schema/api";
import type { Connection } from "../connect.ts";
import type { Context } from "../context.ts";
import { type Column, tableLines } from "../display/table.ts";
import { EXIT } from "../exit-code.ts";
import { UsageError } from "../usage-error.ts";
import { pathOf } from "../view/watched.ts";
import { watch } from "../watch/watch.ts";
import { shownTasks } from "./rendered-tasks.ts";
import type { ServerFlagOptions } from "./server-flags.ts";

export interface MadeRunOptions extends ServerFlagOptions {
  param?: string[];
  queue?: boolean;
  detach?: boolean;
  dryRun?: boolean;
  idempotencyKey?: string;
}

/** Answers with the exit code. */
export async function showMadeRun(
  context: Context,
  connection: Connection,
  response: RunPipelineResponse,
  { dryRun, detach }: MadeRunOptions,
): Promise<number> {
  const { run, again = [], rendered = [], repeated, warnings = [] } = response;
  if (repeated) context.note(`this request was made before; its run is ${run.id}`);
  for (const warning of warnings) context.note(warning);
  if (dryRun) {
    if (context.documentFormat) {
      await context.printDocument({ again, rendered: shownTasks(rendered) });
      return EXIT.ok;
    }
    const isRollback = run.mode === "ROLLBACK" && !run.rerunOf;
    for (const line of dryRunLines(again, isRollback ? rendered : [], columnsOf(context)))
      context.print(line);
    return EXIT.ok;
  }
  // A live view says it itself, and as it changes.
  const isShown = !detach && context.io.stdout.isTTY;
  if (run.waitingFor !== undefined && !isShown) context.note(`${run.id} ${run.waitingFor}`);
  if (detach) {
    if (context.documentFormat) await context.printDocument(response);
    else context.print(run.id);
    return EXIT.ok;
  }
  const kept = again.filter(({ does }) => does === "KEEP").length;
  if (kept > 0)
    context.note(`${kept} of ${again.length} tasks are kept, as they ended in ${run.rerunOf?.runId}`);
  return watch(context, connection, run.id);
}

function columnsOf({ io }: Context): number {
  return (io.stdout.isTTY ? io.stdout.columns : undefined) ?? 100;
}

const taskColumns: Column<AgainTask>[] = [
  { title: "TASK", value: pathOf },
  { title: "DOES", value: ({ does }) => does },
  { title: "WHY", value: ({ why }) => why, shrinksTo: 20 },
];

interface ShownValue {
  path: string;
  name: string;
  value: string;
  setBy: string;
}

const valueColumns: Column<ShownValue>[] = [
  { title: "TASK", value: ({ path }) => path },
  { title: "PARAM", value: ({ name }) => name },
  { title: "VALUE", value: ({ value }) => value, shrinksTo: 20 },
  { title: "FROM", value: ({ setBy }) => setBy },
];

/** What becomes of each task, and of a rollback what they would run with and where that comes from. */
function dryRunLines(
  again: readonly AgainTask[],
  rendered: readonly RenderedTaskBody[],
  width: number,
): string[] {
  const values = rendered
    .filter(({ skipped }) => !skipped)
    .flatMap((task) => task.params.map((param): ShownValue => ({ path: pathOf(task), ...param })));
  return [
    ...tableLines(taskColumns, again, { width }),
    ...(values.length > 0 ? ["", ...tableLines(valueColumns, values, { width })] : []),
  ];
}

/** Tasks are run again within their run, or by themselves. */
export function refuseTask(id: string): void {
  if (!id.startsWith("task-")) return;
  throw new UsageError(
    `${id} is a task, and this is done to runs`,
    "Of a run: mflow rerun RUN --from TASK. One that ran alone: mflow run --task ID.",
  );
}
