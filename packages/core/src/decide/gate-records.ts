// Rows for the decision record (semantics, section 4): what happened to a gate, on which content, by which rule.

import { formatDuration } from "../duration.ts";
import { type GateKind, upperKind } from "../gate.ts";
import type { DecisionRecord, NewDecisionRecord } from "../schema/decision-record.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { Draft } from "./draft.ts";

type What = Pick<DecisionRecord, "act"> &
  Partial<Pick<NewDecisionRecord, "user" | "onBehalfOf" | "verdict" | "pushBackTo" | "comment" | "rule">>;

/** Adds a row to the record of the decision under way; without a `rule` it says the gate's own. */
export function recordGate(draft: Draft, task: JobTask, kind: GateKind, what: What): void {
  const gate = task[kind];
  const record: NewDecisionRecord = {
    at: draft.context.now,
    ...recordPlace(task, kind),
    ...what,
    rule: what.rule ?? (gate ? ruleOf(gate) : ""),
  };
  if (gate?.digest !== undefined) record.digest = gate.digest;
  const source = draft.context.actor?.source;
  if (what.user !== undefined && source) record.source = source;
  draft.records.push(record);
}

/** Which gate of which task a row is about. */
export function recordPlace(
  task: JobTask,
  kind: GateKind,
): Pick<
  NewDecisionRecord,
  "domain" | "namespace" | "pipelineTaskId" | "taskId" | "taskName" | "attempt" | "gate"
> {
  const { id, domain, namespace, name, attempt, pipelineTaskId } = task;
  const place = {
    domain,
    namespace,
    taskId: id,
    taskName: name,
    attempt,
    gate: upperKind(kind),
  };
  return pipelineTaskId === undefined ? place : { ...place, pipelineTaskId };
}

/** Who and how many must pass, as a sentence without a full stop. */
function ruleOf(gate: Gate): string {
  const parts = [`${gate.required} of ${gate.people.join(", ")} must pass`];
  if (gate.allowSelf) parts.push("who started the run may too");
  if (gate.expiresInMs !== undefined) {
    const after = `after ${formatDuration(gate.expiresInMs)}`;
    parts.push(gate.escalateTo ? `${after} ${gate.escalateTo.join(", ")} may too` : `it expires ${after}`);
  }
  return parts.join("; ");
}
