// What of the gates that wait belongs into a person's inbox: those that they may decide now.

import { decidersOf, type People } from "./deciders.ts";
import { type GateKind, passesOf, upperKind } from "./gate.ts";
import type { InboxItem } from "./schema/inbox.ts";
import type { JobTask } from "./schema/job-task.ts";

/** The gate as the user's inbox shows it; nothing when they may not decide it, or have. */
export function inboxItem(
  task: JobTask,
  kind: GateKind,
  user: string,
  people: People,
): InboxItem | undefined {
  const gate = task[kind];
  if (gate?.stage !== "WAITING") return undefined;
  const { name: taskName, startedBy, stageName, pipelineTaskId } = task;
  const deciders = decidersOf({ kind, gate, taskName, scope: task, startedBy }, people);
  const isOwn = deciders.some((decider) => decider.user === user);
  const absent = deciders.find((decider) => decider.standIn === user);
  if (!isOwn && !absent) return undefined;
  const { reported } = task.status;
  return {
    taskId: task.id,
    name: taskName,
    ...(stageName !== undefined && { stageName }),
    attempt: task.attempt,
    ...(pipelineTaskId !== undefined && { pipelineTaskId }),
    domain: task.domain,
    namespace: task.namespace,
    job: { name: task.job.name, version: task.job.version },
    startedBy,
    gate: upperKind(kind),
    since: gate.openedAt ?? task.updatedAt,
    ...(gate.expiresAt !== undefined && { expiresAt: gate.expiresAt }),
    ...(gate.escalatedAt !== undefined && { escalatedAt: gate.escalatedAt }),
    required: gate.required,
    passes: passesOf(gate),
    ...(!isOwn && absent && { onBehalfOf: absent.user }),
    ...(kind === "confirm" && reported && { reported }),
    ...(gate.digest !== undefined && { digest: gate.digest }),
  };
}
