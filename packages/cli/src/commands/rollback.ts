// `mflow rollback`: brings the tasks of a run back to what they ran when they last succeeded before it.

import { hasRun } from "@mflow/core/has-run";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RollbackRequest } from "@mflow/core/schema/request";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { isEnded, pathOf } from "../view/watched.ts";
import { type MadeRunOptions, refuseTask, showMadeRun } from "./made-run.ts";
import { parseParam } from "./run-values.ts";
import { serverFlags } from "./server-flags.ts";

interface RollbackOptions extends MadeRunOptions {
  pipeline?: string;
}

export async function run(context: Context, { args, options }: CommandCall): Promise<number> {
  const [named] = args as [string | undefined];
  const given = options as RollbackOptions;
  if ((named === undefined) === (given.pipeline === undefined)) {
    throw new UsageError("name a run or --pipeline NAME, one of them", "mflow rollback --pipeline NAME");
  }
  if (named !== undefined) refuseTask(named);
  const request: RollbackRequest = {};
  if (given.param) request.runParams = given.param.map((text) => parseParam(text, context.io.env));
  if (given.queue !== undefined) request.queue = given.queue;
  if (given.dryRun) request.dryRun = true;
  const connection = await context.connect({ start: true, serverFlags: serverFlags(given) });
  const id = named ?? (await lastRunOf(context, connection.client, given.pipeline as string));
  const idempotencyKey = given.idempotencyKey ?? crypto.randomUUID();
  const response = await connection.client.runs.rollback(id, request, { idempotencyKey });
  return showMadeRun(context, connection, response, given);
}

/** A run that is not the one to roll back, and why. */
interface PassedOver {
  run: PipelineTask;
  why: string;
  /** Paths of the tasks that ran. */
  ran: ReadonlySet<string>;
}

/**
 * A rollback that is rolled back would bring back what was wrong, and a run that changed nothing of what may be rolled back
 * is not what is there now; so the last run before them counts.
 */
async function lastRunOf(context: Context, client: Client, pipeline: string): Promise<string> {
  const passed: PassedOver[] = [];
  const runs = eachItem((cursor) => client.runs.list({ ...context.scope, pipeline, cursor }));
  for await (const run of runs) {
    if (run.mode === "ROLLBACK") continue;
    const { why, ran, mayGoBack } = await lookAt(client, run);
    if (why !== undefined) {
      passed.push({ run, why, ran });
      continue;
    }
    // What a later run did to the same task with another job is not jumped over: that run says what can be done.
    const later = passed.findIndex((one) => mayGoBack.some((path) => one.ran.has(path)));
    notePassed(context, later < 0 ? passed : passed.slice(0, later));
    return passed[later]?.run.id ?? run.id;
  }
  notePassed(context, passed);
  throw new UsageError(`pipeline \`${pipeline}\` has no run to roll back`, "See `mflow get runs`.");
}

function notePassed(context: Context, passed: readonly PassedOver[]): void {
  for (const { run, why } of passed)
    context.note(`run ${run.id} ended ${run.status.stage}, and ${why}; the one before it counts`);
}

/**
 * `why`: the reason to pass over a run; one that has not ended has none: that is refused. `mayGoBack`: paths of the tasks
 * that ran and have a job that allows rollbacks.
 */
async function lookAt(
  client: Client,
  { id, status }: PipelineTask,
): Promise<{ why?: string; ran: ReadonlySet<string>; mayGoBack: string[] }> {
  if (!isEnded(status.stage)) return { ran: new Set(), mayGoBack: [] };
  const tasks: JobTask[] = [];
  const pages = eachItem((cursor) => client.tasks.list({ pipelineTaskId: id, cursor }));
  for await (const task of pages) tasks.push(task);
  const ran = new Set(tasks.filter(hasRun).map(pathOf));
  if (ran.size === 0) return { why: "nothing of it ran", ran, mayGoBack: [] };
  const { jobs } = await client.runs.definition(id);
  const allowing = tasks.filter(({ job }) => jobs[job.id]?.spec.allowRollback).map(pathOf);
  const mayGoBack = allowing.filter((path) => ran.has(path));
  // When no job at all allows rollbacks, that is what its user has to hear.
  if (mayGoBack.length > 0 || allowing.length === 0) return { ran, mayGoBack };
  return { why: "no task of it ran whose job allows rollbacks", ran, mayGoBack };
}
