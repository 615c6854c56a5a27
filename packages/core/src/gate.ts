// Audit and confirm: one gate in two places (semantics, section 4). Its rules, where it stands, and what time does to
// it. Who may decide stands in deciders.ts, what a decision does in gate-decision.ts.

import type { Context } from "./change.ts";
import { parseDuration, timeAfter } from "./duration.ts";
import { MflowError } from "./errors.ts";
import type { AddedAuditor, AuditSpec, ConfirmSpec, Gate, GateDecision } from "./schema/gate.ts";
import type { Scope } from "./schema/scalars.ts";

export type GateKind = "audit" | "confirm";

/** How often a result may be pushed back unless the confirm says otherwise. */
export const DEFAULT_MAX_PUSH_BACKS = 3;
/** Reminders closer to each other than this would be a storm, milliseconds. */
const MIN_REMIND_MS = 1000;

/**
 * The gate that a task starts with; absent when nothing is to be decided. BAD_REQUEST for durations that make no sense,
 * and for an escalation to nobody.
 */
export function makeGate(
  kind: GateKind,
  spec: AuditSpec | ConfirmSpec | undefined,
  added: readonly AddedAuditor[] = [],
): Gate | undefined {
  if (!spec || spec.enable === false) return undefined;
  const listed = ("auditors" in spec ? spec.auditors : "checkers" in spec ? spec.checkers : undefined) ?? [];
  const gate: Gate = {
    people: [...new Set([...listed, ...added.map((auditor) => auditor.name)])],
    required: spec.required ?? 1,
    allowSelf: spec.allowSelf ?? false,
    stage: "PENDING",
    decisions: [],
  };
  if (kind === "confirm") {
    gate.maxPushBacks = ("maxPushBacks" in spec ? spec.maxPushBacks : undefined) ?? DEFAULT_MAX_PUSH_BACKS;
  }
  const problem = gateTimeProblems(kind, spec)[0];
  if (problem) throw new MflowError("BAD_REQUEST", problem.message);
  if (spec.remindEvery !== undefined) gate.remindEveryMs = parseDuration(spec.remindEvery);
  if (spec.expiresIn === undefined) return gate;
  gate.expiresInMs = parseDuration(spec.expiresIn);
  if (spec.onExpire === "ESCALATE") gate.escalateTo = [...new Set(spec.escalateTo)];
  return gate;
}

/** A field of a gate that makes no sense, and what to do about it. */
export interface GateProblem {
  field: "expiresIn" | "onExpire" | "remindEvery";
  message: string;
}

/** What is wrong with the times of a gate. */
export function gateTimeProblems(kind: GateKind, spec: AuditSpec | ConfirmSpec): GateProblem[] {
  const problems: GateProblem[] = [];
  const check = (field: "expiresIn" | "remindEvery", least: number, instead: string) => {
    const text = spec[field];
    if (text === undefined) return;
    try {
      if (parseDuration(text) < least) {
        problems.push({ field, message: `\`${field}: ${text}\` of the ${kind} is too short; ${instead}` });
      }
    } catch (cause) {
      if (!(cause instanceof MflowError)) throw cause;
      problems.push({ field, message: `\`${field}\` of the ${kind}: ${cause.message}` });
    }
  };
  check("expiresIn", 1, "nobody could decide; give a longer one or remove it");
  check("remindEvery", MIN_REMIND_MS, "give at least 1s, or remove it");
  if (spec.onExpire === "ESCALATE" && !spec.escalateTo?.length) {
    const message = `\`onExpire: ESCALATE\` of the ${kind} asks nobody; list people in \`escalateTo\`, or remove it`;
    problems.push({ field: "onExpire", message });
  }
  return problems;
}

/** Whether somebody must decide it: a gate without people is passed. */
export function needsDecision(gate: Gate | undefined): gate is Gate {
  return gate !== undefined && gate.people.length > 0 && gate.stage !== "PASS";
}

/** The gate as it waits for decisions on the content of the digest. `nowMs`: milliseconds since the epoch. */
export function openGate(gate: Gate, digest: string, nowMs: number): Gate {
  return {
    ...gate,
    stage: "WAITING",
    digest,
    openedAt: new Date(nowMs).toISOString(),
    ...deadlines(gate, nowMs),
  };
}

/** The gate of a task that ended before anybody decided. */
export function closeGate(gate: Gate, now: string): Gate {
  return { ...gate, stage: "CLOSED", closedAt: now };
}

