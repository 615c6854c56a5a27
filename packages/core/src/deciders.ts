// Who may decide a gate: the people listed in it, each once, and those who stand in for one of them who is away
// (semantics, section 4). Each refusal names the rule and who may.

import type { Context } from "./change.ts";
import { MflowError } from "./errors.ts";
import { ablePeople, type GateKind, resolvePeople, standingDecisions } from "./gate.ts";
import type { Gate } from "./schema/gate.ts";
import type { Scope } from "./schema/scalars.ts";

/** A gate with what decides who may decide it. */
export interface GateQuestion {
  kind: GateKind;
  gate: Gate | undefined;
  /** Named in messages. */
  taskName: string;
  scope: Scope;
  startedBy: string;
}

export type OpenQuestion = GateQuestion & { gate: Gate };

/** What tells who may decide, and who stands in for whom. */
export type People = Pick<Context, "groupMembers" | "standInOf" | "cannotDecide">;

/** How a person may decide. */
export interface Right {
  /** For whom they stand in. */
  onBehalfOf?: string;
  /** The rule that lets them, as a sentence without a full stop. */
  rule: string;
}

/** Somebody who can still decide, and who may do it for them now that they are away. */
export interface Decider {
  user: string;
  standIn?: string;
}

/** Those who can still decide, and for whom nobody has. */
export function decidersOf(question: OpenQuestion, context: People): Decider[] {
  const { gate, scope } = question;
  const standing = standingDecisions(gate);
  const isDone = (name: string) =>
    standing.some(({ user, onBehalfOf }) => user === name || onBehalfOf === name);
  return ablePeople(gate.people, scope, context)
    .filter((user) => !isStarter(question, user) && !isDone(user))
    .map((user) => {
      const standIn = context.standInOf(user);
      if (standIn === undefined || standIn === user || isStarter(question, standIn)) return { user };
      if (context.cannotDecide(standIn, scope) !== undefined) return { user };
      return standing.some((decision) => decision.user === standIn) ? { user } : { user, standIn };
    });
}

/** How the user may decide; throws FORBIDDEN, NOT_LISTED, SELF_DECISION or ALREADY_DECIDED. */
export function rightToDecide(question: OpenQuestion, user: string, context: People): Right {
  const { gate, scope, startedBy } = question;
  const of = gateName(question);
  const obstacle = context.cannotDecide(user, scope);
  if (obstacle !== undefined) throw new MflowError("FORBIDDEN", `${user} may not decide ${of}: ${obstacle}`);
  const listed = ablePeople(gate.people, scope, context);
  const isListed = listed.includes(user);
  const absent = listed.filter((name) => name !== user && context.standInOf(name) === user);
  if (!isListed && absent.length === 0) {
    const who = whoMay(question, context) || gate.people.join(", ");
    throw new MflowError("NOT_LISTED", `${user} is not listed for ${of}; these may decide: ${who}`);
  }
  const others = () => whoMay(question, context) || "nobody else is listed";
  if (isStarter(question, user)) {
    throw new MflowError(
      "SELF_DECISION",
      `${user} started the run and may not decide ${of}; these may: ${others()}`,
    );
  }
  const standing = standingDecisions(gate);
  if (standing.some((decision) => decision.user === user)) {
    throw new MflowError("ALREADY_DECIDED", `${user} has decided ${of} already; each person decides once`);
  }
  const forUser = standing.find(({ onBehalfOf }) => onBehalfOf === user);
  if (forUser) {
    throw new MflowError("ALREADY_DECIDED", `${forUser.user} has decided ${of} for ${user}, who was away`);
  }
  if (isListed) return { rule: listedBy(question, user, context) };
  const allowed = absent.filter((name) => !isStarter(question, name));
  if (allowed.length === 0) {
    throw new MflowError(
      "SELF_DECISION",
      `${user} stands in for ${startedBy}, who started the run, and may not decide ${of}; these may: ${others()}`,
    );
  }
  const free = allowed.find(
    (name) => !standing.some((decision) => decision.user === name || decision.onBehalfOf === name),
  );
  if (free === undefined) {
    throw new MflowError(
      "ALREADY_DECIDED",
      `${allowed.join(", ")}, for whom ${user} stands in, has decided ${of} already`,
    );
  }
  return {
    onBehalfOf: free,
    rule: `${user} stands in for ${free}, who is away; ${listedBy(question, free, context)}`,
  };
}

/** How messages name the gate. */
export function gateName({ kind, taskName }: Pick<GateQuestion, "kind" | "taskName">): string {
  return `the ${kind} of task \`${taskName}\``;
}

/** Those of the gate's people, names and groups as they are listed, by whom or by whose members it still can be decided. */
export function openPeople(question: OpenQuestion, context: People): string[] {
  const users = new Set(decidersOf(question, context).map(({ user }) => user));
  return question.gate.people.filter((person) =>
    resolvePeople([person], question.scope, context).some((user) => users.has(user)),
  );
}

/** Those who can still decide, for people; empty when nobody can. */
function whoMay(question: OpenQuestion, context: People): string {
  return decidersOf(question, context)
    .map(({ user, standIn }) => (standIn === undefined ? user : `${standIn} (for ${user}, who is away)`))
    .join(", ");
}

function isStarter({ gate, startedBy }: OpenQuestion, user: string): boolean {
  return !gate.allowSelf && user === startedBy;
}

function listedBy({ gate, scope, startedBy }: OpenQuestion, user: string, context: People): string {
  const group = gate.people.find(
    (person) => person.startsWith("@") && context.groupMembers(person.slice(1), scope).includes(user),
  );
  const listed =
    gate.people.includes(user) || group === undefined ? `${user} is listed` : `${user} is in ${group}`;
  return user === startedBy ? `${listed} and started the run, which \`allowSelf\` permits` : listed;
}
