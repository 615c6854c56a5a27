// Rules on matrices: every value reaches a param that takes it, and what is said has an effect. What keeps a run from
// starting is in plan/problems.ts.

import { checkParams } from "../check-params.ts";
import { combinationsOf, matrixProblem, secretWays, uselessExcludes } from "../matrix.ts";
import { didYouMean } from "../nearest.ts";
import { matchesScope, mergeParams } from "../params.ts";
import { pointerOf } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { JobSpec } from "../schema/job.ts";
import type { MatrixSpec } from "../schema/matrix.ts";
import { paramValueList, type RunParam } from "../schema/param.ts";
import { isExportedName } from "../state.ts";
import { lateEnvMessage } from "./conditions.ts";
import { isSystemParam } from "./declarations.ts";
import { error, type Finding, warning } from "./finding.ts";
import { NO_COMBINATION, type PlanFacts } from "./plan-facts.ts";

/** A value of a matrix and where it stands. */
interface MatrixValue {
  name: string;
  value: string | number | boolean;
  path: string;
}

export function* matrixRules(facts: PlanFacts, path: string): Generator<Finding> {
  for (const [index, { spec }] of facts.graph.nodes.entries()) {
    const { matrix } = spec;
    if (!matrix) continue;
    const matrixPath = `${path}${pointerOf(facts.graph, index)}/matrix`;
    yield* fromEnvRules(facts, index, matrix, matrixPath);
    if (matrixProblem(matrix)) continue;
    yield* shapeRules(matrix, matrixPath);
    const job = facts.jobSpec(index);
    if (job) yield* valueRules(facts, index, job, matrix, matrixPath);
  }
}

function* fromEnvRules(
  facts: PlanFacts,
  node: number,
  { fromEnv }: MatrixSpec,
  path: string,
): Generator<Finding> {
  if (fromEnv === undefined) return;
  if (!isExportedName(fromEnv)) {
    const message = `runtime env ${quoted(fromEnv)} is not handed to later tasks; let the task put it out under a name that starts with an upper case letter`;
    yield error(`${path}/fromEnv`, message);
  } else if (facts.jobSpec(node)?.runParams?.some(({ name, sensitive }) => sensitive && name === fromEnv)) {
    yield error(`${path}/fromEnv`, secretWays(`runtime env ${quoted(fromEnv)}`));
  } else if (!facts.outputs.before(node).isShown(fromEnv)) {
    yield warning(
      `${path}/fromEnv`,
      lateEnvMessage(facts, fromEnv, (other) => facts.hasEndedBefore(node, other), node),
    );
  } else if (facts.neverRuns(node) === NO_COMBINATION) {
    const message = `runtime env ${quoted(fromEnv)} is always an empty list, so the task never runs; let the earlier task put out combinations`;
    yield warning(`${path}/fromEnv`, message);
  }
}

function* shapeRules(matrix: MatrixSpec, path: string): Generator<Finding> {
  const useless = new Set(uselessExcludes(matrix));
  for (const [index, part] of (matrix.exclude ?? []).entries()) {
    if (!useless.has(part)) continue;
    const message = "no combination has all of these values, so nothing is left out; correct or remove this";
    yield warning(below(`${path}/exclude`, index), message);
  }
  for (const [name, values] of Object.entries(matrix.params ?? {})) {
    for (const [index, value] of values.entries()) {
      if (values.indexOf(value) === index) continue;
      const message = `${quoted(String(value))} stands here twice and makes one combination; remove one`;
      yield warning(below(below(`${path}/params`, name), index), message);
    }
  }
  if (matrix.maxParallel === undefined || matrix.fromEnv !== undefined) return;
  const { length } = combinationsOf(matrix);
  if (matrix.maxParallel < length) return;
  const ways = length === 1 ? "is only 1 combination" : `are only ${length} combinations`;
  yield warning(
    `${path}/maxParallel`,
    `\`maxParallel\` has no effect: there ${ways}; lower it, or remove it`,
  );
}

