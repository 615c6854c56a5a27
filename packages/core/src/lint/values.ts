// Rules on the values that a pipeline, its stages and tasks give to the params of their jobs.

import { namesAskedOfRun } from "../asked-names.ts";
import { checkParams } from "../check-params.ts";
import { referencesOf } from "../condition/references.ts";
import { didYouMean } from "../nearest.ts";
import { matchesScope, mergeParams, type Place } from "../params.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { JobSpec } from "../schema/job.ts";
import type { MatrixSpec } from "../schema/matrix.ts";
import {
  type ParamValue,
  type ParamValues,
  paramValueList,
  type RunParam,
  type SetBy,
} from "../schema/param.ts";
import { isSystemParam } from "./declarations.ts";
import { error, type Finding, warning } from "./finding.ts";
import type { PlanFacts } from "./plan-facts.ts";

/** A value of a level, and what is known about it so far. */
interface Given {
  value: ParamValue;
  /** Pointer of the value. */
  path: string;
  /** Where its name stands: a key in a map, a value in a list. */
  name: { path: string; atKey: boolean };
  /** A job that gets it declares it. */
  taken: boolean;
}

/** The values of one place: a pipeline's or stage's `with`, or a task's `runParams`. */
interface Level {
  setBy: SetBy;
  byName: Map<string, Given[]>;
}

interface TaskAt {
  place: Place;
  path: string;
  jobName: string;
  /** Absent when the job is not known. */
  spec?: JobSpec;
  skipped: boolean;
}

function levelOf(setBy: SetBy, values: ParamValues | undefined, path: string): Level {
  const byName = new Map<string, Given[]>();
  const isList = Array.isArray(values);
  for (const [index, value] of paramValueList(values).entries()) {
    const entryPath = below(path, isList ? index : value.name);
    const given = {
      value,
      path: isList ? `${entryPath}/value` : entryPath,
      name: isList ? { path: `${entryPath}/name`, atKey: false } : { path: entryPath, atKey: true },
      taken: false,
    };
    const same = byName.get(value.name);
    if (same) same.push(given);
    else byName.set(value.name, [given]);
  }
  return { setBy, byName };
}

/** The finding at the name of a value. */
function atName({ name }: Given, severity: Finding["severity"], message: string): Finding {
  return { ...name, message, severity };
}

function isEmpty(value: ParamValue): boolean {
  return String(value.value).trim() === "";
}

/** What is wrong with the values of a level, whoever gets them. */
function* levelRules(level: Level): Generator<Finding> {
  for (const [name, givens] of level.byName) {
    const scopes = new Set<string>();
    for (const given of givens) {
      const { value, path } = given;
      if (isSystemParam(name)) {
        yield atName(given, "error", `${quoted(name)} is set by mflow itself; remove it`);
      } else if (isEmpty(value)) {
        yield warning(path, `${quoted(name)} is empty here, and an empty value never overrides; remove it`);
      }
      const scope = JSON.stringify(value.scope ?? "*");
      if (scopes.has(scope)) {
        yield atName(
          given,
          "warning",
          `${quoted(name)} is given twice here; the last one counts, so remove the others`,
        );
      }
      scopes.add(scope);
    }
  }
}

/** What is wrong with one value for one job that declares it. */
function* valueRules(declaration: RunParam, given: Given, setBy: SetBy, jobName: string): Generator<Finding> {
  const { name } = declaration;
  if (declaration.deprecated) {
    const message = `param ${quoted(name)} of job ${quoted(jobName)} is deprecated; stop giving it`;
    yield atName(given, "warning", message);
  }
  const declared = [{ ...declaration, required: false, readOnly: false, value: undefined }];
  const levels = [{ setBy, values: [{ ...given.value, scope: undefined }] }];
  const { params } = mergeParams({ declared, levels, place: { taskName: "" } });
  const [problem] = checkParams(declared, params);
  if (problem) yield error(given.path, problem.message);
}

/** Follows each declared param of a task through the levels, lowest first. */
function* taskRules(
  task: TaskAt,
  levels: Level[],
  mayFill: (name: string) => boolean | undefined,
  checked: Set<string>,
): Generator<Finding> {
  for (const declaration of task.spec?.runParams ?? []) {
    const { name } = declaration;
    if (isSystemParam(name)) continue;
    let filled = declaration.value !== undefined && String(declaration.value).trim() !== "";
    let final = declaration.readOnly && filled ? `the default of job ${quoted(task.jobName)}` : undefined;
    for (const level of levels) {
      const here = (level.byName.get(name) ?? []).filter(({ value }) =>
        matchesScope(value.scope, task.place),
      );
      for (const given of here) {
        given.taken = true;
        const key = `${given.path} ${task.jobName}`;
        if (final && !checked.has(key)) {
          yield warning(given.path, `this value has no effect: ${final} is \`readOnly\`; remove one of them`);
        }
        if (!checked.has(key)) yield* valueRules(declaration, given, level.setBy, task.jobName);
        checked.add(key);
        filled ||= !isEmpty(given.value);
      }
      if (!final && here.some(({ value }) => value.readOnly && !isEmpty(value))) {
        final = level.setBy === "PIPELINE" ? "the value of the pipeline" : "the value of the stage";
      }
    }
    if (declaration.required && !filled && !task.skipped && !mayFill(name)) {
      const message = `nobody fills the required param ${quoted(name)} of job ${quoted(task.jobName)}`;
      const remedy = `add it to \`runParams\`, or give it with each run (\`-p ${name}=VALUE\`)`;
      yield warning(`${task.path}/job`, `${message}; ${remedy}`);
    }
  }
}

