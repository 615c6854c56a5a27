// A person's decision on an audit or a confirm, and what follows from it (semantics, section 4).

import { MflowError } from "../errors.ts";
import { decideGate, type GateKind } from "../gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { DecideRequest } from "../schema/request.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { startTask } from "./open.ts";

export function decideOn(draft: Draft, kind: GateKind, task: JobTask, request: DecideRequest): void {
  const user = draft.context.actor?.name;
  if (user === undefined)
    throw new MflowError("UNAUTHORIZED", "a gate is decided by a person; send a user's token");
  const question = {
    kind,
    gate: task[kind],
    taskName: task.name,
    scope: { domain: task.domain, namespace: task.namespace },
    startedBy: task.startedBy,
  };
  const gate = decideGate(question, request, user, draft.context);
  const decided = draft.updateTask(task, { [kind]: gate });
  const upper = kind === "audit" ? "AUDIT" : "CONFIRM";
  draft.recordTask(`${upper}_DECISION`, decided, { stage: request.verdict, message: request.comment });
  if (gate.stage === "WAITING") return;
  if (gate.stage === "PASS") draft.recordTask(`${upper}_PASS`, decided);
  else draft.recordTask(`${upper}_DENY`, decided, { message: request.comment });
  if (kind === "audit") afterAudit(draft, decided, gate.stage === "PASS", user);
  else afterConfirm(draft, decided, gate.stage === "PASS", user);
}

function afterAudit(draft: Draft, task: JobTask, passed: boolean, user: string): void {
  if (passed) startTask(draft, task);
  else endTask(draft, task, "fail", { reason: "AUDIT_DENIED", message: deniedBy(task, "audit", user) });
}

function afterConfirm(draft: Draft, task: JobTask, passed: boolean, user: string): void {
  const { endAt, reported } = task.status;
  if (passed) endTask(draft, task, "succeed", { endAt, message: reported?.message });
  else
    endTask(draft, task, "fail", {
      endAt,
      reason: "CONFIRM_DENIED",
      message: deniedBy(task, "confirm", user),
    });
}

function deniedBy(task: JobTask, kind: GateKind, user: string): string {
  const comment = task[kind]?.decisions.at(-1)?.comment;
  return comment ? `${kind} denied by ${user}: ${comment}` : `${kind} denied by ${user}`;
}
