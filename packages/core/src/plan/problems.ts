// What is wrong with the plan of a pipeline whatever its jobs are: such a pipeline is refused by `lint` and never starts.

import { compileCondition } from "../condition/compile.ts";
import { parseDuration } from "../duration.ts";
import { type ErrorCode, MflowError } from "../errors.ts";
import { matrixProblem } from "../matrix.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { RetrySpec } from "../schema/retry.ts";
import { graphOf, type PlanGraph } from "./graph.ts";

/** Something that keeps a pipeline from starting: a sentence with its remedy. */
export interface PlanProblem {
  code: ErrorCode;
  /** JSON pointer from the pipeline's spec. */
  path: string;
  message: string;
}

/** All that keeps the pipeline from starting; a cycle only when nothing else is wrong with what tasks need. */
export function planProblems(spec: PipelineSpec): PlanProblem[] {
  const graph = graphOf(spec);
  const needs = [...needProblems(graph)];
  const cycle = needs.length === 0 ? graph.findCycle() : undefined;
  const [first] = cycle ?? [];
  return [
    ...emptyProblems(spec),
    ...needs,
    ...(cycle && first !== undefined ? [cycleProblem(graph, cycle, first)] : []),
    ...matrixProblems(graph),
    ...timeProblems(spec, graph),
    ...whenProblems(spec, graph),
  ];
}

/** Throws the first problem. */
export function refusePlan(spec: PipelineSpec): void {
  const [problem] = planProblems(spec);
  if (problem) throw new MflowError(problem.code, problem.message);
}

/** Throws when a time of a job's retry cannot be counted. */
export function refuseRetry(retry: RetrySpec | undefined): void {
  for (const { code, message } of retryProblems(retry, "")) throw new MflowError(code, message);
}

/** Pointer of a task from the pipeline's spec. */
export function pointerOf(graph: PlanGraph, index: number): string {
  const { stage, task } = graph.node(index);
  return below(`${below("/stages", stage)}/tasks`, task);
}

function* emptyProblems({ stages }: PipelineSpec): Generator<PlanProblem> {
  const code = "NOTHING_TO_RUN";
  if (stages.every((stage) => stage.tasks.length === 0)) {
    yield { code, path: "/stages", message: "there is no task, so there is nothing to run; add one" };
  } else if (stages.every((stage) => stage.tasks.every((task) => task.skipRun))) {
    const message = "every task has `skipRun: true`, so there is nothing to run; remove it from at least one";
    yield { code, path: "/stages", message };
  } else if (stages.every((stage) => stage.finally)) {
    const message =
      "every stage is `finally`, so there is nothing that they come after; remove it from at least one";
    yield { code, path: "/stages", message };
  }
}

function* needProblems(graph: PlanGraph): Generator<PlanProblem> {
  for (const [index, { spec, stage }] of graph.nodes.entries()) {
    for (const [place, name] of (spec.needs ?? []).entries()) {
      const path = below(`${pointerOf(graph, index)}/needs`, place);
      const says = `task ${quoted(spec.name)} needs`;
      const other = graph.named(name);
      if (other === undefined) {
        const names = graph.nodes.map((node) => node.spec.name).filter((each) => each !== spec.name);
        const remedy = didYouMean(name, names) || "; name a task of the pipeline, or remove it";
        const message = `${says} ${quoted(name)}, which the pipeline does not have${remedy}`;
        yield { code: "BAD_REQUEST", path, message };
      } else if (name === spec.name) {
        yield { code: "PLAN_CYCLE", path, message: `${says} itself; remove it` };
      } else if (!graph.stage(stage).isFinally && graph.stage(graph.node(other).stage).isFinally) {
        const last = graph.stage(graph.node(other).stage).spec.name;
        const message = `${says} ${quoted(name)}, but that is of the \`finally\` stage ${quoted(last)}, which comes after all others; remove it, or move one of the tasks`;
        yield { code: "PLAN_CYCLE", path, message };
      }
    }
  }
}

function cycleProblem(graph: PlanGraph, cycle: readonly number[], first: number): PlanProblem {
  const named = cycle.find((index) => graph.node(index).spec.needs) ?? first;
  const path = `${pointerOf(graph, named)}/${graph.node(named).spec.needs ? "needs" : "name"}`;
  return { code: "PLAN_CYCLE", path, message: `${cycleText(graph, cycle)}; remove one of these needs` };
}

/** The cycle in words: `a` needs `b`, `b` comes after `a` ... */
function cycleText(graph: PlanGraph, cycle: readonly number[]): string {
  const parts = cycle.map((index, place) => {
    const { spec, stage, after } = graph.node(index);
    const next = cycle[(place + 1) % cycle.length] as number;
    const other = graph.node(next).spec.name;
    if (after.includes(next) && spec.needs) return `${quoted(spec.name)} needs ${quoted(other)}`;
    const itsStage = quoted(graph.stage(stage).spec.name);
    return `${quoted(spec.name)}, of stage ${itsStage}, comes after ${quoted(other)}`;
  });
  return `tasks wait for each other: ${parts.join("; ")}`;
}

function* matrixProblems(graph: PlanGraph): Generator<PlanProblem> {
  for (const [index, { spec }] of graph.nodes.entries()) {
    const problem = spec.matrix && matrixProblem(spec.matrix);
    if (!problem) continue;
    const message = `the matrix of task ${quoted(spec.name)} ${problem}`;
    yield { code: "MATRIX_INVALID", path: `${pointerOf(graph, index)}/matrix`, message };
  }
}

/** Conditions that nobody can read. */
function* whenProblems(spec: PipelineSpec, graph: PlanGraph): Generator<PlanProblem> {
  for (const [index, { name, when }] of spec.stages.entries()) {
    yield* unreadable(when, `stage ${quoted(name)}`, `${below("/stages", index)}/when`);
  }
  for (const [index, { spec: task }] of graph.nodes.entries()) {
    yield* unreadable(task.when, `task ${quoted(task.name)}`, `${pointerOf(graph, index)}/when`);
  }
}

function* unreadable(when: string | undefined, of: string, path: string): Generator<PlanProblem> {
  const compiled = when === undefined ? undefined : compileCondition(when);
  if (!compiled || !("problem" in compiled)) return;
  yield { code: "CONDITION_FAILED", path, message: `\`when\` of ${of}: ${compiled.problem.message}` };
}

/** Times that are counted only later: a run must not come to a halt at them. */
function* timeProblems(spec: PipelineSpec, graph: PlanGraph): Generator<PlanProblem> {
  yield* durationProblems(spec.timeout, "/timeout");
  for (const [index, stage] of spec.stages.entries()) {
    yield* durationProblems(stage.timeout, `${below("/stages", index)}/timeout`);
  }
  for (const [index, { spec: task }] of graph.nodes.entries()) {
    yield* retryProblems(task.retry, `${pointerOf(graph, index)}/retry`);
  }
}

/** The times of a retry that cannot be counted. */
export function* retryProblems(retry: RetrySpec | undefined, path: string): Generator<PlanProblem> {
  yield* durationProblems(retry?.backoff?.initial, `${path}/backoff/initial`);
  yield* durationProblems(retry?.backoff?.max, `${path}/backoff/max`);
}

function* durationProblems(text: string | undefined, path: string): Generator<PlanProblem> {
  if (text === undefined) return;
  try {
    parseDuration(text);
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    yield { code: cause.code, path, message: cause.message };
  }
}
