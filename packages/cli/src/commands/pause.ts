// `mflow pause`, `mflow resume` and `mflow drain`: of runs, of pipelines, of the whole server.

import type { Paused } from "@mflow/core/schema/pause";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { isRunId } from "../watch/follow-run.ts";

export async function run(context: Context, { args, options, command }: CommandCall): Promise<undefined> {
  const { message, server } = options as { message?: string; server?: boolean };
  const [what = []] = args as [string[] | undefined];
  const verb = command.name();
  if (verb === "resume" && what.length === 0 && !server) {
    throw new UsageError("nothing says what to resume", "Name runs or pipelines, or give --server.");
  }
  const task = what.find((name) => name.startsWith("task-"));
  if (task !== undefined) {
    throw new UsageError(
      `${task} is a task, and tasks do not ${verb} by themselves`,
      `Name its run: mflow ${verb} RUN.`,
    );
  }
  const { client } = await context.connect();
  const request = message === undefined ? {} : { message };
  const records: unknown[] = [];
  if (verb === "drain" || server) {
    const info = verb === "drain" ? await client.server.drain(request) : await client.server.resume();
    records.push(info);
    if (!context.documentFormat) {
      context.print(info.paused ? `the server is ${drainText(info.paused)}` : "the server goes on");
    }
  }
  for (const name of what) {
    const done =
      verb === "pause" ? await pause(context, client, name, request) : await resume(context, client, name);
    records.push(done.record);
    if (!context.documentFormat) context.print(done.text);
  }
  if (context.documentFormat)
    await context.printDocument(records.length === 1 ? records[0] : { items: records });
}

/** Who drained the server, since when and why. */
export function drainText(paused: Paused): string {
  return `drained${whose(paused)}`;
}

async function pause(context: Context, client: Client, name: string, request: { message?: string }) {
  if (isRunId(name)) {
    const run = await client.runs.pause(name, request);
    return { record: run, text: `${name} ${run.name} is paused${whose(run.status.paused)}` };
  }
  const pause = await client.pipelines.pause(name, request, context.scope);
  return { record: pause, text: `pipeline ${name} is paused${whose(pause)}` };
}

async function resume(context: Context, client: Client, name: string) {
  if (isRunId(name)) {
    const run = await client.runs.resume(name);
    return { record: run, text: `${name} ${run.name} goes on` };
  }
  await client.pipelines.resume(name, context.scope);
  return { record: { pipeline: name }, text: `pipeline ${name} goes on` };
}

/** The first pause stands, which may be that of somebody else. */
function whose(paused: Paused | undefined): string {
  if (!paused) return "";
  return ` by ${paused.by} since ${paused.at}${paused.message === undefined ? "" : `: ${paused.message}`}`;
}
