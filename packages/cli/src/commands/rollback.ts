// `mflow rollback`: brings the tasks of a run back to what they ran when they last succeeded before it.

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

/** A rollback that is rolled back would bring back what was wrong, so the last run before it counts. */
async function lastRunOf({ scope }: Context, client: Client, pipeline: string): Promise<string> {
  const runs = eachItem((cursor) => client.runs.list({ ...scope, pipeline, cursor }));
  for await (const run of runs) if (run.mode !== "ROLLBACK") return run.id;
  throw new UsageError(`pipeline \`${pipeline}\` has no run to roll back`, "See `mflow get runs`.");
}
