// What a rerun keeps of a run, and what runs again: one rule, task by task, each with its reason. Decided once, when the
// rerun is asked for, so that a dry run says what will happen. See docs/decisions/42-what-a-rerun-keeps.md.

import type { Context, RunRecord } from "../change.ts";
import { referencesOf } from "../condition/references.ts";
import { canonicalJson } from "../digest.ts";
import { MflowError } from "../errors.ts";
import { didYouMean } from "../nearest.ts";
import { graphOf, type PlanGraph } from "../plan/graph.ts";
import { nodeOf } from "../plan/progress.ts";
import { quoted } from "../quoted.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { ParamValue } from "../schema/param.ts";
import type { RerunMode, RunDefinition } from "../schema/pipeline-task.ts";
import type { RerunRequest } from "../schema/request.ts";
import { effectiveParams, jobOf, openValue, stageOf, taskSpecOf } from "./freeze.ts";

type Opening = Pick<Context, "unseal" | "isSealed">;

/** What becomes of a task in the rerun. */
export interface RerunVerdict {
  keep: boolean;
  /** A sentence without its end. */
  why: string;
}

export interface RerunPlan {
  mode: RerunMode;
  /** With `FROM`: the task, as it was named. */
  from?: string;
  /** By id of the old run's task; of those that the new run does not have, there is none. */
  verdicts: ReadonlyMap<string, RerunVerdict>;
  /** Nodes with a matrix that is expanded anew: their combinations come from a runtime env. */
  unexpanded: ReadonlySet<number>;
}

interface Verdict extends RerunVerdict {
  /** It SUCCEEDED, and would do so with something else now: what comes after it was made from what it made. */
  isChanged?: boolean;
}

/**
 * Decides what is kept. `definition` is that of the new run. Throws BAD_REQUEST when `from` names no task, and
 * NOTHING_TO_RUN_AGAIN.
 */
export function planRerun(
  old: RunRecord,
  request: Pick<RerunRequest, "mode" | "from">,
  definition: RunDefinition,
  context: Opening,
): RerunPlan {
  const { mode, from } = askedOf(old, request);
  const graph = graphOf(pipelineOf(definition));
  const asked: Asked = {
    mode,
    graph,
    old,
    definition,
    context,
    changed: changedNames(old, definition, context),
  };
  if (from !== undefined) {
    const place = findFrom(graph, from);
    asked.again = { name: graph.node(place).spec.name, place, after: graph.descendants(place) };
  }
  const tasks = old.tasks.filter((task) => !isSurplus(task));
  const verdicts = new Map(tasks.map((task) => [task.id, verdictOf(task, asked)]));
  spread(tasks, verdicts, asked);
  if (mode === "FAILED") refuseNothing(old, tasks, verdicts, asked);
  const plan: RerunPlan = { mode, verdicts, unexpanded: unexpandedNodes(tasks, verdicts, graph) };
  return from === undefined ? plan : { ...plan, from };
}

interface Asked {
  mode: RerunMode;
  graph: PlanGraph;
  old: RunRecord;
  definition: RunDefinition;
  context: Opening;
  /** Names of run params that are given other values than in the old run. */
  changed: ReadonlySet<string>;
  /** The task from which on all runs again, and the nodes after it. */
  again?: { name: string; place: number; after: ReadonlySet<number> };
}

/** The rule for a task by itself: the first line that holds. */
function verdictOf(task: JobTask, asked: Asked): Verdict {
  const { mode, graph, definition, again } = asked;
  const runs = (why: string): Verdict => ({ keep: false, why });
  if (stageOf(definition, task)?.finally) return runs("its stage is `finally`, which runs in every run");
  if (mode === "ALL") return runs("all tasks run again");
  if (again) {
    const node = nodeOf(graph, task);
    if (node === again.place) return runs("it runs again as asked");
    if (again.after.has(node)) return runs(`it comes after \`${again.name}\``);
  }
  const { stage, reason } = task.status;
  if (stage === "SKIPPED")
    return runs(`it was skipped${reason ? ` (${reason})` : ""}, which is decided anew`);
  if (stage !== "SUCCEEDED") return runs(stage === "FAILED" ? "it failed" : "it was canceled");
  const why = changeOf(task, asked);
  return why === undefined ? { keep: true, why: "it succeeded" } : { ...runs(why), isChanged: true };
}

