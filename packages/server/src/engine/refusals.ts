// Decisions that a rule of the gate forbids: nothing changes, and the decision record keeps that somebody tried. Links
// in messages decide once.

import type { Change } from "@mflow/core/change";
import { recordPlace } from "@mflow/core/decide/gate-records";
import { type ErrorCode, MflowError } from "@mflow/core/errors";
import type { GateKind } from "@mflow/core/gate";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { DecisionRecordStore } from "../store/store.ts";
import type { Actor } from "./submit.ts";

/** A change by which a person decides a gate, or takes that back. */
export type GateChange = Extract<Change, { type: "audit" | "confirm" | "withdraw" }>;

/** The rules of gates; what else is refused, such as an unknown task, says nothing of a decision. */
const GATE_RULES: ReadonlySet<ErrorCode> = new Set([
  "NOT_LISTED",
  "SELF_DECISION",
  "ALREADY_DECIDED",
  "CONTENT_CHANGED",
  "COMMENT_REQUIRED",
  "GATE_NOT_OPEN",
  "WITHDRAW_REFUSED",
  "PUSH_BACK_REFUSED",
  "LINK_USED",
]);

export function isGateChange(change: Change): change is GateChange {
  return change.type === "audit" || change.type === "confirm" || change.type === "withdraw";
}

/** Whether the error is the refusal of a decision. */
export function isRefusal(error: unknown): error is MflowError {
  return error instanceof MflowError && GATE_RULES.has(error.code);
}

/** LINK_USED when the link or card by which the actor decides has decided before. */
export async function refuseUsedLink(records: DecisionRecordStore, actor: Actor): Promise<void> {
  const link = actor.source?.link;
  if (link === undefined || !(await records.isLinkUsed(link))) return;
  throw new MflowError("LINK_USED", "this link or card was used for a decision before; each serves once");
}

/** The row that keeps a refused decision on the task as it is. */
export function refusalRecord(
  change: GateChange,
  task: JobTask,
  actor: Actor,
  error: MflowError,
  at: string,
): NewDecisionRecord {
  const kind: GateKind = change.type === "withdraw" ? change.gate : change.type;
  const { comment } = change.request;
  const record: NewDecisionRecord = {
    at,
    ...recordPlace(task, kind),
    act: "REFUSE",
    user: actor.name,
    rule: error.message,
    code: error.code,
  };
  if (change.type !== "withdraw") record.verdict = change.request.verdict;
  if (comment) record.comment = comment;
  const digest = task[kind]?.digest;
  if (digest !== undefined) record.digest = digest;
  if (actor.source) record.source = actor.source;
  return record;
}
