// What is known of a pipeline's plan before it runs: which tasks never run, and what each condition may name.

import { alwaysValue } from "../condition/always.ts";
import { referencesOf } from "../condition/references.ts";
import type { ConditionScope, ScopeParam } from "../condition/scope.ts";
import { combinationsOf } from "../matrix.ts";
import { matchesScope } from "../params.ts";
import { graphOf, type PlanGraph } from "../plan/graph.ts";
import type { JobSpec } from "../schema/job.ts";
import { type ParamValue, paramValueList } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { EarlierOutputs } from "./outputs.ts";

/** How a task may end that others wait for. */
const ALL_ENDS = ["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"];
/** The same of one whose failure ends the run. */
const GOOD_ENDS = ["SUCCEEDED", "SKIPPED"];

/** Why a task never runs whose matrix is empty. */
export const NO_COMBINATION = "its matrix has no combination";

export class PlanFacts {
  readonly graph: PlanGraph;
  readonly spec: PipelineSpec;
  readonly outputs: EarlierOutputs;
  readonly #jobSpecs: (JobSpec | undefined)[];
  readonly #never = new Map<number, string | undefined>();
  #all: ReadonlyMap<string, { isMatrix: boolean }> | undefined;
  readonly #answers = new Map<string, { always: boolean | undefined }>();
  readonly #scopes = new Map<string, ConditionScope>();
  readonly #ended = new Map<string, ReadonlySet<number>>();

  constructor(spec: PipelineSpec, specOf: (jobRef: string) => JobSpec | undefined) {
    this.spec = spec;
    this.graph = graphOf(spec);
    this.#jobSpecs = this.graph.nodes.map((node) => specOf(node.spec.job));
    this.outputs = new EarlierOutputs(
      this.graph,
      (node) => this.jobSpec(node),
      (node) => this.neverRuns(node) === undefined,
    );
  }

  /** The job of a task; nothing when it is not known. */
  jobSpec(node: number): JobSpec | undefined {
    return this.#jobSpecs[node];
  }

  /** Why a task never runs, as in "because ..."; nothing when it may. */
  neverRuns(node: number): string | undefined {
    if (this.#never.has(node)) return this.#never.get(node);
    // A task that its own condition names.
    this.#never.set(node, undefined);
    const reason = this.#whyNever(node);
    this.#never.set(node, reason);
    return reason;
  }

  #whyNever(node: number): string | undefined {
    const { spec, stage } = this.graph.node(node);
    if (spec.skipRun) return "it has `skipRun`";
    if (this.alwaysOfStage(stage) === false) return "`when` of its stage is always false";
    if (this.alwaysOfTask(node) === false) return "its `when` is always false";
    const { matrix } = spec;
    if (!matrix) return undefined;
    const isEmpty =
      matrix.fromEnv === undefined
        ? combinationsOf(matrix).length === 0
        : this.outputs.before(node).valueOf(matrix.fromEnv)?.trim() === "[]";
    return isEmpty ? NO_COMBINATION : undefined;
  }