/** A passed gate that waits anew, for as long again: a pass was taken back before anything came of it. */
export function reopenGate(gate: Gate, nowMs: number): Gate {
  const { closedAt: _closedAt, ...rest } = gate;
  return { ...rest, stage: "WAITING", ...deadlines(gate, nowMs) };
}

/** The gate whose time is over: it never passes. */
export function expireGate(gate: Gate, now: string): Gate {
  return { ...gate, stage: "EXPIRED", closedAt: now };
}

/** The gate that others are asked to decide too, for as long again. */
export function escalateGate(gate: Gate, nowMs: number): Gate {
  const escalated: Gate = {
    ...gate,
    people: [...new Set([...gate.people, ...(gate.escalateTo ?? [])])],
    escalatedAt: new Date(nowMs).toISOString(),
  };
  if (gate.expiresInMs !== undefined) escalated.expiresAt = timeAfter(nowMs, gate.expiresInMs);
  return remindedGate(escalated, nowMs);
}

/** Whether others are asked when its time is over, instead of it being expired. */
export function mayEscalate(gate: Gate): boolean {
  return gate.escalateTo !== undefined && gate.escalatedAt === undefined;
}

/** Until when it can wait at most, its escalation included; undefined when it never expires. */
export function waitsUntil(gate: Gate): string | undefined {
  const { expiresAt, expiresInMs } = gate;
  if (expiresAt === undefined || expiresInMs === undefined || !mayEscalate(gate)) return expiresAt;
  return timeAfter(Date.parse(expiresAt), expiresInMs);
}

/** Whether the time to decide is over. */
export function isOverdue(gate: Gate, nowMs: number): boolean {
  return gate.expiresAt !== undefined && Date.parse(gate.expiresAt) <= nowMs;
}

/** The next reminder at its regular time after now, however many were missed meanwhile. */
export function remindedGate(gate: Gate, nowMs: number): Gate {
  const { remindAt, remindEveryMs } = gate;
  if (remindAt === undefined || remindEveryMs === undefined) return gate;
  const due = Date.parse(remindAt);
  if (due > nowMs) return gate;
  const missed = Math.floor((nowMs - due) / remindEveryMs);
  return { ...gate, remindAt: timeAfter(due, (missed + 1) * remindEveryMs) };
}

function deadlines({ expiresInMs, remindEveryMs }: Gate, nowMs: number): Partial<Gate> {
  const times: Partial<Gate> = {};
  if (expiresInMs !== undefined) times.expiresAt = timeAfter(nowMs, expiresInMs);
  if (remindEveryMs !== undefined) times.remindAt = timeAfter(nowMs, remindEveryMs);
  return times;
}

/** When time does something to the gate next; never when it does not wait. */
export function gateWakeAt(gate: Gate | undefined): string | undefined {
  if (gate?.stage !== "WAITING") return undefined;
  const { expiresAt, remindAt } = gate;
  if (expiresAt === undefined || remindAt === undefined) return expiresAt ?? remindAt;
  return Date.parse(remindAt) < Date.parse(expiresAt) ? remindAt : expiresAt;
}

/** The decisions that count: those that nobody took back. */
export function standingDecisions(gate: Gate): GateDecision[] {
  return gate.decisions.filter((decision) => decision.withdrawnAt === undefined);
}

/** The kind as events and the decision record name it. */
export function upperKind(kind: GateKind): "AUDIT" | "CONFIRM" {
  return kind === "audit" ? "AUDIT" : "CONFIRM";
}

/** How many people have passed it. */
export function passesOf(gate: Gate): number {
  return standingDecisions(gate).filter((decision) => decision.verdict === "PASS").length;
}

/** What tells who counts for a gate. */
export type GatePeople = Pick<Context, "groupMembers" | "cannotDecide">;

/** All users of a list of people, groups resolved, each once. */
export function resolvePeople(
  people: readonly string[],
  scope: Scope,
  context: Pick<Context, "groupMembers">,
): string[] {
  const users = new Set<string>();
  for (const person of people) {
    if (!person.startsWith("@")) users.add(person);
    else for (const member of context.groupMembers(person.slice(1), scope)) users.add(member);
  }
  return [...users];
}

/** The users of a list of people who can decide gates in the scope, groups resolved. */
export function ablePeople(people: readonly string[], scope: Scope, context: GatePeople): string[] {
  return resolvePeople(people, scope, context).filter(
    (user) => context.cannotDecide(user, scope) === undefined,
  );
}
