// `mflow status-call`: ends a task that waits for a status call, or prints the call for somebody outside.

import type { UpdateStatusRequest } from "@mflow/core/schema/request";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";

interface StatusCallOptions {
  message?: string;
  env?: string[];
}

const STAGES = ["SUCCEEDED", "FAILED", "CANCELED", "ACTIVE"] as const;

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [id, given] = args as [string, string | undefined];
  const { message, env = [] } = options as StatusCallOptions;
  const stage = given === undefined ? undefined : stageOf(given);
  if (stage === undefined && (message !== undefined || env.length > 0)) {
    throw new UsageError(
      "--message and --env are of a call that is made here; name the stage too",
      `mflow status-call ${id} SUCCEEDED ...`,
    );
  }
  const runtimeEnvs = Object.fromEntries(env.map(pairOf));
  const { client } = await context.connect();
  if (stage === undefined) {
    const call = await client.tasks.statusCall(id);
    if (context.documentFormat) return context.printDocument(call);
    context.note(
      `whoever runs this ends attempt ${call.attempt} of ${id}; that you have it is in its history`,
    );
    return context.print(call.curl);
  }
  if (env.length > 0) await client.tasks.updateOutput(id, { runtimeEnvs });
  const task = await client.tasks.updateStatus(id, { stage, ...(message !== undefined && { message }) });
  if (context.documentFormat) return context.printDocument(task);
  const reported = task.status.reported && `reported ${task.status.reported.stage}, waits for its confirm`;
  return context.print(`${id} ${task.name} ${reported ?? task.status.stage}`);
}

function stageOf(word: string): UpdateStatusRequest["stage"] {
  const stage = STAGES.find((each) => each === word.toUpperCase());
  if (stage) return stage;
  throw new UsageError(`${word} is no stage that a status call can say; it is one of ${STAGES.join(", ")}`);
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`--env ${text}: write NAME=VALUE`);
}
