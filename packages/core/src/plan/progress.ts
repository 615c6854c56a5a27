// How far a run has come in its plan, in memory: what each stage and task still waits for, who runs, and who may start
// now. Derived from the rows, and kept in step with them, so that a change costs the same in a run of two tasks and of
// ten thousand. A decision works on a fork; what it changed joins the state with the decision.

import type { JobTask } from "../schema/job-task.ts";
import { isEnded } from "../transitions.ts";
import type { PlanGraph, PlanNode } from "./graph.ts";
import { SharedQueue } from "./shared-queue.ts";

/** The tasks of a run as far as the plan needs them. */
export type PlannedTask = Pick<
  JobTask,
  "id" | "stageNumber" | "taskNumber" | "way" | "open" | "status" | "keptFrom" | "attempt" | "pastAttempts"
>;

interface NodeProgress {
  /** Ids of its tasks, in the order of the ways. */
  readonly tasks: readonly string[];
  /** Tasks that have not ended. */
  readonly left: number;
  /** Tasks that are open. */
  readonly open: number;
  /** Nodes that it waits for. */
  readonly waits: number;
  /** Ids of tasks that have neither been put in the stage's line nor begun nor ended, in the order of the ways. */
  readonly waiting: readonly string[];
  /** Tasks that stand in the line or are open. */
  readonly under: number;
}

interface StageProgress {
  /** Nodes with tasks that have not ended. */
  readonly left: number;
  /** Tasks that are open. */
  readonly open: number;
  /** Its turn has come, and its `when` was true. */
  readonly hasTurn: boolean;
  /** Ids of tasks that may start, as soon as the stage is wide enough. */
  readonly line: SharedQueue;
}

/** What a decision changed. */
export interface ProgressChange {
  readonly nodes: ReadonlyMap<number, NodeProgress>;
  readonly stages: ReadonlyMap<number, StageProgress>;
  readonly inLine: ReadonlySet<number>;
  readonly open: number;
}

/** What the run may do next. */
export type Step =
  /** The turn of this task has come. */
  | { do: "open"; taskId: string }
  /** The turn of this stage has come: begin it, or skip what it holds. */
  | { do: "turn"; stage: number }
  /** Nothing may start before a task ends. */
  | { do: "wait" }
  /** All stages of this kind have ended. */
  | { do: "end" };

/** How many tasks of a stage may be open at once. A serial stage is kept in order by what its tasks wait for. */
function widthOf({ spec }: PlanGraph["stages"][number]): number {
  return (spec.isParallel && spec.maxParallel) || Number.POSITIVE_INFINITY;
}

export class Progress {
  readonly graph: PlanGraph;
  readonly #nodes = new Map<number, NodeProgress>();
  readonly #stages = new Map<number, StageProgress>();
  /** Stages in whose line somebody stands. */
  #inLine: Set<number> = new Set();
  #open = 0;
  readonly #base: Progress | undefined;

  private constructor(graph: PlanGraph, base?: Progress) {
    this.graph = graph;
    this.#base = base;
    if (!base) return;
    this.#inLine = new Set(base.#inLine);
    this.#open = base.#open;
  }

  /** As the rows tell it; `tasks` in any order, `wanted`: numbers of stages that were told to begin. */
  static of(graph: PlanGraph, tasks: Iterable<PlannedTask>, wanted: readonly number[] = []): Progress {
    const progress = new Progress(graph);
    const byNode = new Map<number, PlannedTask[]>();
    for (const task of tasks) {
      const node = nodeOf(graph, task);
      const others = byNode.get(node);
      if (others) others.push(task);
      else byNode.set(node, [task]);
    }
    progress.#derive(byNode, wanted);
    return progress;
  }

