// What a decision does to a gate, and what taking one back does (semantics, section 4). Each broken rule is an error
// that names it.

import type { Context } from "./change.ts";
import { type GateQuestion, gateName, type OpenQuestion, rightToDecide } from "./deciders.ts";
import { MflowError } from "./errors.ts";
import { closeGate, isOverdue, mayEscalate, passesOf } from "./gate.ts";
import type { Gate, GateDecision } from "./schema/gate.ts";
import type { DecideRequest } from "./schema/request.ts";

export interface Decided {
  gate: Gate;
  decision: GateDecision;
  /** The rule by which they could, and how far the gate is, as a sentence without a full stop. */
  rule: string;
}

/** Adds a decision and says where the gate stands then. A PUSH_BACK closes it; to where stands in decide/push-back.ts. */
export function decideGate(
  asked: GateQuestion,
  request: DecideRequest,
  user: string,
  context: Context,
): Decided {
  const question = requireWaiting(asked, context);
  const { gate } = question;
  const of = gateName(question);
  const right = rightToDecide(question, user, context);
  if (request.digest !== undefined && request.digest !== gate.digest) {
    throw new MflowError("CONTENT_CHANGED", `${of} is about ${gate.digest}, not ${request.digest}`);
  }
  const decision: GateDecision = {
    user,
    verdict: request.verdict,
    at: context.now,
    digest: gate.digest ?? "",
  };
  if (right.onBehalfOf !== undefined) decision.onBehalfOf = right.onBehalfOf;
  if (request.pushBackTo !== undefined) decision.pushBackTo = request.pushBackTo;
  const comment = commentOf(of, request);
  if (comment) decision.comment = comment;
  const decided: Gate = { ...gate, decisions: [...gate.decisions, decision] };
  const passes = passesOf(decided);
  return {
    gate: closedBy(decided, decision, passes, context.now),
    decision,
    rule: `${right.rule}; ${passes} of ${gate.required} passed`,
  };
}

function closedBy(gate: Gate, { verdict }: GateDecision, passes: number, now: string): Gate {
  if (verdict === "DENY") return { ...gate, stage: "DENY", closedAt: now };
  if (verdict === "PUSH_BACK") return closeGate(gate, now);
  return passes >= gate.required ? { ...gate, stage: "PASS", closedAt: now } : gate;
}

/** The gate, which waits; else GATE_NOT_OPEN. */
function requireWaiting(question: GateQuestion, { nowMs }: Context): OpenQuestion {
  const { kind, gate, taskName } = question;
  if (!gate) throw new MflowError("GATE_NOT_OPEN", `task \`${taskName}\` has no ${kind}`);
  if (gate.stage !== "WAITING") {
    const since = gate.stage === "PENDING" ? "has not opened yet" : `is ${gate.stage}`;
    throw new MflowError(
      "GATE_NOT_OPEN",
      `${gateName(question)} ${since}; it is decided while it is WAITING`,
    );
  }
  // The alarm that ends it may come a moment later; nobody decides in between.
  if (isOverdue(gate, nowMs) && !mayEscalate(gate)) {
    throw new MflowError("GATE_NOT_OPEN", `${gateName(question)} has expired at ${gate.expiresAt}`);
  }
  return { ...question, gate };
}

const NEEDS_COMMENT: Readonly<Partial<Record<DecideRequest["verdict"], string>>> = {
  DENY: "to deny",
  PUSH_BACK: "to push back",
};

function commentOf(of: string, request: DecideRequest): string | undefined {
  const comment = request.comment?.trim();
  const needed = NEEDS_COMMENT[request.verdict];
  if (needed && !comment) {
    throw new MflowError("COMMENT_REQUIRED", `${needed} ${of}, say why in \`comment\``);
  }
  return comment;
}

/**
 * Takes back the user's own pass, which counts no more; they may decide again. The caller reopens a gate that had
 * PASSED, which must be an audit whose task has not started. Throws WITHDRAW_REFUSED or GATE_NOT_OPEN.
 */
export function withdrawPass(
  asked: GateQuestion,
  hasStarted: boolean,
  user: string,
  context: Context,
): { gate: Gate; withdrawn: GateDecision } {
  const { kind, gate, taskName } = asked;
  if (!gate) throw new MflowError("GATE_NOT_OPEN", `task \`${taskName}\` has no ${kind}`);
  const of = gateName(asked);
  const index = gate.decisions.findLastIndex(
    (decision) => decision.user === user && decision.withdrawnAt === undefined,
  );
  const own = gate.decisions[index];
  if (!own) {
    throw new MflowError("WITHDRAW_REFUSED", `${user} has not decided ${of}; there is nothing to withdraw`);
  }
  if (own.verdict !== "PASS") {
    const message = `${user} decided ${own.verdict} on ${of}; only a PASS is taken back`;
    throw new MflowError("WITHDRAW_REFUSED", message);
  }
  if (gate.stage === "PASS" && (kind === "confirm" || hasStarted)) {
    const why =
      kind === "confirm" ? "has passed, and the task has ended" : "has passed, and the task has started";
    throw new MflowError("WITHDRAW_REFUSED", `${of} ${why}; a pass is taken back before that`);
  }
  if (gate.stage !== "PASS") requireWaiting(asked, context);
  const withdrawn: GateDecision = { ...own, withdrawnAt: context.now };
  return { gate: { ...gate, decisions: gate.decisions.with(index, withdrawn) }, withdrawn };
}