/** Why a task would run with something else than it did; nothing when it would not. */
function changeOf(task: JobTask, { old, definition, context, changed }: Asked): string | undefined {
  if (changed.size === 0) return undefined;
  const whens = [taskSpecOf(definition, task).when, stageOf(definition, task)?.when];
  const named = whens
    .flatMap((when) => (when === undefined ? [] : referencesOf(when).params))
    .find((name) => changed.has(name));
  if (named !== undefined) return `its \`when\` asks for ${named}, which has another value`;
  const declared = jobOf(definition, task).spec.runParams ?? [];
  if (!declared.some(({ name }) => changed.has(name))) return undefined;
  const before = valuesBefore(task, old.definition, context);
  const after = valuesOf(effectiveParams({ definition, exported: envsOf(task) }, task, context).params);
  const differing = declared.find(({ name }) => before.get(name) !== after.get(name));
  return differing && `its param ${differing.name} has another value`;
}

/** The plain values that a task ran with. */
function valuesBefore(task: JobTask, definition: RunDefinition, context: Opening): Map<string, string> {
  if (task.params) return valuesOf(task.params.map((param) => openValue(param, context)));
  return valuesOf(effectiveParams({ definition, exported: envsOf(task) }, task, context).params);
}

function valuesOf(params: readonly { name: string; value: string }[]): Map<string, string> {
  return new Map(params.map(({ name, value }) => [name, value]));
}

/** The runtime envs that reached a task. */
function envsOf({ params = [] }: JobTask): ReadonlyMap<string, string> {
  return valuesOf(params.filter(({ setBy }) => setBy === "RUNTIME_ENV"));
}

/** What tasks that run with something else mean for others: all after them, and matrices that come from them. */
function spread(
  tasks: readonly JobTask[],
  verdicts: Map<string, Verdict>,
  { graph, definition }: Asked,
): void {
  const byNode = Map.groupBy(tasks, (task) => nodeOf(graph, task));
  const isKept = (task: JobTask) => verdicts.get(task.id)?.keep === true;
  const isWhole = (node: number) => (byNode.get(node) ?? []).every(isKept);
  const change = (node: number, why: string) => {
    for (const task of byNode.get(node) ?? []) {
      if (isKept(task)) verdicts.set(task.id, { keep: false, why, isChanged: true });
    }
  };
  const dynamic = [...byNode.keys()].filter((node) => graph.node(node).spec.matrix?.fromEnv !== undefined);
  for (let isOver = false; !isOver; ) {
    isOver = true;
    const roots = tasks.filter((task) => verdicts.get(task.id)?.isChanged);
    const names = [...new Set(roots.map((task) => taskSpecOf(definition, task).name))];
    const [only = ""] = names;
    const what = names.length === 1 ? `\`${only}\`, which runs` : "tasks that run";
    for (const node of graph.descendantsOf(new Set(roots.map((task) => nodeOf(graph, task))))) {
      change(node, `it comes after ${what} again with other values`);
    }
    for (const node of dynamic) {
      const env = graph.node(node).spec.matrix?.fromEnv as string;
      const again = tasks.find((task) => isExporting(task, env) && !isWhole(nodeOf(graph, task)));
      if (!again || !(byNode.get(node) ?? []).some(isKept)) continue;
      const { name } = taskSpecOf(definition, again);
      change(node, `its combinations come from ${env}, which \`${name}\` puts out again`);
      isOver = false;
    }
  }
}

function isExporting({ exportedAt, fanIn, status }: JobTask, env: string): boolean {
  return exportedAt !== undefined && Object.hasOwn(fanIn ?? status.runtimeEnvs ?? {}, env);
}

/** A way that an earlier attempt of a dynamic matrix had, and the last one had not any more. */
function isSurplus({ way, status }: JobTask): boolean {
  return way !== undefined && status.stage === "SKIPPED" && status.reason === "MATRIX_EMPTY";
}

function unexpandedNodes(
  tasks: readonly JobTask[],
  verdicts: ReadonlyMap<string, Verdict>,
  graph: PlanGraph,
): Set<number> {
  const dynamic = tasks.filter((task) => graph.node(nodeOf(graph, task)).spec.matrix?.fromEnv !== undefined);
  const nodes = new Set(dynamic.map((task) => nodeOf(graph, task)));
  for (const task of dynamic) if (verdicts.get(task.id)?.keep) nodes.delete(nodeOf(graph, task));
  return nodes;
}

