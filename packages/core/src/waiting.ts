// Why an unfinished task does not go on: one sentence with its facts, from what the task itself knows.

import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";

/** The sentence, or nothing when the task runs or has ended. */
export function waitingReason(task: JobTask): string | undefined {
  const { stage, reported, message, workGoneAt } = task.status;
  switch (stage) {
    case "PENDING":
      return task.audit?.stage === "WAITING" ? waitsForPeople("audit", task.audit) : "waits for its turn";
    case "SCHEDULING":
      return "waits for a free task slot";
    case "CREATING":
      return message ? `is being created: ${message}` : undefined;
    case "ACTIVE":
      if (reported && task.confirm) {
        return `reported ${reported.stage}; ${waitsForPeople("confirm", task.confirm)}`;
      }
      return workGoneAt ? "its work has ended; waits for its status call" : undefined;
    case "CANCELING":
      return "waits for its work to stop";
    default:
      return undefined;
  }
}

function waitsForPeople(kind: "audit" | "confirm", gate: Gate): string {
  const people = gate.people.join(", ");
  const passes = gate.decisions.filter((decision) => decision.verdict === "PASS").length;
  const progress = gate.required > 1 ? ` (${passes} of ${gate.required} passed)` : "";
  const since = gate.openedAt ? ` since ${gate.openedAt}` : "";
  return `waits for the ${kind} by ${people}${progress}${since}`;
}
