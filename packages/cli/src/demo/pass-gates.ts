// Passes the gates of a run for a person who said `--yes`. Each decision names the digest of what was shown.

import { ApiError, type Client } from "@mflow/sdk";
import { openGateOf } from "../view/watched.ts";

/** Somebody else was faster. */
const DECIDED = new Set(["GATE_NOT_OPEN", "ALREADY_DECIDED"]);

/** Passes each gate as it opens, until the signal aborts. */
export async function passGates(client: Client, runId: string, signal: AbortSignal): Promise<void> {
  for await (const event of client.events({ pipelineTaskId: runId, after: 0, signal })) {
    if (event.taskId === undefined || !event.type.endsWith("_WAITING")) continue;
    const task = await client.tasks.get(event.taskId);
    const open = openGateOf(task);
    if (!open) continue;
    const { digest } = open.gate;
    try {
      await client.tasks[open.kind](task.id, { verdict: "PASS", comment: "passed by --yes", digest });
    } catch (error) {
      if (!(error instanceof ApiError) || !DECIDED.has(error.code)) throw error;
    }
  }
}
