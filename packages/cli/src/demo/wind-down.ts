// The end of the demo: whatever became of the run, nothing that the demo started goes on without it.

import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskQuery, PipelineTaskQuery } from "@mflow/core/schema/api";
import { type Client, eachItem } from "@mflow/sdk";

const CANCEL_MS = 15_000;
const POLL_MS = 50;

/** Cancels the runs and lone tasks that have not ended, also those of others, and waits until they have. */
export async function cancelUnfinished(client: Client): Promise<number> {
  const ids = await unfinished(client);
  for (const id of ids) {
    if (id.startsWith("run-")) await client.runs.cancel(id, { message: "the demo ends" });
    else await client.tasks.cancel(id, { message: "the demo ends" });
  }
  const deadline = Date.now() + CANCEL_MS;
  while (Date.now() < deadline && (await unfinished(client)).length > 0) await delay(POLL_MS);
  return ids.length;
}

async function unfinished(client: Client): Promise<string[]> {
  const runs: PipelineTaskQuery = { stage: ["PENDING", "ACTIVE", "CANCELING"] };
  const tasks: JobTaskQuery = { stage: ["PENDING", "SCHEDULING", "CREATING", "ACTIVE", "CANCELING"] };
  const ids: string[] = [];
  for await (const { id } of eachItem((cursor) => client.runs.list({ ...runs, cursor }))) ids.push(id);
  for await (const task of eachItem((cursor) => client.tasks.list({ ...tasks, cursor }))) {
    if (task.pipelineTaskId === undefined) ids.push(task.id);
  }
  return ids;
}
