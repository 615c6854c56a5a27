// Audit and confirm: one gate in two places (semantics, section 4). Who may decide, when it is decided,
// and what a decision is bound to.

import type { Context } from "./change.ts";
import { MflowError } from "./errors.ts";
import type { AddedAuditor, AuditSpec, ConfirmSpec, Gate, GateDecision } from "./schema/gate.ts";
import type { DecideRequest } from "./schema/request.ts";
import type { Scope } from "./schema/scalars.ts";

export type GateKind = "audit" | "confirm";

/** The gate that a task starts with; absent when nothing is to be decided. */
export function makeGate(
  spec: AuditSpec | ConfirmSpec | undefined,
  added: readonly AddedAuditor[] = [],
): Gate | undefined {
  if (!spec || spec.enable === false) return undefined;
  const listed = ("auditors" in spec ? spec.auditors : "checkers" in spec ? spec.checkers : undefined) ?? [];
  const people = [...new Set([...listed, ...added.map((auditor) => auditor.name)])];
  return {
    people,
    required: spec.required ?? 1,
    allowSelf: spec.allowSelf ?? false,
    stage: "PENDING",
    decisions: [],
  };
}

/** Whether somebody must decide it: a gate without people is passed. */
export function needsDecision(gate: Gate | undefined): gate is Gate {
  return gate !== undefined && gate.people.length > 0 && gate.stage !== "PASS";
}

/** The gate as it waits for decisions on the content of the digest. */
export function openGate(gate: Gate, digest: string, now: string): Gate {
  return { ...gate, stage: "WAITING", digest, openedAt: now };
}

/** The gate of a task that ended before anybody decided. */
export function closeGate(gate: Gate, now: string): Gate {
  return { ...gate, stage: "CLOSED", closedAt: now };
}

/** All users who are listed, groups resolved. */
export function listedUsers(gate: Gate, scope: Scope, context: Pick<Context, "groupMembers">): string[] {
  const users = new Set<string>();
  for (const person of gate.people) {
    if (!person.startsWith("@")) users.add(person);
    else for (const member of context.groupMembers(person.slice(1), scope)) users.add(member);
  }
  return [...users];
}

export interface GateQuestion {
  kind: GateKind;
  gate: Gate | undefined;
  /** Named in messages. */
  taskName: string;
  scope: Scope;
  startedBy: string;
}

/** Adds a decision and says where the gate stands then. Each broken rule is an error that names it and who may. */
export function decideGate(
  question: GateQuestion,
  request: DecideRequest,
  user: string,
  context: Context,
): Gate {
  const { kind, gate, taskName, scope, startedBy } = question;
  const of = `the ${kind} of task \`${taskName}\``;
  if (!gate) throw new MflowError("GATE_NOT_OPEN", `task \`${taskName}\` has no ${kind}`);
  const listed = listedUsers(gate, scope, context);
  const able = gate.allowSelf ? listed : listed.filter((name) => name !== startedBy);
  const who = able.length > 0 ? able.join(", ") : gate.people.join(", ");
  if (gate.stage !== "WAITING") {
    const since = gate.stage === "PENDING" ? "has not opened yet" : `is ${gate.stage}`;
    throw new MflowError("GATE_NOT_OPEN", `${of} ${since}; it is decided while it is WAITING`);
  }
  if (!listed.includes(user)) {
    throw new MflowError("NOT_LISTED", `${user} is not listed for ${of}; these may decide: ${who}`);
  }
  if (!gate.allowSelf && user === startedBy) {
    const others = able.join(", ") || "nobody else is listed";
    throw new MflowError(
      "SELF_DECISION",
      `${user} started the run and may not decide ${of}; these may: ${others}`,
    );
  }
  if (gate.decisions.some((decision) => decision.user === user)) {
    throw new MflowError("ALREADY_DECIDED", `${user} has decided ${of} already; each person decides once`);
  }
  if (request.digest !== undefined && request.digest !== gate.digest) {
    throw new MflowError("CONTENT_CHANGED", `${of} is about ${gate.digest}, not ${request.digest}`);
  }
  const comment = request.comment?.trim();
  if (request.verdict === "DENY" && !comment) {
    throw new MflowError("COMMENT_REQUIRED", `to deny ${of}, say why in \`comment\``);
  }
  const decision: GateDecision = {
    user,
    verdict: request.verdict,
    at: context.now,
    digest: gate.digest ?? "",
  };
  if (comment) decision.comment = comment;
  const decisions = [...gate.decisions, decision];
  if (request.verdict === "DENY") return { ...gate, decisions, stage: "DENY", closedAt: context.now };
  const passes = decisions.filter((each) => each.verdict === "PASS").length;
  if (passes >= gate.required) return { ...gate, decisions, stage: "PASS", closedAt: context.now };
  return { ...gate, decisions };
}
