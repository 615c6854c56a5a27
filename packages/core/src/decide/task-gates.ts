// The gates that a task starts an attempt with, and whether anybody could ever pass them: a run that could only wait
// until it is canceled is refused, as one is whose params are missing.

import { type ErrorDetail, MflowError } from "../errors.ts";
import {
  ablePeople,
  type GateKind,
  type GatePeople,
  makeGate,
  needsDecision,
  resolvePeople,
} from "../gate.ts";
import { matchesScope } from "../params.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import { placeOf, taskSpecOf } from "./freeze.ts";

/** Fresh gates of a task: those of its definition, with the auditors whom the run request added. */
export function gatesOf(definition: RunDefinition, task: JobTask): Pick<JobTask, "audit" | "confirm"> {
  const spec = taskSpecOf(definition, task);
  const added = (definition.auditors ?? []).filter(({ scope }) =>
    matchesScope(scope, placeOf(definition, task)),
  );
  const gates: Pick<JobTask, "audit" | "confirm"> = {};
  const audit = makeGate("audit", spec.audit, added);
  if (audit) gates.audit = audit;
  const confirm = makeGate("confirm", spec.confirm);
  if (confirm) gates.confirm = confirm;
  return gates;
}

/** GATE_CANNOT_PASS that names every gate for which too few people could decide; those of skipped tasks never open. */
export function refuseGatesThatCannotPass(
  definition: RunDefinition,
  tasks: Iterable<JobTask>,
  context: GatePeople,
): void {
  const problems: ErrorDetail[] = [];
  for (const task of tasks) {
    if (taskSpecOf(definition, task).skipRun) continue;
    for (const kind of ["audit", "confirm"] as const) {
      const gate = task[kind];
      const message = needsDecision(gate) ? cannotPass(task, kind, gate, context) : undefined;
      if (message !== undefined) problems.push({ path: "", message });
    }
  }
  if (problems.length === 0) return;
  throw new MflowError("GATE_CANNOT_PASS", problems.map(({ message }) => message).join("; "), problems);
}

function cannotPass(task: JobTask, kind: GateKind, gate: Gate, context: GatePeople): string | undefined {
  const people = [...new Set([...gate.people, ...(gate.escalateTo ?? [])])];
  const listed = ablePeople(people, task, context);
  const able = gate.allowSelf ? listed : listed.filter((user) => user !== task.startedBy);
  if (able.length >= gate.required) return undefined;
  const needs = `the ${kind} of task \`${task.name}\` needs ${gate.required === 1 ? "1 person" : `${gate.required} people`}`;
  const isStarterAble = able.length === listed.length;
  const who = able.length === 0 ? "nobody" : `only ${able.join(", ")}`;
  const starter = isStarterAble ? "" : ` (${task.startedBy} starts the run and may not)`;
  const empty = people.filter(
    (person) => person.startsWith("@") && context.groupMembers(person.slice(1), task).length === 0,
  );
  const groups =
    empty.length === 0 ? "" : `; ${empty.join(", ")} ${empty.length === 1 ? "has" : "have"} no members`;
  const barred = resolvePeople(people, task, context).flatMap((user) => {
    const obstacle = context.cannotDecide(user, task);
    return obstacle === undefined ? [] : `; ${user}: ${obstacle}`;
  });
  return `${needs}, and of ${people.join(", ")} ${who} may decide${starter}${barred.join("")}${groups}`;
}
