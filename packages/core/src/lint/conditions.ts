// Rules on `when` of tasks and stages: what it names is there by then, its types fit, and it decides something.

import { alwaysValue } from "../condition/always.ts";
import { checkCondition } from "../condition/check.ts";
import { compileCondition } from "../condition/compile.ts";
import { type Expression, partsOf, pathOf } from "../condition/expression.ts";
import { placeIn } from "../condition/problem.ts";
import { type ConditionReferences, referencesOf } from "../condition/references.ts";
import type { ConditionScope } from "../condition/scope.ts";
import { pointerOf } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { isExportedName } from "../state.ts";
import { error, type Finding, warning } from "./finding.ts";
import { ANYTHING, type Outputs, outputsOf } from "./outputs.ts";
import type { PlanFacts } from "./plan-facts.ts";

/** A condition at its place. */
interface Place {
  when: string;
  path: string;
  scope: ConditionScope;
  /** What has been put out by then. */
  before: Outputs;
  hasEnded(node: number): boolean;
  /** The task that it is of; nothing for a stage. */
  node?: number;
  always: boolean | undefined;
  /** What never runs when it is false, as in "the task". */
  what: string;
}

/** `givenLater`: params that the run request fills. */
export function* conditionRules(
  facts: PlanFacts,
  path: string,
  givenLater: ReadonlySet<string>,
): Generator<Finding> {
  const { graph, outputs } = facts;
  for (const [index, { spec }] of graph.stages.entries()) {
    if (!isReadable(spec.when)) continue;
    const place: Place = {
      when: spec.when,
      path: `${below(`${path}/stages`, index)}/when`,
      scope: facts.scopeOfStage(index),
      before: outputs.beforeStage(index),
      hasEnded: (node) => facts.hasEndedBeforeStage(index, node),
      always: facts.alwaysOfStage(index),
      what: "the tasks of the stage never run",
    };
    yield* placeRules(facts, place);
    yield* stageParamRules(place, givenLater);
  }
  for (const [index, { spec }] of graph.nodes.entries()) {
    if (!isReadable(spec.when)) continue;
    yield* placeRules(facts, {
      when: spec.when,
      path: `${path}${pointerOf(graph, index)}/when`,
      scope: facts.scopeOfTask(index),
      before: outputs.before(index),
      hasEnded: (node) => facts.hasEndedBefore(index, node),
      node: index,
      always: facts.alwaysOfTask(index),
      what: "the task never runs",
    });
  }
}

function isReadable(when: string | undefined): when is string {
  return when !== undefined && "expression" in compileCondition(when);
}

function* placeRules(facts: PlanFacts, place: Place): Generator<Finding> {
  const { when, path, scope } = place;
  for (const { message, offset } of checkCondition(when, scope)) {
    yield error(path, `${message} (${placeIn(when, offset)})`);
  }
  const references = referencesOf(when);
  yield* alwaysRules(facts, place, references);
  yield* taskRules(facts, place, references);
  yield* envRules(facts, place, references);
}

function* alwaysRules(
  facts: PlanFacts,
  { when, path, scope, what, hasEnded, always }: Place,
  { tasks }: ConditionReferences,
): Generator<Finding> {
  if (always === undefined) return;
  if (always) {
    yield warning(path, "`when` is always true, so it decides nothing; correct it, or remove it");
    return;
  }
  const nodes = tasks.map((name) => [name, facts.named(name)] as const);
  const never = nodes.find(([, node]) => node !== undefined && facts.neverRuns(node) !== undefined);
  const isEnded = nodes.some(([, node]) => node !== undefined && hasEnded(node));
  let why = "";
  // By itself, whatever its tasks do.
  if (alwaysValue(when) === false) why = "";
  else if (never) why = ` (${quoted(never[0])} never runs)`;
  else if (isEnded && !scope.isFinally) {
    why = " (a task that fails ends the run, unless it has `ignoreFailed`)";
  }
  yield warning(path, `\`when\` is always false, so ${what}${why}; correct it, or remove it`);
}

/** Tasks that are named, but may still run then; what they never put out. */
function* taskRules(
  facts: PlanFacts,
  { path, scope, hasEnded }: Place,
  { tasks, outputs }: ConditionReferences,
): Generator<Finding> {
  for (const name of tasks) {
    const node = facts.named(name);
    if (node === undefined || scope.laterTasks?.has(name) || hasEnded(node)) continue;
    const message = `task ${quoted(name)} may not have ended by then, and is asked as it stands; name it in \`needs\`, or use an earlier task`;
    yield warning(path, message);
  }
  for (const { task, name } of outputs) {
    const node = facts.named(task);
    const made = node === undefined ? ANYTHING : outputsOf(facts.jobSpec(node));
    if (node === undefined || made === ANYTHING || made.has(name)) continue;
    const message = `task ${quoted(task)} puts out no runtime env ${quoted(name)}, as far as its job tells; correct the name, or let it put it out`;
    yield warning(path, message);
  }
}

/** Runtime envs that nobody puts out, or perhaps too late. */
function* envRules(
  facts: PlanFacts,
  { path, before, hasEnded, node }: Place,
  { envs }: ConditionReferences,
): Generator<Finding> {
  for (const name of envs) {
    if (!isExportedName(name) || before.isShown(name)) continue;
    yield warning(path, lateEnvMessage(facts, name, hasEnded, node));
  }
}

/** Why nobody has put a runtime env out by then. */
export function lateEnvMessage(
  facts: PlanFacts,
  name: string,
  hasEnded: (node: number) => boolean,
  itself?: number,
): string {
  const late = facts.graph.nodes.findIndex((_, node) => {
    const outputs = node === itself || hasEnded(node) ? ANYTHING : outputsOf(facts.jobSpec(node));
    return outputs !== ANYTHING && outputs.has(name);
  });
  if (late < 0) {
    return `no earlier task puts out runtime env ${quoted(name)}, as far as the jobs tell; correct the name, or let a task put it out`;
  }
  const { spec } = facts.graph.node(late);
  return `runtime env ${quoted(name)} comes from task ${quoted(spec.name)}, which may not have ended by then; name that in \`needs\`, or move it to an earlier stage`;
}

/** Params that a stage's `when` names and that nobody gives: a stage has no defaults. */
function* stageParamRules({ when, path, scope }: Place, givenLater: ReadonlySet<string>): Generator<Finding> {
  const asked = askedNames(when);
  for (const name of referencesOf(when).params) {
    if (scope.params?.has(name) || givenLater.has(name) || asked.has(name)) continue;
    const message = `nobody gives param ${quoted(name)} for the stage, and defaults of jobs do not count there; add it to \`with\`, give it with each run (\`-p ${name}=VALUE\`), or ask \`has(params.${name})\` first`;
    yield warning(path, message);
  }
}

/** The params that a condition asks `has(...)` for. */
function askedNames(when: string): Set<string> {
  const names = new Set<string>();
  const visit = (expression: Expression): void => {
    const path = expression.kind === "has" ? pathOf(expression.of) : undefined;
    if (path?.[0] === "params" && path[1] !== undefined) names.add(path[1]);
    if (expression.kind === "operation" && expression.operator === "in") {
      const { left, right } = expression;
      const isParams = right.kind === "name" && right.name === "params";
      if (isParams && left.kind === "literal" && typeof left.value === "string") names.add(left.value);
    }
    for (const part of partsOf(expression)) visit(part);
  };
  const compiled = compileCondition(when);
  if ("expression" in compiled) visit(compiled.expression);
  return names;
}
