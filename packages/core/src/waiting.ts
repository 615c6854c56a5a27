// Why an unfinished task does not go on: one sentence with its facts, from what the task itself knows.

import { mayEscalate, passesOf, standingDecisions } from "./gate.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { PipelineTask } from "./schema/pipeline-task.ts";

/**
 * The sentence, or nothing when the task runs or has ended. `childWaits` says what the run waits for that is its work,
 * e.g. "waits for its turn".
 */
export function waitingReason(task: JobTask, childWaits?: string): string | undefined {
  const { stage, reported, stopping, message, workGoneAt, retryAt } = task.status;
  switch (stage) {
    case "PENDING":
      return task.audit?.stage === "WAITING"
        ? waitsForPeople(task, "audit", task.audit)
        : "waits for its turn";
    case "SCHEDULING":
      return retryAt === undefined ? "waits for its turn" : `waits until ${retryAt} for its next try`;
    case "CREATING":
      if (stopping === "TIMEOUT") return `${message ?? "timed out"}; waits for its work to stop`;
      if (workGoneAt) return "its work has ended; waits for its status call";
      return message ? `is being created: ${message}` : "is being created";
    case "ACTIVE":
      if (reported && task.confirm) {
        return `reported ${reported.stage}; ${waitsForPeople(task, "confirm", task.confirm)}`;
      }
      if (stopping === "TIMEOUT") return `${message ?? "timed out"}; waits for its work to stop`;
      if (workGoneAt) return "its work has ended; waits for its status call";
      return waitsOutside(task, childWaits);
    case "CANCELING":
      return "waits for its work to stop";
    default:
      return undefined;
  }
}

/** What work that is done elsewhere waits for; nothing of work that runs. */
function waitsOutside(
  { runnerType, status: { child, message } }: JobTask,
  childWaits?: string,
): string | undefined {
  if (runnerType === "PIPELINE" && child) {
    return `waits for run ${child.runId}${childWaits === undefined ? "" : `, which ${childWaits}`}`;
  }
  if (runnerType === "MANUAL") return `waits for a status call${message ? `: ${message}` : ""}`;
  return undefined;
}

/** The same of a run: while it is paused, or waits for its turn. What its tasks wait for is said of them. */
export function runWaitingReason({ status }: PipelineTask): string | undefined {
  if (status.stage === "PENDING") return "waits for its turn";
  if (status.stage !== "ACTIVE" || !status.paused) return undefined;
  const { by, at, message } = status.paused;
  return `is paused by ${by} since ${at}${message === undefined ? "" : `: ${message}`}`;
}

/** Those who can still decide, as far as names tell: a group may hold some who have, or who started the run. */
export function undecidedNames(gate: Gate, startedBy: string): string[] {
  const decided = new Set(standingDecisions(gate).flatMap(({ user, onBehalfOf }) => [user, onBehalfOf]));
  return gate.people.filter((name) => !decided.has(name) && (gate.allowSelf || name !== startedBy));
}

function waitsForPeople(task: JobTask, kind: "audit" | "confirm", gate: Gate): string {
  const people =
    undecidedNames(gate, task.startedBy).join(", ") ||
    "nobody: all who are listed have decided or started the run";
  const progress = gate.required > 1 ? ` (${passesOf(gate)} of ${gate.required} passed)` : "";
  const since = gate.openedAt ? ` since ${gate.openedAt}` : "";
  return `waits for the ${kind} by ${people}${progress}${since}${untilWhen(gate)}`;
}

function untilWhen(gate: Gate): string {
  const escalated = gate.escalatedAt ? `, escalated at ${gate.escalatedAt}` : "";
  if (gate.expiresAt === undefined) return escalated;
  const then = mayEscalate(gate) ? `, then ${(gate.escalateTo ?? []).join(", ")} may decide too` : "";
  return `${escalated}, until ${gate.expiresAt}${then}`;
}
