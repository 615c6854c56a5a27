// `mflow logs`: the log of a task, or of all tasks of a run.

import type { JobTaskView, LogLineBody } from "@mflow/core/schema/api";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { isEnded, pathOf } from "../view/watched.ts";
import { followRun, isRunId } from "../watch/follow-run.ts";

interface LogOptions {
  follow?: boolean;
  step?: string;
  attempt?: number;
  tail?: number;
  search?: string;
  timestamps?: boolean;
}

const PAGE_LINES = 5000;

export async function run(context: Context, call: CommandCall): Promise<number> {
  const [id] = call.args as [string];
  const options = call.options as LogOptions;
  const { client } = await context.connect();
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  try {
    if (!isRunId(id)) {
      const { keptFrom } = await client.logs.page(id, { limit: 1 });
      noteKept(context, { id, keptFrom });
      await printLog(context, client, id, options, "", stop.signal);
    } else if (options.follow) await followRunLogs(context, client, id, options, stop.signal);
    else {
      const { tasks } = await client.runs.get(id);
      const { attempt = 1 } = options;
      // Without an attempt every task is asked, also one that has none yet.
      const having = attempt === 1 ? tasks : tasks.filter((task) => task.attempt >= attempt);
      if (having.length === 0) {
        throw new UsageError(
          `no task of ${id} has an attempt ${attempt}`,
          "Leave out --attempt for the last one.",
        );
      }
      for (const task of having) {
        noteKept(context, task);
        await printLog(context, client, task.id, options, prefixOf(context, task, tasks), stop.signal);
      }
    }
  } finally {
    process.off("SIGINT", interrupted);
  }
  return EXIT.ok;
}

/** Follows each task of a run as it starts; ends with the run and the last of its logs. */
async function followRunLogs(
  context: Context,
  client: Client,
  id: string,
  options: LogOptions,
  signal: AbortSignal,
): Promise<void> {
  const following = new Map<string, Promise<void>>();
  await followRun(
    client,
    id,
    {
      show: ({ tasks }) => {
        for (const task of tasks) {
          if (following.has(task.id) || !hasBegun(task)) continue;
          const prefix = prefixOf(context, task, tasks);
          noteKept(context, task);
          following.set(task.id, printLog(context, client, task.id, options, prefix, signal));
        }
      },
    },
    signal,
  );
  await Promise.all(following.values());
}

function hasBegun({ status }: JobTaskView): boolean {
  return (
    status.stage === "ACTIVE" ||
    status.startAt !== undefined ||
    (isEnded(status.stage) && status.stage !== "SKIPPED")
  );
}

function prefixOf({ style }: Context, task: JobTaskView, tasks: readonly JobTaskView[]): string {
  const width = Math.max(...tasks.map((one) => pathOf(one).length));
  return style.tone("quiet", `${pathOf(task).padEnd(width)} | `);
}

async function printLog(
  context: Context,
  client: Client,
  taskId: string,
  options: LogOptions,
  prefix: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const line of linesOf(client, taskId, options, signal)) {
    if (signal.aborted) return;
    if (!isWanted(line, options)) continue;
    if (context.documentFormat) context.print(JSON.stringify({ taskId, ...line }));
    else context.print(prefix + lineText(line, options, context));
  }
}

/** Says whose log it is, of a task that did not run because a rerun kept it. It goes when that run is deleted. */
function noteKept(context: Context, { id, keptFrom }: Pick<JobTaskView, "id" | "keptFrom">): void {
  if (!keptFrom) return;
  context.note(`${id} was kept: this is the log of task ${keptFrom.taskId} of run ${keptFrom.runId}`);
}

function isWanted(line: LogLineBody, { step, search }: LogOptions): boolean {
  if (step !== undefined && line.step !== step) return false;
  return search === undefined || line.text.toLowerCase().includes(search.toLowerCase());
}

async function* linesOf(
  client: Client,
  taskId: string,
  { follow, attempt, tail, search, step }: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLineBody> {
  if (follow) {
    yield* client.logs.follow(taskId, { attempt, tail, signal });
    return;
  }
  if (search !== undefined || (tail !== undefined && step === undefined)) {
    const { lines } = await client.logs.page(taskId, { attempt, search, tail, limit: PAGE_LINES });
    yield* lines;
    return;
  }
  const lines = allLines(client, taskId, attempt);
  if (tail === undefined) yield* lines;
  else yield* lastOfStep(lines, step, tail);
}

async function* allLines(
  client: Client,
  taskId: string,
  attempt: number | undefined,
): AsyncGenerator<LogLineBody> {
  let from: number | undefined = 1;
  let pinned = attempt;
  while (from !== undefined) {
    const page = await client.logs.page(taskId, { attempt: pinned, from, limit: PAGE_LINES });
    yield* page.lines;
    // A newer attempt must not go on where the older one ended.
    pinned ??= page.attempt || undefined;
    from = page.nextFrom;
  }
}

/** The last lines of one step, which the server counts over all steps. */
async function* lastOfStep(
  lines: AsyncIterable<LogLineBody>,
  step: string | undefined,
  count: number,
): AsyncGenerator<LogLineBody> {
  const last: LogLineBody[] = [];
  for await (const line of lines) {
    if (line.step !== step) continue;
    last.push(line);
    if (last.length > count) last.shift();
  }
  yield* last;
}

function lineText(
  { time, stream, text }: LogLineBody,
  { timestamps }: LogOptions,
  { style }: Context,
): string {
  const shown = stream === "mflow" ? style.tone("attention", text) : text;
  return timestamps ? `${style.tone("quiet", new Date(time).toISOString())} ${shown}` : shown;
}
