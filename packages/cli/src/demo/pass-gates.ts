// Passes the gates of a run for a person who said `--yes`, and only what they could have seen: each decision names
// the digest of its content.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { Client } from "@mflow/sdk";
import { type OpenGate, openGateOf } from "../view/watched.ts";

export interface PassedGate extends OpenGate {
  task: JobTaskView;
}

/** Passes each gate as it opens, until the signal aborts. `passing` is told before each. */
export async function passGates(
  client: Client,
  runId: string,
  signal: AbortSignal,
  passing: (gate: PassedGate) => void,
): Promise<void> {
  for await (const event of client.events({ pipelineTaskId: runId, after: 0, signal })) {
    if (event.taskId === undefined || !event.type.endsWith("_WAITING")) continue;
    const task = await client.tasks.get(event.taskId);
    const open = openGateOf(task);
    if (!open) continue;
    passing({ ...open, task });
    const { digest } = open.gate;
    await client.tasks[open.kind](task.id, { verdict: "PASS", comment: "passed by --yes", digest });
  }
}
