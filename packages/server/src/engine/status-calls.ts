// What somebody outside needs to end a task that waits for a status call. Whoever has it can speak for the attempt, so it
// is given to operators alone, who could end the task themselves, and the history says to whom.

import { MflowError } from "@mflow/core/errors";
import { API_PREFIX } from "@mflow/core/schema/api-prefix";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import { isWorking } from "@mflow/core/state";
import type { HistoryStore } from "../store/store.ts";
import type { Actor } from "./submit.ts";

export interface StatusCallsParts {
  history: Pick<HistoryStore, "append">;
  updateToken(taskId: string, attempt: number): string;
  mflowUrl(): string;
  /** Milliseconds since the epoch. */
  now(): number;
  tell(event: HistoryEvent): void;
}

/** Gives out the call, once it is recorded. CONFLICT for a task that waits for no status call. */
export async function giveStatusCall(
  parts: StatusCallsParts,
  task: JobTask,
  actor: Actor,
): Promise<StatusCall> {
  const { id, name, attempt, status } = task;
  if (task.runnerType !== "MANUAL" && !task.manualUpdateStatus) {
    throw new MflowError(
      "CONFLICT",
      `task \`${name}\` (${id}) waits for no status call: its runner ${task.runnerType} says how it ends`,
    );
  }
  if (!isWorking(task) && !status.workGoneAt) {
    throw new MflowError(
      "CONFLICT",
      `task \`${name}\` (${id}) is ${status.stage}; no status call ends it now`,
    );
  }
  const event: NewHistoryEvent = {
    type: "STATUS_CALL_GIVEN",
    at: new Date(parts.now()).toISOString(),
    domain: task.domain,
    namespace: task.namespace,
    taskId: id,
    name,
    attempt,
    actor: actor.name,
  };
  if (task.pipelineTaskId !== undefined) event.pipelineTaskId = task.pipelineTaskId;
  for (const committed of await parts.history.append([event])) parts.tell(committed);
  const base = `${parts.mflowUrl()}${API_PREFIX}/job-tasks/${id}`;
  const updateToken = parts.updateToken(id, attempt);
  const statusUrl = `${base}/status`;
  return {
    taskId: id,
    attempt,
    statusUrl,
    outputUrl: `${base}/output`,
    updateToken,
    curl: curlOf(statusUrl, updateToken),
  };
}

function curlOf(url: string, token: string): string {
  const headers = [`Authorization: Bearer ${token}`, "Content-Type: application/json"];
  const body = JSON.stringify({ stage: "SUCCEEDED" });
  return [
    "curl --fail-with-body -sS",
    ...headers.map((header) => `-H '${header}'`),
    `-d '${body}'`,
    `'${url}'`,
  ].join(" ");
}
