// A person's decision on an audit or a confirm, and what follows from it (semantics, section 4).

import type { GateQuestion } from "../deciders.ts";
import { MflowError } from "../errors.ts";
import { type GateKind, gateWakeAt, upperKind } from "../gate.ts";
import { decideGate } from "../gate-decision.ts";
import type { GateDecision } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { DecideRequest } from "../schema/request.ts";
import { withMaskedComment } from "../task-secrets.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { recordGate } from "./gate-records.ts";
import { startTask } from "./open.ts";
import { planPushBack, pushBack } from "./push-back.ts";

/** A person's decision on a gate that waits. Throws the refusal. */
export function decideOn(draft: Draft, kind: GateKind, task: JobTask, request: DecideRequest): void {
  const person = requirePerson(draft);
  if (request.pushBackTo !== undefined && request.verdict !== "PUSH_BACK") {
    const message = `\`pushBackTo\` belongs to the verdict PUSH_BACK, not to ${request.verdict}; leave it out`;
    throw new MflowError("BAD_REQUEST", message);
  }
  const said = withMaskedComment(request, task, draft.context);
  const { gate, decision, rule } = decideGate(questionOf(task, kind), said, person, draft.context);
  const back = request.verdict === "PUSH_BACK" ? planPushBack(draft, kind, task, request) : undefined;
  const decided = draft.updateTask(task, { [kind]: gate, wakeAt: gateWakeAt(gate) });
  const upper = upperKind(kind);
  const { user, verdict, pushBackTo, onBehalfOf, comment } = decision;
  draft.recordTask(`${upper}_DECISION`, decided, { stage: verdict, message: saidBy(decision) });
  recordGate(draft, decided, kind, {
    act: "DECIDE",
    user,
    verdict,
    rule,
    ...(pushBackTo === undefined ? {} : { pushBackTo }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(comment === undefined ? {} : { comment }),
  });
  if (gate.stage === "WAITING") return;
  if (back) {
    pushBack(draft, decided, back, decision);
    return;
  }
  if (gate.stage === "PASS") draft.recordTask(`${upper}_PASS`, decided);
  else draft.recordTask(`${upper}_DENY`, decided, { message: comment });
  if (kind === "audit") afterAudit(draft, decided, gate.stage === "PASS", user);
  else afterConfirm(draft, decided, gate.stage === "PASS", user);
}

/** The name of who acts. */
export function requirePerson(draft: Draft): string {
  const user = draft.context.actor?.name;
  if (user !== undefined) return user;
  throw new MflowError("UNAUTHORIZED", "a gate is decided by a person; send a user's token");
}

/** What is asked at a gate of a task, and in whose name. */
export function questionOf(task: JobTask, kind: GateKind): GateQuestion {
  return {
    kind,
    gate: task[kind],
    taskName: task.name,
    scope: { domain: task.domain, namespace: task.namespace },
    startedBy: task.startedBy,
  };
}

/** The comment as the history tells it: for whom they stood in first. */
function saidBy({ onBehalfOf, comment }: GateDecision): string | undefined {
  if (onBehalfOf === undefined) return comment;
  return `for ${onBehalfOf}, who is away${comment === undefined ? "" : `: ${comment}`}`;
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
