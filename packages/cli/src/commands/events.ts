// `mflow events`: what changed, and what changes.

import type { HistoryEvent } from "@mflow/core/schema/event";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall } from "../program.ts";
import { changeLine } from "../view/change-lines.ts";

const DEFAULT_TAIL = 50;

interface EventsOptions {
  follow?: boolean;
  run?: string;
  task?: string;
  after?: number;
  tail?: number;
  archive?: boolean;
}

export async function run(context: Context, call: CommandCall): Promise<number> {
  const options = call.options as EventsOptions;
  const { client } = await context.connect();
  const { newest, archivedUpTo } = await client.eventPlaces();
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  const { run: pipelineTaskId, task: taskId, after } = options;
  if (options.archive) {
    const query = { ...context.scope, pipelineTaskId, taskId, after, signal: stop.signal };
    for await (const event of client.archivedEvents(query)) context.print(lineOf(event, context));
    process.off("SIGINT", interrupted);
    return EXIT.ok;
  }
  const start = startOf(options, newest, archivedUpTo);
  const events = client.events({
    ...context.scope,
    pipelineTaskId,
    taskId,
    after: start,
    ...(!options.follow && { until: newest }),
    signal: stop.signal,
    onConnection: (state) =>
      context.note(state === "lost" ? "the connection is lost; trying again" : "the connection is back"),
  });
  // A stream that is at its end already would wait for the next event.
  if (options.follow || start < newest) {
    for await (const event of events) context.print(lineOf(event, context));
  }
  process.off("SIGINT", interrupted);
  if (start === 0 && archivedUpTo > 0) {
    context.note(`events up to place ${archivedUpTo} are in the archive; --archive shows them`);
  }
  return EXIT.ok;
}

/** Of a run or task all that are not in the archive, else the last ones; with `-f` alone those from now on. */
function startOf(
  { follow, run: runId, task, after, tail }: EventsOptions,
  newest: number,
  archivedUpTo: number,
): number {
  if (after !== undefined) return after;
  if (tail !== undefined) return Math.max(archivedUpTo, newest - tail);
  if (runId !== undefined || task !== undefined) return 0;
  return follow ? newest : Math.max(archivedUpTo, newest - DEFAULT_TAIL);
}

/** For programs one JSON object per line, which is YAML too. */
function lineOf(event: HistoryEvent, context: Context): string {
  if (context.documentFormat) return JSON.stringify(event);
  return changeLine(event, { command: context.command });
}