/** Endings of tasks whose own condition spoke: nothing is new when only they are decided anew. */
function isSettled({ status }: JobTask): boolean {
  const { stage, reason } = status;
  return (
    stage === "SUCCEEDED" || (stage === "SKIPPED" && reason !== "RUN_FAILED" && reason !== "STAGE_TIMEOUT")
  );
}

function refuseNothing(
  { run }: RunRecord,
  tasks: readonly JobTask[],
  verdicts: ReadonlyMap<string, Verdict>,
  { changed }: Asked,
): void {
  const isNew = tasks.some((task) => {
    const verdict = verdicts.get(task.id);
    if (verdict?.isChanged || !isSettled(task)) return true;
    return task.status.stage === "SKIPPED" && changed.size > 0;
  });
  if (isNew) return;
  const values = changed.size > 0 ? ", and no task runs with the values that changed" : "";
  throw new MflowError(
    "NOTHING_TO_RUN_AGAIN",
    `nothing of run ${run.id} would run again: no task failed${values}`,
  );
}

function askedOf({ run }: RunRecord, { mode, from }: Pick<RerunRequest, "mode" | "from">) {
  if (mode === "FROM" && from === undefined) {
    throw new MflowError("BAD_REQUEST", "mode FROM needs the task in `from`");
  }
  if (from !== undefined && mode !== undefined && mode !== "FROM") {
    throw new MflowError(
      "BAD_REQUEST",
      `\`from\` goes with mode FROM, not with ${mode}; leave one of them out`,
    );
  }
  if (from !== undefined) return { mode: "FROM" as const, from };
  return { mode: mode ?? (run.status.stage === "SUCCEEDED" ? "ALL" : "FAILED"), from };
}

/** The node of the task that is named, alone or with its stage. */
function findFrom(graph: PlanGraph, name: string): number {
  const nameOf = (node: number) => graph.node(node).spec.name;
  const pathOf = (node: number) => `${graph.stage(graph.node(node).stage).spec.name}/${nameOf(node)}`;
  const nodes = [...graph.nodes.keys()];
  const meant = nodes.filter((node) => nameOf(node) === name || pathOf(node) === name);
  const [only, ...others] = meant;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) {
    const paths = meant.map((node) => `\`${pathOf(node)}\``).join(" or ");
    throw new MflowError("BAD_REQUEST", `more than one task is called \`${name}\`; write ${paths}`);
  }
  const whole = name.replace(/ \(.*\)$/, "");
  if (whole !== name && nodes.some((node) => nameOf(node) === whole || pathOf(node) === whole)) {
    const remedy = `the ways of a matrix run again together: name ${quoted(whole)}`;
    throw new MflowError("BAD_REQUEST", `the run runs again from no single way, ${quoted(name)}; ${remedy}`);
  }
  const inStage = nodes.filter((node) => graph.stage(graph.node(node).stage).spec.name === name);
  if (inStage.length > 0) {
    const tasks = inStage.map((node) => quoted(nameOf(node))).join(", ");
    throw new MflowError("BAD_REQUEST", `${quoted(name)} is a stage; name a task of it: ${tasks}`);
  }
  const hint = didYouMean(name, [...nodes.map(nameOf), ...nodes.map(pathOf)]);
  throw new MflowError("BAD_REQUEST", `the run has no task ${quoted(name)} to run again from${hint}`);
}

function pipelineOf({ pipeline }: RunDefinition) {
  if (!pipeline) throw new Error("a lone task has no pipeline to run again");
  return pipeline;
}

/** Names whose values, scopes included, are not what they were. */
function changedNames(old: RunRecord, { runParams }: RunDefinition, context: Opening): Set<string> {
  const before = old.definition.runParams;
  const names = new Set([...before, ...runParams].map(({ name }) => name));
  const textOf = (values: readonly ParamValue[], name: string) =>
    canonicalJson(
      values
        .filter((value) => value.name === name)
        .map((value) => openValue(value, context))
        .map(({ value, scope, readOnly }) => ({ value: String(value).trim(), scope, readOnly })),
    );
  return new Set([...names].filter((name) => textOf(before, name) !== textOf(runParams, name)));
}
