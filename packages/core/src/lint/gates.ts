// Rules on audits and confirms: a gate that nobody needs to pass, or that nobody can, people who are not there, and
// times that have no effect.

import { type GateKind, gateTimeProblems } from "../gate.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { AddedAuditor, AuditSpec, ConfirmSpec } from "../schema/gate.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { LintContext } from "./context.ts";
import { millisecondsOf } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";
import { EVERYONE, unknownPerson } from "./people.ts";

/** `scope`: where the tasks of the gates are. */
type People = Pick<LintContext, "people" | "scope">;
type GateSpec = AuditSpec | ConfirmSpec;

const TIME_RULES = ["expiresIn", "onExpire", "escalateTo", "remindEvery"] as const;

function listOf(
  kind: GateKind,
  spec: GateSpec,
): { list: "auditors" | "checkers"; people: readonly string[] } {
  const list = kind === "audit" ? "auditors" : "checkers";
  return { list, people: (spec as Record<string, string[] | undefined>)[list] ?? [] };
}

function* gateRules(
  kind: GateKind,
  spec: GateSpec | undefined,
  path: string,
  context: People,
): Generator<Finding> {
  if (!spec) return;
  const { list, people } = listOf(kind, spec);
  const keys = kind === "confirm" ? [...TIME_RULES, "maxPushBacks" as const] : TIME_RULES;
  const idle = keys.filter((key) => (spec as Record<string, unknown>)[key] !== undefined);
  if (spec.enable === false) {
    for (const key of idle) {
      yield warning(
        `${path}/${key}`,
        `\`${key}\` has no effect: the ${kind} is not enabled; enable it, or remove this`,
      );
    }
    return;
  }
  yield* peopleRules(people, `${path}/${list}`, context);
  yield* peopleRules(spec.escalateTo ?? [], `${path}/escalateTo`, context);
  if (people.length === 0) {
    yield warning(path, `the ${kind} lists nobody, so it is passed at once; list people in \`${list}\``);
    return;
  }
  yield* timeRules(kind, spec, path);
  yield* requiredRules(kind, spec, people, path, context);
}

function* peopleRules(people: readonly string[], path: string, context: People): Generator<Finding> {
  for (const [index, name] of people.entries()) {
    const problem = personProblem(name, context);
    if (problem !== undefined) yield error(below(path, index), problem);
  }
}

/** Who is not there, or whom nothing lets decide, is listed in vain. */
function personProblem(name: string, { people, scope }: People): string | undefined {
  const unknown = unknownPerson(name, people);
  if (unknown !== undefined || name.startsWith("@")) return unknown;
  const obstacle = people?.cannotDecide?.(name, scope);
  if (obstacle === undefined) return undefined;
  return `${quoted(name)} cannot decide here: ${obstacle}; give them a role there, or list somebody else`;
}

/** Times make sense, and each has an effect. */
function* timeRules(kind: GateKind, spec: GateSpec, path: string): Generator<Finding> {
  for (const { field, message } of gateTimeProblems(kind, spec)) yield error(`${path}/${field}`, message);
  const { expiresIn, onExpire, escalateTo, remindEvery } = spec;
  if (onExpire !== undefined && expiresIn === undefined) {
    const message = `\`onExpire\` has no effect: the ${kind} never expires; add \`expiresIn\`, or remove it`;
    yield warning(`${path}/onExpire`, message);
  }
  if (escalateTo !== undefined && onExpire !== "ESCALATE") {
    const message = "`escalateTo` has no effect without `onExpire: ESCALATE`; add that, or remove it";
    yield warning(`${path}/escalateTo`, message);
  }
  const expiresMs = millisecondsOf(expiresIn);
  const remindMs = millisecondsOf(remindEvery);
  if (expiresMs && remindMs && remindMs >= expiresMs) {
    const message = `nobody is reminded: the ${kind} ends after \`expiresIn: ${expiresIn}\`; remind sooner, or remove it`;
    yield warning(`${path}/remindEvery`, message);
  }
}

/** Enough people are listed, those whom it is escalated to included. */
function* requiredRules(
  kind: GateKind,
  spec: GateSpec,
  people: readonly string[],
  path: string,
  context: People,
): Generator<Finding> {
  const { required = 1, allowSelf = false, expiresIn, onExpire, escalateTo = [] } = spec;
  const escalated = expiresIn !== undefined && onExpire === "ESCALATE" ? escalateTo : [];
  const asked = [...people, ...escalated];
  const listed = countOf(asked, context);
  if (listed === undefined) return;
  if (asked.includes(EVERYONE)) {
    const message = everyoneProblem(kind, required, listed, allowSelf);
    if (message === undefined) return;
    yield warning(`${path}/${spec.required === undefined ? listOf(kind, spec).list : "required"}`, message);
    return;
  }
  if (required <= listed) return;
  if (listed === 0) {
    const message = `the ${kind} lists ${people.join(", ")} alone, which has no members who may decide here; add some, or list others`;
    yield error(`${path}/${listOf(kind, spec).list}`, message);
    return;
  }
  const says = listed === 1 ? "only 1 person is" : `only ${listed} people are`;
  const message = `the ${kind} needs ${required} people, but ${says} listed; list more, or lower \`required\``;
  yield error(`${path}/required`, message);
}

/** Why all together are too few now. They grow with each user: this may be right tomorrow, a run is refused until then. */
function everyoneProblem(
  kind: GateKind,
  required: number,
  listed: number,
  allowSelf: boolean,
): string | undefined {
  const peopleOf = (count: number) => (count === 1 ? "1 person" : `${count} people`);
  const are = `the ${kind} needs ${peopleOf(required)}, but those listed, ${EVERYONE} among them, are ${peopleOf(listed)} now`;
  if (required > listed) return `${are}; add users with a role there, or lower \`required\``;
  // Only who may act in the scope can start a run there, and all of those are everyone.
  if (allowSelf || required < listed) return undefined;
  const lower = required === 1 ? "" : ", lower `required`";
  return `${are}, and whoever starts the run does not count; add users with a role there${lower}, or set \`allowSelf: true\``;
}

/** How many different people who can decide are listed; unknown when the members of a group are. */
function countOf(listed: readonly string[], { people, scope }: People): number | undefined {
  const users = new Set<string>();
  for (const name of listed) {
    if (!name.startsWith("@")) {
      users.add(name);
      continue;
    }
    const members = name === EVERYONE ? people?.everyone?.(scope) : people?.groups.get(name.slice(1));
    if (!members) return undefined;
    for (const member of members) {
      if (people?.cannotDecide?.(member, scope) === undefined) users.add(member);
    }
  }
  return users.size;
}

/** What is wrong with the gates of a lone task. */
export function* loneGateRules(
  { audit, confirm }: { audit?: AuditSpec; confirm?: ConfirmSpec },
  path: string,
  context: People,
): Generator<Finding> {
  yield* gateRules("audit", audit, `${path}/audit`, context);
  yield* gateRules("confirm", confirm, `${path}/confirm`, context);
}

/** What is wrong with the people whom a run request adds to audits. */
export function* addedAuditorRules(
  auditors: readonly AddedAuditor[],
  path: string,
  context: People,
): Generator<Finding> {
  for (const [index, { name }] of auditors.entries()) {
    const problem = personProblem(name, context);
    if (problem !== undefined) yield error(`${below(path, index)}/name`, problem);
  }
}

/** What is wrong with the gates of a pipeline. */
export function* gateRulesOf(spec: PipelineSpec, path: string, context: People): Generator<Finding> {
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const taskPath = below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex);
      yield* loneGateRules(task, taskPath, context);
    }
  }
}