  #derive(byNode: ReadonlyMap<number, PlannedTask[]>, wanted: readonly number[]): void {
    for (const [index] of this.graph.stages.entries()) {
      const hasTurn = wanted.includes(index + 1);
      this.#stages.set(index, { left: 0, open: 0, hasTurn, line: SharedQueue.EMPTY });
    }
    const hasBegun = new Set<string>();
    for (const [index, { stage, isInOrder }] of this.graph.nodes.entries()) {
      const ways = (byNode.get(index) ?? []).sort((a, b) => (a.way?.number ?? 0) - (b.way?.number ?? 0));
      const left = ways.filter((task) => !isEnded(task.status.stage)).length;
      const open = ways.filter((task) => task.open).length;
      for (const task of ways) if (task.open || isEnded(task.status.stage)) hasBegun.add(task.id);
      const ids = ways.map(({ id }) => id);
      const waiting = ids.filter((id) => !hasBegun.has(id));
      this.#nodes.set(index, { tasks: ids, left, open, waits: 0, waiting, under: open });
      this.#open += open;
      const before = this.#stage(stage);
      const hasTurn = before.hasTurn || (isInOrder && ways.some(hadTurn));
      this.#setStage(stage, {
        ...before,
        left: before.left + (left > 0 ? 1 : 0),
        open: before.open + open,
        hasTurn,
      });
    }
    // In order, so that what a task of a serial stage waits for is counted before the tasks after it.
    for (const [index, { after, isInOrder }] of this.graph.nodes.entries()) {
      const isOver = (other: number) => (isInOrder ? this.#isPassed(other) : this.isDone(other));
      const waits = after.filter((other) => !isOver(other)).length;
      this.#setNode(index, { ...this.#node(index), waits });
    }
    for (const index of this.graph.nodes.keys()) this.#standInLine(index);
  }

  /** To decide on; this progress stays as it is. */
  fork(): Progress {
    return new Progress(this.graph, this);
  }

  /** What the fork changed. */
  get change(): ProgressChange {
    return { nodes: this.#nodes, stages: this.#stages, inLine: this.#inLine, open: this.#open };
  }

  /** Takes over what a decision changed. */
  apply(change: ProgressChange): void {
    for (const [index, node] of change.nodes) this.#nodes.set(index, node);
    for (const [index, stage] of change.stages) this.#stages.set(index, stage);
    this.#inLine = new Set(change.inLine);
    this.#open = change.open;
  }

  /** Tasks of the run that are open. */
  get open(): number {
    return this.#open;
  }

  /** Ids of a node's tasks, in the order of the ways. */
  tasksOf(node: number): readonly string[] {
    return this.#node(node).tasks;
  }

  /** How many of a node's tasks are open. */
  openOf(node: number): number {
    return this.#node(node).open;
  }

  /** Whether all tasks of a node have ended. */
  isDone(node: number): boolean {
    return this.#node(node).left === 0;
  }

  /** Whether the turn of a stage has come. */
  hasTurn(stage: number): boolean {
    return this.#stage(stage).hasTurn;
  }

  /** Ids of all tasks, in the pipeline's order. */
  *taskIds(): Iterable<string> {
    for (const index of this.graph.nodes.keys()) yield* this.#node(index).tasks;
  }

  /** Takes note of a task that changed. Not for tasks that are reset: then all is derived anew. */
  note(before: PlannedTask, after: PlannedTask): void {
    const opens = Number(after.open ?? false) - Number(before.open ?? false);
    const ends = Number(isEnded(after.status.stage)) - Number(isEnded(before.status.stage));
    if (opens === 0 && ends === 0) return;
    const index = nodeOf(this.graph, after);
    const node = this.#node(index);
    const { stage } = this.graph.node(index);
    const left = node.left - ends;
    const isWaiting = node.waiting.includes(after.id);
    const waiting = isWaiting ? node.waiting.filter((id) => id !== after.id) : node.waiting;
    // Who ends without having stood in the line leaves no room for another.
    const under = ends > 0 && !isWaiting ? Math.max(node.under - 1, 0) : node.under;
    this.#setNode(index, { ...node, left, open: node.open + opens, waiting, under });
    const ofStage = this.#stage(stage);
    const stageLeft = ofStage.left - (node.left > 0 && left === 0 ? 1 : 0);
    this.#setStage(stage, { ...ofStage, open: ofStage.open + opens, left: stageLeft });
    this.#open += opens;
    if (ends <= 0) return;
    if (left > 0) {
      this.#standInLine(index);
      return;
    }
    const dependents = this.graph.node(index).before;
    for (const other of dependents) if (!this.graph.node(other).isInOrder) this.#release(other);
    if (this.#isPassed(index)) this.#pass(index);
  }

  /** A dynamic matrix is known now: these are the node's tasks, the first of them the one that stood for all. */
  expand(task: PlannedTask, taskIds: readonly string[], left: number): void {
    const index = nodeOf(this.graph, task);
    const node = this.#node(index);
    const waiting = new Set(node.waiting);
    const known = new Set(node.tasks);
    const stillWaits = (id: string) => id !== task.id && (waiting.has(id) || !known.has(id));
    this.#setNode(index, { ...node, tasks: taskIds, left, waiting: taskIds.filter(stillWaits) });
    this.#standInLine(index);
  }

  /** The turn of the stage has come: its tasks may start when nothing else keeps them. */
  beginStage(stage: number): void {
    this.#setStage(stage, { ...this.#stage(stage), hasTurn: true });
    for (const node of this.graph.nodesOf(stage)) this.#standInLine(node);
  }

  /** What may be done next by the stages of a kind. A task is not given twice. */
  next(isFinally: boolean): Step {
    for (const index of this.#inLine) {
      const stage = this.graph.stage(index);
      if (stage.isFinally !== isFinally) continue;
      const progress = this.#stage(index);
      if (progress.open >= widthOf(stage)) continue;
      const taken = progress.line.take();
      if (!taken) continue;
      this.#setStage(index, { ...progress, line: taken.rest });
      if (taken.rest.isEmpty) this.#inLine.delete(index);
      return { do: "open", taskId: taken.value };
    }
    return this.#nextTurn(isFinally);
  }

  #nextTurn(isFinally: boolean): Step {
    let stage: number | undefined = this.graph.stages.findIndex((each) => each.isFinally === isFinally);
    if (stage < 0) return { do: "end" };
    for (; stage !== undefined; stage = this.graph.stage(stage).after) {
      const { left, hasTurn } = this.#stage(stage);
      if (left === 0) continue;
      // A stage of tasks with `needs` alone has no turn.
      return hasTurn || !this.graph.stage(stage).isInOrder ? { do: "wait" } : { do: "turn", stage };
    }
    return { do: "end" };
  }

  /** What it says of every stage and task, comparable: one that was derived anew says the same. */
  summary(): unknown {
    return {
      open: this.#open,
      nodes: [...this.graph.nodes.keys()].map((index) => {
        const { tasks, left, open, waits } = this.#node(index);
        return { tasks, left, open, waits };
      }),
      stages: [...this.graph.stages.keys()].map((index) => {
        const { left, open } = this.#stage(index);
        return { left, open };
      }),
    };
  }

  /**
   * Whether the order of a serial stage has gone past a node. One that was canceled before its turn, or kept by a rerun,
   * has ended, and those before it may not have.
   */
  #isPassed(index: number): boolean {
    const { left, waits } = this.#node(index);
    return left === 0 && (waits === 0 || !this.graph.node(index).isInOrder);
  }

  /** The order of the stage goes on behind a node, and behind those after it that have ended already. */
  #pass(index: number): void {
    const passed = [index];
    for (let node = passed.pop(); node !== undefined; node = passed.pop()) {
      for (const other of this.graph.node(node).before) {
        if (!this.graph.node(other).isInOrder) continue;
        this.#release(other);
        if (this.#isPassed(other)) passed.push(other);
      }
    }
  }

  /** The node waits for one less. */
  #release(index: number): void {
    const node = this.#node(index);
    this.#setNode(index, { ...node, waits: node.waits - 1 });
    this.#standInLine(index);
  }

  /** Puts the node's next tasks in the stage's line, as far as they may start. */
  #standInLine(index: number): void {
    const { stage, isInOrder, spec } = this.graph.node(index);
    const node = this.#node(index);
    if (node.waits > 0 || (isInOrder && !this.#stage(stage).hasTurn)) return;
    const room = (spec.matrix?.maxParallel ?? Number.POSITIVE_INFINITY) - node.under;
    const next = node.waiting.slice(0, Math.max(room, 0));
    if (next.length === 0) return;
    const waiting = node.waiting.slice(next.length);
    this.#setNode(index, { ...node, waiting, under: node.under + next.length });
    const { line, ...rest } = this.#stage(stage);
    this.#setStage(stage, { ...rest, line: next.reduce((all, id) => all.with(id), line) });
    this.#inLine.add(stage);
  }

  #node(index: number): NodeProgress {
    const known = this.#nodes.get(index);
    return known ?? (this.#base as Progress).#node(index);
  }

  #stage(index: number): StageProgress {
    const known = this.#stages.get(index);
    return known ?? (this.#base as Progress).#stage(index);
  }

  #setNode(index: number, node: NodeProgress): void {
    this.#nodes.set(index, node);
  }

  #setStage(index: number, stage: StageProgress): void {
    this.#stages.set(index, stage);
  }
}

/** Whether the task was opened: what a rerun kept, or a person canceled before its turn, has ended without that. */
function hadTurn({ open, keptFrom, status, attempt, pastAttempts = [] }: PlannedTask): boolean {
  return open === true || (!keptFrom && isEnded(status.stage) && attempt > pastAttempts.length);
}

/** Index of the node that a task belongs to. */
export function nodeOf(graph: PlanGraph, task: Pick<PlannedTask, "stageNumber" | "taskNumber">): number {
  return graph.at((task.stageNumber ?? 1) - 1, (task.taskNumber ?? 1) - 1);
}

/** The node of a task. */
export function planNodeOf(
  graph: PlanGraph,
  task: Pick<PlannedTask, "stageNumber" | "taskNumber">,
): PlanNode {
  return graph.node(nodeOf(graph, task));
}
