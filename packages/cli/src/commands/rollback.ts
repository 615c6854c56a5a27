// `mflow rollback`: brings the tasks of a run back to what they ran when they last succeeded before it.

import { hasRun } from "@mflow/core/has-run";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RollbackRequest } from "@mflow/core/schema/request";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
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

/**
 * A rollback that is rolled back would bring back what was wrong, and a run that ended before anything of it ran is not what
 * is there now; so the last run before them counts.
 */
async function lastRunOf(context: Context, client: Client, pipeline: string): Promise<string> {
  const runs = eachItem((cursor) => client.runs.list({ ...context.scope, pipeline, cursor }));
  for await (const run of runs) {
    if (run.mode === "ROLLBACK") continue;
    if (await hasChangedSomething(client, run)) return run.id;
    context.note(
      `run ${run.id} ended ${run.status.stage} before anything of it ran; the one before it counts`,
    );
  }
  throw new UsageError(`pipeline \`${pipeline}\` has no run to roll back`, "See `mflow get runs`.");
}

/** Also said of one that has not ended: that is refused. */
async function hasChangedSomething(client: Client, { id, status }: PipelineTask): Promise<boolean> {
  if (status.stage !== "CANCELED" && status.stage !== "FAILED") return true;
  const tasks = eachItem((cursor) => client.tasks.list({ pipelineTaskId: id, cursor }));
  for await (const task of tasks) if (hasRun(task)) return true;
  return false;
}