  /** What the `when` of a task always answers; nothing when that depends, or there is none. */
  alwaysOfTask(node: number): boolean | undefined {
    const { when } = this.graph.node(node).spec;
    if (when === undefined) return undefined;
    return kept(this.#answers, `task ${node}`, () => ({
      always: this.#always(when, this.scopeOfTask(node), (other) => this.hasEndedBefore(node, other)),
    })).always;
  }

  /** The same of the `when` of a stage. */
  alwaysOfStage(stage: number): boolean | undefined {
    const { when } = this.graph.stage(stage).spec;
    if (when === undefined) return undefined;
    return kept(this.#answers, `stage ${stage}`, () => ({
      always: this.#always(when, this.scopeOfStage(stage), (other) => this.hasEndedBeforeStage(stage, other)),
    })).always;
  }

  /** With how the tasks that the condition names may have ended. */
  #always(when: string, scope: ConditionScope, hasEnded: (node: number) => boolean): boolean | undefined {
    const names = referencesOf(when).tasks;
    if (names.length === 0) return alwaysValue(when, scope);
    const tasks = new Map<string, { isMatrix: boolean; stages?: readonly string[] }>();
    for (const name of names) {
      const task = scope.tasks.get(name);
      const node = this.named(name);
      if (!task || node === undefined) continue;
      if (!hasEnded(node)) tasks.set(name, task);
      else tasks.set(name, { ...task, stages: this.#ends(node, scope.isFinally) });
    }
    return alwaysValue(when, { ...scope, tasks });
  }

  #ends(node: number, isFinally: boolean): readonly string[] {
    if (this.neverRuns(node) !== undefined) return isFinally ? ["SKIPPED", "CANCELED"] : ["SKIPPED"];
    const { spec, stage } = this.graph.node(node);
    const itsStage = this.graph.stage(stage);
    // Besides them a run ends at the first task that does not succeed, but for its `finally` stages.
    const isTolerated = spec.ignoreFailed || itsStage.spec.ignoreFailed || itsStage.isFinally;
    return isFinally || isTolerated ? ALL_ENDS : GOOD_ENDS;
  }

  /** The task that a condition means by `name` or `stage/name`. */
  named(name: string): number | undefined {
    const node = this.graph.named(name.slice(name.lastIndexOf("/") + 1));
    if (node === undefined || !name.includes("/")) return node;
    const { stage } = this.graph.node(node);
    return name.slice(0, name.lastIndexOf("/")) === this.graph.stage(stage).spec.name ? node : undefined;
  }

  /** What the `when` of a task may name. Tasks that may still run then are among those that have ended. */
  scopeOfTask(node: number): ConditionScope {
    return kept(this.#scopes, `task ${node}`, () => this.#makeScopeOfTask(node));
  }

  /** The same of the `when` of a stage. */
  scopeOfStage(stage: number): ConditionScope {
    return kept(this.#scopes, `stage ${stage}`, () => this.#makeScopeOfStage(stage));
  }

  #makeScopeOfTask(node: number): ConditionScope {
    const { stage, spec } = this.graph.node(node);
    const before = this.outputs.before(node);
    const params = this.#paramsOf(node);
    const hasEnded = (other: number) => this.hasEndedBefore(node, other);
    return {
      ...(params && { params }),
      env: (name) => before.kindOf(name) ?? "UNKNOWN",
      ...this.#tasksFor(spec.when, [node], hasEnded),
      isFinally: this.graph.stage(stage).isFinally,
    };
  }

  #makeScopeOfStage(stage: number): ConditionScope {
    const { isFinally, spec } = this.graph.stage(stage);
    const before = this.outputs.beforeStage(stage);
    const hasEnded = (other: number) => this.hasEndedBeforeStage(stage, other);
    return {
      isStage: true,
      params: this.#paramsOfStage(stage),
      env: (name) => before.kindOf(name) ?? "UNKNOWN",
      ...this.#tasksFor(spec.when, this.graph.nodesOf(stage), hasEnded),
      isFinally,
    };
  }

  /** Whether a task has ended for sure before another starts. */
  hasEndedBefore(node: number, other: number): boolean {
    const { after, isInOrder, stage } = this.graph.node(node);
    if (after.includes(other) || (isInOrder && this.#isOfEarlierStage(stage, other))) return true;
    return kept(this.#ended, `task ${node}`, () => this.graph.ancestors(node)).has(other);
  }

  /** Whether a task has ended for sure before the turn of a stage. */
  hasEndedBeforeStage(stage: number, other: number): boolean {
    if (this.graph.node(other).stage === stage) return false;
    const nodes = this.graph.nodesOf(stage);
    const first = nodes.find((node) => this.graph.node(node).isInOrder) ?? nodes[0] ?? 0;
    return this.hasEndedBefore(first, other);
  }

  #isOfEarlierStage(stage: number, other: number): boolean {
    const { stage: itsStage } = this.graph.node(other);
    const { isFinally } = this.graph.stage(stage);
    if (this.graph.stage(itsStage).isFinally === isFinally) return itsStage < stage;
    return isFinally;
  }

  /** The tasks that a condition may name, but for those that start only after the given ones. */
  #tasksFor(
    when: string | undefined,
    nodes: readonly number[],
    hasEnded: (node: number) => boolean,
  ): Pick<ConditionScope, "tasks" | "laterTasks"> {
    const names = when === undefined ? [] : referencesOf(when).tasks;
    const open = names.filter((name) => {
      const node = this.named(name);
      return node === undefined || !hasEnded(node);
    });
    if (open.length === 0) return { tasks: this.#allTasks() };
    const later = new Set(nodes.flatMap((node) => [node, ...this.graph.descendants(node)]));
    const laterTasks = new Set(open.filter((name) => later.has(this.named(name) ?? -1)));
    const areThere = open.every((name) => this.named(name) !== undefined);
    if (laterTasks.size === 0 && areThere) return { tasks: this.#allTasks() };
    const tasks = new Map([...this.#allTasks()].filter(([name]) => !later.has(this.named(name) ?? -1)));
    return { tasks, laterTasks };
  }

  #allTasks(): ReadonlyMap<string, { isMatrix: boolean }> {
    if (this.#all) return this.#all;
    const tasks = new Map<string, { isMatrix: boolean }>();
    for (const { spec, stage } of this.graph.nodes) {
      const isMatrix = spec.matrix !== undefined;
      tasks.set(spec.name, { isMatrix });
      tasks.set(`${this.graph.stage(stage).spec.name}/${spec.name}`, { isMatrix });
    }
    this.#all = tasks;
    return tasks;
  }

  #paramsOf(node: number): Map<string, ScopeParam> | undefined {
    const declared = this.jobSpec(node)?.runParams;
    if (!this.jobSpec(node)) return undefined;
    const given = this.#givenSensitive(node);
    return new Map(
      (declared ?? []).map(({ name, valueType, enumOptions, sensitive, readOnly }) => {
        const declaredOptions = enumOptions?.map((option) =>
          typeof option === "string" ? option : option.value,
        );
        const options = (readOnly ? undefined : this.#matrixTexts(node, name)) ?? declaredOptions;
        const param: ScopeParam = {};
        if (valueType) param.valueType = valueType;
        if (options) param.options = options;
        if (sensitive || given.has(name)) param.sensitive = true;
        return [name, param];
      }),
    );
  }

  /** All that a param is in the ways of a matrix: nothing has a higher level. Nothing when that is not known before. */
  #matrixTexts(node: number, name: string): string[] | undefined {
    const { matrix } = this.graph.node(node).spec;
    if (!matrix || matrix.fromEnv !== undefined) return undefined;
    if (this.#givenFor(node).some((value) => value.name === name && value.readOnly)) return undefined;
    const texts = combinationsOf(matrix).map((each) => String(each[name] ?? "").trim());
    return texts.length === 0 || texts.includes("") ? undefined : [...new Set(texts)];
  }

  /** Names of params whose values the pipeline says are sensitive. */
  #givenSensitive(node: number): Set<string> {
    return new Set(
      this.#givenFor(node)
        .filter(({ sensitive }) => sensitive)
        .map((value) => value.name),
    );
  }

  /** The values that the pipeline gives for a task, but for those of its matrix. */
  #givenFor(node: number): ParamValue[] {
    const { spec, stage, task } = this.graph.node(node);
    const { name } = this.graph.stage(stage).spec;
    const place = { stageName: name, stageNumber: stage + 1, taskName: spec.name, taskNumber: task + 1 };
    const values = [...this.#valuesFor(stage), ...paramValueList(spec.runParams)];
    return values.filter(({ scope }) => matchesScope(scope, place));
  }

  #valuesFor(stage: number): ParamValue[] {
    return [...paramValueList(this.spec.with), ...paramValueList(this.graph.stage(stage).spec.with)];
  }

  /** The values that the pipeline gives for a stage. */
  #paramsOfStage(stage: number): Map<string, ScopeParam> {
    const place = { stageName: this.graph.stage(stage).spec.name, stageNumber: stage + 1, taskName: "" };
    const given = this.#valuesFor(stage).filter(({ scope }) => matchesScope(scope, place));
    return new Map(given.map(({ name, sensitive }) => [name, sensitive ? { sensitive: true } : {}]));
  }
}

function kept<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  return made;
}
