// `mflow rerun`: a new run of what an ended run was asked to do; tasks that succeeded are kept.

import type { RerunRequest } from "@mflow/core/schema/request";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { type MadeRunOptions, refuseTask, showMadeRun } from "./made-run.ts";
import { parseParam } from "./run-values.ts";
import { serverFlags } from "./server-flags.ts";

interface RerunOptions extends MadeRunOptions {
  failed?: boolean;
  all?: boolean;
  from?: string;
}

export async function run(context: Context, { args, options }: CommandCall): Promise<number> {
  const [id] = args as [string];
  const given = options as RerunOptions;
  refuseTask(id);
  const request: RerunRequest = {};
  if (given.all) request.mode = "ALL";
  if (given.failed) request.mode = "FAILED";
  if (given.from !== undefined) request.from = given.from;
  if (given.param) request.runParams = given.param.map((text) => parseParam(text, context.io.env));
  if (given.queue !== undefined) request.queue = given.queue;
  if (given.dryRun) request.dryRun = true;
  const connection = await context.connect({ start: true, serverFlags: serverFlags(given) });
  const idempotencyKey = given.idempotencyKey ?? crypto.randomUUID();
  const response = await connection.client.runs.rerun(id, request, { idempotencyKey });
  return showMadeRun(context, connection, response, given);
}
