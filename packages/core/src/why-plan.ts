// Why a task's turn has not come: what its place in the plan makes it wait for.

import type { PlanGraph } from "./plan/graph.ts";
import { nodeOf, type Progress } from "./plan/progress.ts";
import { quoted } from "./quoted.ts";
import type { JobTask } from "./schema/job-task.ts";
import { MAX_LISTED, type WhyCause, type WhyKind, type WhyTask } from "./schema/why.ts";
import type { RunState } from "./state.ts";
import { isEnded } from "./transitions.ts";

type Tasks = RunState["tasks"];

/** Sentences name at most so many tasks. */
const MAX_NAMED = 3;

/** The kind of cause alone, for many tasks: its cost does not grow with the run. */
export function planKind({ run }: RunState, progress: Progress, task: JobTask): WhyKind {
  const { graph } = progress;
  const index = nodeOf(graph, task);
  const { stage, isInOrder, after, spec } = graph.node(index);
  const isBeforeFinally = graph.stage(stage).isFinally && run?.status.outcome === undefined;
  if (isBeforeFinally || (isInOrder && !progress.hasTurn(stage))) return "STAGES";
  if (after.some((node) => !progress.isDone(node))) return "TASKS";
  const width = spec.matrix?.maxParallel;
  return width !== undefined && progress.openOf(index) >= width ? "MATRIX_WIDTH" : "STAGE_WIDTH";
}

/** What a task that is not open waits for. */
export function planCauses(state: RunState, progress: Progress, task: JobTask): WhyCause[] {
  const { graph } = progress;
  const index = nodeOf(graph, task);
  const { stage, after, spec } = graph.node(index);
  switch (planKind(state, progress, task)) {
    case "STAGES":
      return [stagesCause(state, progress, stage)];
    case "TASKS": {
      const nodes = after.filter((node) => !progress.isDone(node));
      const tasks = nodes.flatMap((node) => unended(state.tasks, progress.tasksOf(node)));
      const verb = spec.needs ? "needs" : "comes after";
      return [withTasks("TASKS", tasks, (list) => `${verb} ${list}`)];
    }
    case "MATRIX_WIDTH": {
      const limit = spec.matrix?.maxParallel ?? 0;
      const open = openTasks(state.tasks, progress.tasksOf(index));
      return [
        {
          ...withTasks(
            "MATRIX_WIDTH",
            open,
            (list) => `waits: at most ${limit} of its matrix at once, now ${list}`,
          ),
          limit,
        },
      ];
    }
    default:
      return [stageWidthCause(state, progress, stage)];
  }
}

function stageWidthCause(state: RunState, progress: Progress, stage: number): WhyCause {
  const { spec } = progress.graph.stage(stage);
  const limit = spec.maxParallel;
  const open = openTasks(state.tasks, tasksOfStage(progress, stage));
  if (limit === undefined || !spec.isParallel || open.length < limit) {
    return { kind: "TURN", sentence: "its turn has come; it starts now" };
  }
  const sentence = (list: string) =>
    `waits: at most ${limit} of stage ${quoted(spec.name)} at once, now ${list}`;
  return { ...withTasks("STAGE_WIDTH", open, sentence), limit };
}

/** Its stage comes after others: those of them that have not ended. */
function stagesCause(state: RunState, progress: Progress, stage: number): WhyCause {
  const { graph } = progress;
  const awaited = stagesBefore(graph, stage, state.run?.status.outcome !== undefined).map((index) => ({
    name: graph.stage(index).spec.name,
    tasks: unended(state.tasks, tasksOfStage(progress, index)),
  }));
  const left = awaited.filter(({ tasks }) => tasks.length > 0);
  if (left.length === 0) return { kind: "TURN", sentence: "the turn of its stage has come; it starts now" };
  const names = left.map(({ name }) => name);
  const tasks = left.flatMap((each) => each.tasks);
  const isLast = graph.stage(stage).isFinally && state.run?.status.outcome === undefined;
  const after = `${names.length === 1 ? "stage" : "stages"} ${namesText(names)}`;
  const what = isLast
    ? `its \`finally\` stage comes after all others; ${after}`
    : `its stage comes after ${after}`;
  const still = names.length === 1 ? "still has" : "still have";
  const text = (list: string) => (isLast ? `${what} ${still} ${list}` : `${what}, which ${still} ${list}`);
  return { ...withTasks("STAGES", tasks, text), stages: names };
}

/** Indices of the stages that have to end before the turn of one comes. */
function stagesBefore(graph: PlanGraph, stage: number, hasOutcome: boolean): number[] {
  const { isFinally } = graph.stage(stage);
  if (isFinally && !hasOutcome)
    return [...graph.stages.keys()].filter((index) => !graph.stage(index).isFinally);
  return [...graph.stages.keys()].filter(
    (index) => index < stage && graph.stage(index).isFinally === isFinally,
  );
}

function tasksOfStage(progress: Progress, stage: number): string[] {
  return progress.graph.nodesOf(stage).flatMap((node) => progress.tasksOf(node));
}

function unended(tasks: Tasks, ids: readonly string[]): JobTask[] {
  return ids.flatMap((id) => tasks.get(id) ?? []).filter(({ status }) => !isEnded(status.stage));
}

function openTasks(tasks: Tasks, ids: readonly string[]): JobTask[] {
  return ids.flatMap((id) => tasks.get(id) ?? []).filter(({ open }) => open);
}

/** A cause that names tasks, those that are under way first; `sentence` gets the list of their names. */
function withTasks(kind: WhyKind, tasks: readonly JobTask[], sentence: (list: string) => string): WhyCause {
  const sorted = tasks.toSorted((a, b) => Number(b.open ?? false) - Number(a.open ?? false));
  return {
    kind,
    sentence: sentence(tasksText(sorted)),
    tasks: sorted.slice(0, MAX_LISTED).map(whyTaskOf),
    count: tasks.length,
  };
}

/** `` `a` (ACTIVE), `b` (PENDING) and 7 more ``. */
function tasksText(tasks: readonly JobTask[]): string {
  const shown = tasks.slice(0, MAX_NAMED).map(({ name, status }) => `${quoted(name)} (${status.stage})`);
  return withMore(shown, tasks.length);
}

function namesText(names: readonly string[]): string {
  return withMore(names.slice(0, MAX_NAMED).map(quoted), names.length);
}

/** Joins what is shown and says how many are not. */
export function withMore(shown: readonly string[], count: number): string {
  if (count > shown.length) return `${shown.join(", ")} and ${count - shown.length} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** A task as a cause names it. */
export function whyTaskOf({ id, name, stageName, status }: JobTask): WhyTask {
  return { id, name, ...(stageName !== undefined && { stageName }), stage: status.stage };
}