function* valuesOf({ params = {}, include = [] }: MatrixSpec, path: string): Generator<MatrixValue> {
  for (const [name, values] of Object.entries(params)) {
    const listPath = below(`${path}/params`, name);
    for (const [index, value] of values.entries()) yield { name, value, path: below(listPath, index) };
  }
  for (const [index, combination] of include.entries()) {
    const entryPath = below(`${path}/include`, index);
    for (const [name, value] of Object.entries(combination)) {
      yield { name, value, path: below(entryPath, name) };
    }
  }
}

/** Each param is declared and free to change, and takes each of its values. */
function* valueRules(
  facts: PlanFacts,
  node: number,
  job: JobSpec,
  matrix: MatrixSpec,
  path: string,
): Generator<Finding> {
  const declared = new Map((job.runParams ?? []).map((param) => [param.name, param]));
  const told = new Set<string>();
  for (const { name, value, path: valuePath } of valuesOf(matrix, path)) {
    const declaration = declared.get(name);
    const problem = nameProblem(facts, node, name, declaration, declared.keys());
    if (problem !== undefined) {
      if (!told.has(name)) {
        const namePath = matrix.params?.[name] ? below(`${path}/params`, name) : valuePath;
        yield { ...problem, path: namePath, atKey: true };
      }
      told.add(name);
    } else if (declaration) {
      const wrong = valueProblem(declaration, value);
      if (wrong !== undefined) yield error(valuePath, wrong);
    }
  }
}

function nameProblem(
  facts: PlanFacts,
  node: number,
  name: string,
  declaration: RunParam | undefined,
  declared: Iterable<string>,
): Finding | undefined {
  if (isSystemParam(name)) return error("", `${quoted(name)} is set by mflow itself; remove it`);
  const job = quoted(facts.graph.node(node).spec.job);
  if (!declaration) {
    const remedy = didYouMean(name, declared) || "; declare it in the job, or remove it";
    return warning(
      "",
      `job ${job} declares no param ${quoted(name)}, so its values make no difference${remedy}`,
    );
  }
  if (declaration.sensitive) return error("", secretWays(`param ${quoted(name)} of job ${job}`));
  const final = finalValue(facts, node, declaration);
  if (final === undefined) return undefined;
  return warning(
    "",
    `the values of ${quoted(name)} have no effect: ${final} is \`readOnly\`; remove one of them`,
  );
}

/** Whose value of a param nothing changes any more. */
function finalValue(facts: PlanFacts, node: number, declaration: RunParam): string | undefined {
  const { name, readOnly, value = "" } = declaration;
  const { spec, stage, task } = facts.graph.node(node);
  if (readOnly && String(value).trim() !== "") return `the default of job ${quoted(spec.job)}`;
  const itsStage = facts.graph.stage(stage).spec;
  const place = {
    stageName: itsStage.name,
    stageNumber: stage + 1,
    taskName: spec.name,
    taskNumber: task + 1,
  };
  const levels = [
    ["the value of the pipeline", facts.spec.with],
    ["the value of the stage", itsStage.with],
    ["the value of the task", spec.runParams],
  ] as const;
  for (const [whose, values] of levels) {
    const isFinal = paramValueList(values).some(
      (given) =>
        given.name === name &&
        given.readOnly &&
        String(given.value).trim() !== "" &&
        matchesScope(given.scope, place),
    );
    if (isFinal) return whose;
  }
  return undefined;
}

function valueProblem(declaration: RunParam, value: string | number | boolean): string | undefined {
  const declared = [{ ...declaration, required: false, readOnly: false, value: undefined }];
  const { name } = declaration;
  const levels = [{ setBy: "MATRIX" as const, values: [{ name, value }] }];
  const { params } = mergeParams({ declared, levels, place: { taskName: "" } });
  return checkParams(declared, params)[0]?.message;
}
