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

export class PlanFacts {
  readonly graph: PlanGraph;
  readonly spec: PipelineSpec;
  readonly outputs: EarlierOutputs;
  readonly #jobSpecs: (JobSpec | undefined)[];
  readonly #never = new Map<number, string | undefined>();
  #all: Pick<ConditionScope, "tasks" | "laterTasks"> | undefined;
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
    return isEmpty ? "its matrix has no combination" : undefined;
  }

  /** What the `when` of a task always answers; nothing when that depends, or there is none. */
  alwaysOfTask(node: number): boolean | undefined {
    const { when } = this.graph.node(node).spec;
    if (when === undefined) return undefined;
    return this.#always(when, this.scopeOfTask(node), () => this.endedBefore(node));
  }

  /** The same of the `when` of a stage. */
  alwaysOfStage(stage: number): boolean | undefined {
    const { when } = this.graph.stage(stage).spec;
    if (when === undefined) return undefined;
    return this.#always(when, this.scopeOfStage(stage), () => this.endedBeforeStage(stage));
  }

  /** With how the tasks that the condition names may have ended. */
  #always(when: string, scope: ConditionScope, ended: () => ReadonlySet<number>): boolean | undefined {
    const names = referencesOf(when).tasks;
    if (names.length === 0) return alwaysValue(when, scope);
    const tasks = new Map(scope.tasks);
    for (const name of names) {
      const task = tasks.get(name);
      const node = this.named(name);
      if (!task || node === undefined || !ended().has(node)) continue;
      tasks.set(name, { ...task, stages: this.#ends(node, scope.isFinally) });
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
    const names = spec.when === undefined ? [] : referencesOf(spec.when).tasks;
    const later = names.length > 0 ? new Set([node, ...this.graph.descendants(node)]) : new Set<number>();
    const before = this.outputs.before(node);
    const params = this.#paramsOf(node);
    return {
      ...(params && { params }),
      env: (name) => before.kindOf(name) ?? "UNKNOWN",
      ...this.#tasksBut(later),
      isFinally: this.graph.stage(stage).isFinally,
    };
  }

  #makeScopeOfStage(stage: number): ConditionScope {
    const { isFinally, spec } = this.graph.stage(stage);
    const later = new Set<number>();
    if (spec.when !== undefined && referencesOf(spec.when).tasks.length > 0) {
      for (const node of this.graph.nodesOf(stage)) {
        later.add(node);
        for (const other of this.graph.descendants(node)) later.add(other);
      }
    }
    const before = this.outputs.beforeStage(stage);
    return {
      isStage: true,
      params: this.#paramsOfStage(stage),
      env: (name) => before.kindOf(name) ?? "UNKNOWN",
      ...this.#tasksBut(later),
      isFinally,
    };
  }

  /** The tasks that have ended for sure before a task starts. */
  endedBefore(node: number): ReadonlySet<number> {
    return kept(this.#ended, `task ${node}`, () => this.graph.ancestors(node));
  }

  /** The tasks that have ended for sure before the turn of a stage. */
  endedBeforeStage(stage: number): ReadonlySet<number> {
    return kept(this.#ended, `stage ${stage}`, () => {
      const nodes = this.graph.nodesOf(stage);
      const first = nodes.find((node) => this.graph.node(node).isInOrder) ?? nodes[0] ?? 0;
      const ended = new Set(this.graph.ancestors(first));
      for (const node of nodes) ended.delete(node);
      return ended;
    });
  }

  #tasksBut(later: ReadonlySet<number>): Pick<ConditionScope, "tasks" | "laterTasks"> {
    if (later.size > 0) return this.#split(later);
    this.#all ??= this.#split(later);
    return this.#all;
  }

  #split(later: ReadonlySet<number>): Pick<ConditionScope, "tasks" | "laterTasks"> {
    const tasks = new Map<string, { isMatrix: boolean }>();
    const laterTasks = new Set<string>();
    for (const [node, { spec, stage }] of this.graph.nodes.entries()) {
      const names = [spec.name, `${this.graph.stage(stage).spec.name}/${spec.name}`];
      for (const name of names) {
        if (later.has(node)) laterTasks.add(name);
        else tasks.set(name, { isMatrix: spec.matrix !== undefined });
      }
    }
    return { tasks, laterTasks };
  }

  #paramsOf(node: number): Map<string, ScopeParam> | undefined {
    const declared = this.jobSpec(node)?.runParams;
    if (!this.jobSpec(node)) return undefined;
    const given = this.#givenSensitive(node);
    return new Map(
      (declared ?? []).map(({ name, valueType, enumOptions, sensitive }) => {
        const options = enumOptions?.map((option) => (typeof option === "string" ? option : option.value));
        const param: ScopeParam = {};
        if (valueType) param.valueType = valueType;
        if (options) param.options = options;
        if (sensitive || given.has(name)) param.sensitive = true;
        return [name, param];
      }),
    );
  }

  /** Names of params whose values the pipeline says are sensitive. */
  #givenSensitive(node: number): Set<string> {
    const { spec, stage, task } = this.graph.node(node);
    const { name } = this.graph.stage(stage).spec;
    const place = { stageName: name, stageNumber: stage + 1, taskName: spec.name, taskNumber: task + 1 };
    const values = [...this.#valuesFor(stage), ...paramValueList(spec.runParams)];
    return new Set(
      values
        .filter(({ sensitive, scope }) => sensitive && matchesScope(scope, place))
        .map((value) => value.name),
    );
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