/** Values that no job declares, or that their scope gives to no task. `tasks` are those that the level is for. */
function* untakenRules(level: Level, tasks: readonly TaskAt[]): Generator<Finding> {
  for (const [name, givens] of level.byName) {
    if (isSystemParam(name)) continue;
    for (const given of givens) {
      if (given.taken) continue;
      const meant = tasks.filter(({ place }) => matchesScope(given.value.scope, place));
      if (meant.length === 0) {
        const message = `the scope of ${quoted(name)} matches no task here, so nobody gets the value`;
        yield atName(given, "warning", message + scopeHint(given.value, tasks));
      } else if (meant.every(({ spec }) => spec)) {
        const specs = new Set(meant.map(({ spec }) => spec));
        const declared = [...specs].flatMap((spec) => (spec?.runParams ?? []).map((param) => param.name));
        const remedy = didYouMean(name, declared) || "; declare it in the job, or remove it";
        const who =
          meant.length === 1
            ? `job ${quoted(meant[0]?.jobName ?? "")} declares no`
            : "no job here declares a";
        yield atName(given, "warning", `${who} param ${quoted(name)}, so it is ignored${remedy}`);
      }
    }
  }
}

function scopeHint({ scope }: ParamValue, tasks: readonly TaskAt[]): string {
  if (typeof scope !== "object") return "";
  const stages = new Set(tasks.map(({ place }) => place.stageName ?? ""));
  if (typeof scope.stage === "string" && !stages.has(scope.stage)) return didYouMean(scope.stage, stages);
  const names = tasks.map(({ place }) => place.taskName);
  return typeof scope.task === "string" ? didYouMean(scope.task, names) : "";
}

/** What the `when` of a stage names is taken, although no job declares it. */
function takeForStage(when: string | undefined, place: Place, levels: readonly Level[]): void {
  for (const name of when === undefined ? [] : referencesOf(when).params) {
    for (const given of levels.flatMap((level) => level.byName.get(name) ?? [])) {
      if (matchesScope(given.value.scope, place)) given.taken = true;
    }
  }
}

/**
 * Values are declared, parse and have an effect; required params are filled, or may be by an earlier task.
 * `givenLater` are names that the run request fills.
 */
export function* valueLevelRules(
  facts: PlanFacts,
  path: string,
  givenLater: ReadonlySet<string> = new Set(),
): Generator<Finding> {
  const { graph, spec } = facts;
  const checked = new Set<string>();
  const ofPipeline = levelOf("PIPELINE", spec.with, `${path}/with`);
  yield* levelRules(ofPipeline);
  for (const name of namesAskedOfRun(spec)) {
    for (const given of ofPipeline.byName.get(name) ?? []) given.taken = true;
  }
  const all: TaskAt[] = [];
  for (const [stageIndex, stage] of spec.stages.entries()) {
    const stagePath = below(`${path}/stages`, stageIndex);
    const ofStage = levelOf("STAGE", stage.with, `${stagePath}/with`);
    yield* levelRules(ofStage);
    const stagePlace = { stageName: stage.name, stageNumber: stageIndex + 1 };
    takeForStage(stage.when, { ...stagePlace, taskName: "" }, [ofPipeline, ofStage]);
    const tasks: TaskAt[] = [];
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const node = graph.at(stageIndex, taskIndex);
      const place = { ...stagePlace, taskName: task.name, taskNumber: taskIndex + 1 };
      const taskPath = below(`${stagePath}/tasks`, taskIndex);
      const at: TaskAt = {
        place,
        path: taskPath,
        jobName: task.job,
        spec: facts.jobSpec(node),
        skipped: !!task.skipRun,
      };
      const ofTask = levelOf("TASK", task.runParams, `${taskPath}/runParams`);
      yield* levelRules(ofTask);
      // A template is not run: who extends it may fill everything.
      const mayFill = (name: string) =>
        spec.isTemplate ||
        givenLater.has(name) ||
        isInMatrix(task.matrix, name) ||
        facts.outputs.before(node).mayFill(name);
      yield* taskRules(at, [ofPipeline, ofStage, ofTask], mayFill, checked);
      yield* untakenRules(ofTask, [at]);
      tasks.push(at);
    }
    yield* untakenRules(ofStage, tasks);
    all.push(...tasks);
  }
  yield* untakenRules(ofPipeline, all);
}

/** Whether the combinations of a matrix may give a value for a param. */
function isInMatrix(matrix: MatrixSpec | undefined, name: string): boolean {
  if (!matrix) return false;
  if (matrix.fromEnv !== undefined || matrix.params?.[name]) return true;
  return (matrix.include ?? []).some((combination) => combination[name] !== undefined);
}
