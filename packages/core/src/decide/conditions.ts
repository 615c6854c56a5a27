// Whether the `when` of a task or of a stage lets it run: its condition, decided on what the run knows now.

import { evaluateCondition } from "../condition/evaluate.ts";
import type { ConditionFacts, Fact, TaskFacts } from "../condition/facts.ts";
import { paramFact, SENSITIVE } from "../condition/facts.ts";
import { referencesOf } from "../condition/references.ts";
import { MflowError } from "../errors.ts";
import { mergeParams } from "../params.ts";
import { planNodeOf } from "../plan/progress.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { EffectiveParam } from "../schema/param.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { effectiveParams, levelsAbove, stageOf, taskSpecOf } from "./freeze.ts";

/** Whether a condition lets something run, and why it does not. */
export type Wanted = { isWanted: true } | { isWanted: false; message: string };

const WANTED: Wanted = { isWanted: true };

/**
 * Whether a task may run whose turn has come; throws CONDITION_FAILED when that cannot be said. The condition of its stage
 * is asked here only when the task does not follow the stage's turn, at which it was asked for all.
 */
export function isWanted(draft: Draft, task: JobTask): Wanted {
  if (!draft.run) return WANTED;
  const stageWhen = stageOf(draft.definition, task)?.when;
  if (stageWhen !== undefined && !planNodeOf(draft.plan.graph, task).isInOrder) {
    const wanted = decided(stageWhen, "`when` of its stage", factsOfStage(draft, task));
    if (!wanted.isWanted) return wanted;
  }
  const { when, matrix } = taskSpecOf(draft.definition, task);
  if (when === undefined) return WANTED;
  const isUnknown = matrix?.fromEnv !== undefined && task.way === undefined;
  // Asked again of each combination, once they are known.
  if (isUnknown && referencesOf(when).params.length > 0) return WANTED;
  return decided(when, "`when`", factsOfTask(draft, task));
}

/** Whether the tasks of a stage may run, now that its turn has come. `error`: that cannot be said. */
export function isStageWanted(draft: Draft, stage: number): Wanted & { error?: true } {
  const { when } = draft.plan.graph.stage(stage).spec;
  if (when === undefined) return WANTED;
  try {
    return decided(when, "`when` of its stage", factsOfStage(draft, { stageNumber: stage + 1 }));
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    return { isWanted: false, message: error.message, error: true };
  }
}

function decided(when: string, what: string, facts: ConditionFacts): Wanted {
  if (evaluateCondition(when, facts)) return WANTED;
  return { isWanted: false, message: `${what} is false: ${when.trim()}` };
}

function factsOfTask(draft: Draft, task: JobTask): ConditionFacts {
  let params: EffectiveParam[] | undefined;
  const param = (name: string): Fact => {
    params ??= effectiveParams(draft, task, draft.context).params;
    return paramFact(params.find((each) => each.name === name));
  };
  return { ...factsOfRun(draft), param };
}

/** A stage has no job: its params are the values given for it, by the pipeline, by itself and by the request, as text. */
function factsOfStage(draft: Draft, place: Pick<JobTask, "stageNumber">): ConditionFacts {
  const param = (name: string): Fact => {
    const levels = levelsAbove(draft.definition, place, draft.context);
    const { stageNumber = 1 } = place;
    const stageName = stageOf(draft.definition, place)?.name;
    const { params } = mergeParams({
      declared: [{ name }],
      levels,
      place: { taskName: "", stageNumber, ...(stageName !== undefined && { stageName }) },
    });
    return paramFact(params[0]);
  };
  return { ...factsOfRun(draft), param };
}

function factsOfRun(draft: Draft): Omit<ConditionFacts, "param"> {
  const { run, context } = draft;
  if (!run) throw new Error(`${draft.id} is a lone task and has no conditions`);
  const { id, name, runBy, triggerMode, labels, status } = run;
  const trigger: Readonly<Record<string, string>> = { mode: triggerMode, by: runBy };
  return {
    run: { id, name, runBy, triggerMode, stage: status.outcome ?? status.stage, ...(labels && { labels }) },
    trigger: (key) => (Object.hasOwn(trigger, key) ? trigger[key] : undefined),
    env: (key) => {
      const value = draft.exported.get(key);
      if (value === undefined) return undefined;
      if (context.isSealed(value)) return SENSITIVE;
      return isList(draft, value, key) ? (JSON.parse(value) as string[]) : value;
    },
    task: (key) => taskFacts(draft, key),
  };
}

/** Whether a runtime env is that of a matrix: then it is a list. */
function isList(draft: Draft, value: string, name: string): boolean {
  if (!value.startsWith("[")) return false;
  return draft.plan.graph.matrices.some((node) =>
    draft.tasksOf(node).some(({ fanIn }) => fanIn?.[name] === value),
  );
}

function taskFacts(draft: Draft, name: string): TaskFacts | undefined {
  const { graph } = draft.plan;
  const node = graph.named(name.slice(name.lastIndexOf("/") + 1));
  if (node === undefined) return undefined;
  const ways = draft.tasksOf(node);
  const isMatrix = graph.node(node).spec.matrix !== undefined;
  return {
    stage: stageOfAll(ways),
    output: (key) => {
      const values = ways.flatMap(({ status }) => status.runtimeEnvs?.[key] ?? []);
      if (values.length === 0) return undefined;
      if (values.some((value) => draft.context.isSealed(value))) return SENSITIVE;
      return isMatrix ? values : values[0];
    },
  };
}

/** The stage of a task; of a matrix that of all its ways together: the worst ending, or what is still under way. */
export function stageOfAll(ways: readonly Pick<JobTask, "status">[]): string {
  const stages = ways.map(({ status }) => status.stage);
  const [first] = stages;
  if (first !== undefined && stages.every((stage) => stage === first)) return first;
  if (!stages.every(isEnded))
    return stages.every((stage) => stage === "PENDING" || isEnded(stage)) ? "PENDING" : "ACTIVE";
  return (["FAILED", "CANCELED", "SUCCEEDED"] as const).find((stage) => stages.includes(stage)) ?? "SKIPPED";
}
