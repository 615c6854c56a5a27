// What time does to a gate that waits: people are reminded, others are asked too, or it expires. All of it follows from
// the row, so that a restart or a long downtime loses nothing and brings no storm.

import { decidersOf } from "../deciders.ts";
import { formatDuration } from "../duration.ts";
import {
  escalateGate,
  expireGate,
  type GateKind,
  gateWakeAt,
  isOverdue,
  mayEscalate,
  passesOf,
  remindedGate,
  upperKind,
} from "../gate.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import { questionOf } from "./decisions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { recordGate } from "./gate-records.ts";

/** More names than this tell nobody more. */
const MAX_NAMES = 20;

/** The gate of the task that waits for people now. */
export function waitingGate(task: JobTask): { kind: GateKind; gate: Gate } | undefined {
  for (const kind of ["audit", "confirm"] as const) {
    const gate = task[kind];
    if (gate?.stage === "WAITING") return { kind, gate };
  }
  return undefined;
}

/** The alarm of a waiting gate rings. */
export function wakeGate(draft: Draft, task: JobTask, kind: GateKind, gate: Gate): void {
  const { nowMs } = draft.context;
  if (!isOverdue(gate, nowMs)) remind(draft, task, kind, gate);
  else if (mayEscalate(gate)) escalate(draft, task, kind, gate);
  else expire(draft, task, kind, gate);
}

/** One reminder, however many were missed while no server ran; the next one is the next regular one. */
function remind(draft: Draft, task: JobTask, kind: GateKind, gate: Gate): void {
  const reminded = remindedGate(gate, draft.context.nowMs);
  const waiting = draft.updateTask(task, { [kind]: reminded, wakeAt: gateWakeAt(reminded) });
  if (reminded === gate) return;
  const message = `still waits for ${undecided(draft, waiting, kind, gate)}`;
  draft.recordTask(`${upperKind(kind)}_REMIND`, waiting, { message });
}

function escalate(draft: Draft, task: JobTask, kind: GateKind, gate: Gate): void {
  const escalated = escalateGate(gate, draft.context.nowMs);
  const waiting = draft.updateTask(task, { [kind]: escalated, wakeAt: gateWakeAt(escalated) });
  const asked = (gate.escalateTo ?? []).join(", ");
  const message = `${notDecided(gate)}; ${asked} may decide too, until ${escalated.expiresAt}`;
  draft.recordTask(`${upperKind(kind)}_ESCALATED`, waiting, { message });
  recordGate(draft, waiting, kind, { act: "ESCALATE", rule: message });
}

/** Expiry never passes: the task fails. */
function expire(draft: Draft, task: JobTask, kind: GateKind, gate: Gate): void {
  const upper = upperKind(kind);
  const expired = draft.updateTask(task, { [kind]: expireGate(gate, draft.context.now), wakeAt: undefined });
  const message = notDecided(gate);
  draft.recordTask(`${upper}_EXPIRED`, expired, { message });
  recordGate(draft, expired, kind, { act: "EXPIRE", rule: message });
  endTask(draft, expired, "fail", {
    reason: `${upper}_EXPIRED`,
    message: `${kind} expired: ${message}`,
    endAt: expired.status.endAt,
  });
}

function notDecided(gate: Gate): string {
  const within = `within ${formatDuration(gate.expiresInMs ?? 0)}`;
  const again = gate.escalatedAt === undefined ? "" : ` of its escalation`;
  return `${passesOf(gate)} of ${gate.required} passed ${within}${again}`;
}

/** Those who can still decide. */
function undecided(draft: Draft, task: JobTask, kind: GateKind, gate: Gate): string {
  const deciders = decidersOf({ ...questionOf(task, kind), gate }, draft.context);
  const names = deciders.map(({ user, standIn }) => standIn ?? user);
  if (names.length === 0) return gate.people.join(", ");
  const rest = names.length - MAX_NAMES;
  return rest > 0 ? `${names.slice(0, MAX_NAMES).join(", ")} and ${rest} more` : names.join(", ");
}
