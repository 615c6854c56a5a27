// A person takes back their own pass: while the gate waits, or while the task that an audit let through has not
// started (semantics, section 4). See docs/decisions/18-a-pass-can-be-taken-back.md.

import { type GateKind, gateWakeAt, reopenGate, upperKind } from "../gate.ts";
import { withdrawPass } from "../gate-decision.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { WithdrawRequest } from "../schema/request.ts";
import { withMaskedComment } from "../task-secrets.ts";
import { questionOf, requirePerson } from "./decisions.ts";
import type { Draft } from "./draft.ts";
import { recordGate } from "./gate-records.ts";

export function withdraw(draft: Draft, kind: GateKind, task: JobTask, request: WithdrawRequest): void {
  const user = requirePerson(draft);
  const hasStarted = task.status.stage !== "SCHEDULING";
  const { gate, withdrawn } = withdrawPass(questionOf(task, kind), hasStarted, user, draft.context);
  const comment = withMaskedComment(request, task, draft.context).comment?.trim() || undefined;
  const changed = draft.updateTask(task, { [kind]: gate });
  draft.recordTask(`${upperKind(kind)}_WITHDRAWN`, changed, { message: comment });
  recordGate(draft, changed, kind, {
    act: "WITHDRAW",
    user,
    rule: `${user} takes back the own pass of ${withdrawn.at}; ${
      gate.stage === "PASS" ? "the task has not started" : "the gate still waits"
    }`,
    ...(withdrawn.onBehalfOf === undefined ? {} : { onBehalfOf: withdrawn.onBehalfOf }),
    ...(comment === undefined ? {} : { comment }),
  });
  if (gate.stage === "PASS") waitAgain(draft, changed, kind, user);
}

/** The task that waited for a slot waits for its auditors again. */
function waitAgain(draft: Draft, task: JobTask, kind: GateKind, user: string): void {
  const pending = draft.moveTask(task, "withdraw", { retryAt: undefined });
  const gate = pending[kind];
  if (!gate) return;
  const reopened = reopenGate(gate, draft.context.nowMs);
  const waiting = draft.updateTask(pending, { [kind]: reopened, wakeAt: gateWakeAt(reopened) });
  draft.recordTask(`${upperKind(kind)}_WAITING`, waiting, {
    message: `${user} took their pass back; waits for ${reopened.people.join(", ")}`,
  });
}
