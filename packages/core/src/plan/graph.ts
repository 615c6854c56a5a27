// The order of a pipeline as a graph: what each of its tasks waits for, and what waits for it. Made once for a
// definition; who has ended and who may start now is kept in progress.ts.
//
// A task with `needs` waits for those tasks alone. Any other waits for its stage's turn, which comes when all earlier
// stages have ended, and in a serial stage for the tasks before it. `finally` stages come after all others.

import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";

export interface PlanStage {
  readonly spec: StageSpec;
  readonly isFinally: boolean;
  /** Index of its first node. */
  readonly first: number;
  /** The stage whose end lets its turn come; none for the first. */
  readonly before: number | undefined;
  /** The stage whose turn comes with its end. */
  readonly after: number | undefined;
  /** Whether it has tasks that wait for its turn: those without `needs`. */
  readonly isInOrder: boolean;
}

/** A task of the pipeline. It stands for several JobTasks when it has a matrix. */
export interface PlanNode {
  readonly spec: TaskSpec;
  /** Index of its stage. */
  readonly stage: number;
  /** Index within the stage. */
  readonly task: number;
  /** Nodes that must have ended before it starts; besides them the stage's turn, unless it has `needs`. */
  readonly after: readonly number[];
  /** Nodes that have this one in their `after`. */
  readonly before: number[];
  /** Whether it follows the order of the stages. */
  readonly isInOrder: boolean;
}

export class PlanGraph {
  readonly stages: readonly PlanStage[];
  readonly nodes: readonly PlanNode[];
  /** Indices of the nodes that have a matrix. */
  readonly matrices: readonly number[];
  readonly #byName: ReadonlyMap<string, number>;

  constructor({ stages }: Pick<PipelineSpec, "stages">) {
    this.stages = planStages(stages);
    this.#byName = nodesByName(stages);
    const nodes: PlanNode[] = [];
    for (const [stage, spec] of stages.entries()) {
      for (const [task, taskSpec] of spec.tasks.entries()) {
        const after = taskSpec.needs
          ? this.#needed(taskSpec.needs)
          : precedingInStage(spec, task, nodes.length);
        nodes.push({ spec: taskSpec, stage, task, after, before: [], isInOrder: !taskSpec.needs });
      }
    }
    for (const [index, { after }] of nodes.entries()) {
      for (const each of after) nodes[each]?.before.push(index);
    }
    this.nodes = nodes;
    this.matrices = [...nodes.keys()].filter((node) => nodes[node]?.spec.matrix);
  }

  #needed(names: readonly string[]): number[] {
    return names.flatMap((name) => this.#byName.get(name) ?? []);
  }

  /** Index of the node of this name; undefined when there is none. */
  named(name: string): number | undefined {
    return this.#byName.get(name);
  }

  /** Index of the node that stands there; indices count from 0. */
  at(stage: number, task: number): number {
    return (this.stages[stage] as PlanStage).first + task;
  }

  node(index: number): PlanNode {
    return this.nodes[index] as PlanNode;
  }

  stage(index: number): PlanStage {
    return this.stages[index] as PlanStage;
  }

  /** Indices of a stage's nodes. */
  nodesOf(stage: number): number[] {
    const { first, spec } = this.stage(stage);
    return spec.tasks.map((_, task) => first + task);
  }

  /** All nodes that start only after this one, directly or not. */
  descendants(index: number): Set<number> {
    return this.descendantsOf([index]);
  }

  /** All nodes that start only after one of these, directly or not. */
  descendantsOf(indices: Iterable<number>): Set<number> {
    return this.#reach(indices, (place) => this.#waitingFor(place));
  }

  /** All nodes that have ended before this one starts. */
  ancestors(index: number): Set<number> {
    return this.#reach([index], (place) => this.#awaitedBy(place));
  }

  /** Nodes that wait for each other, in the order in which each waits for the next; undefined when there are none. */
  findCycle(): number[] | undefined {
    if (this.nodes.every(({ isInOrder }) => isInOrder)) return undefined;
    const cycle = findCycle(this.nodes.length + this.stages.length, (place) => this.#awaitedBy(place));
    return cycle?.filter((place) => place < this.nodes.length);
  }

  // Places: a node's index, and above those one for the turn of each stage, so that there are as many edges as nodes.

  #turnOf(stage: number): number {
    return this.nodes.length + stage;
  }

  get #firstFinally(): number | undefined {
    const stage = this.stages.findIndex(({ isFinally }) => isFinally);
    return stage < 0 ? undefined : stage;
  }

  *#waitingFor(place: number): Iterable<number> {
    const first = this.#firstFinally;
    if (place >= this.nodes.length) {
      const stage = place - this.nodes.length;
      const { after } = this.stage(stage);
      for (const node of this.nodesOf(stage)) if (this.node(node).isInOrder) yield node;
      if (after !== undefined) yield this.#turnOf(after);
      if (stage === first)
        yield* this.nodes.keys().filter((node) => this.stage(this.node(node).stage).isFinally);
      return;
    }
    const { before, stage } = this.node(place);
    const { after, isFinally } = this.stage(stage);
    yield* before;
    if (after !== undefined) yield this.#turnOf(after);
    if (!isFinally && first !== undefined) yield this.#turnOf(first);
  }

  *#awaitedBy(place: number): Iterable<number> {
    const first = this.#firstFinally;
    if (place >= this.nodes.length) {
      const stage = place - this.nodes.length;
      const { before } = this.stage(stage);
      if (before !== undefined) {
        yield* this.nodesOf(before);
        yield this.#turnOf(before);
      }
      if (stage === first)
        yield* this.nodes.keys().filter((node) => !this.stage(this.node(node).stage).isFinally);
      return;
    }
    const { after, stage, isInOrder } = this.node(place);
    yield* after;
    if (isInOrder) yield this.#turnOf(stage);
    else if (this.stage(stage).isFinally && first !== undefined) yield this.#turnOf(first);
  }

  #reach(from: Iterable<number>, next: (place: number) => Iterable<number>): Set<number> {
    const reached = new Set<number>();
    const open = [...from];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      for (const other of next(place)) {
        if (reached.has(other)) continue;
        reached.add(other);
        open.push(other);
      }
    }
    for (const place of reached) if (place >= this.nodes.length) reached.delete(place);
    return reached;
  }
}

const graphs = new WeakMap<object, PlanGraph>();

/** The graph of a pipeline; made once for each object. */
export function graphOf(spec: Pick<PipelineSpec, "stages">): PlanGraph {
  let graph = graphs.get(spec);
  if (!graph) {
    graph = new PlanGraph(spec);
    graphs.set(spec, graph);
  }
  return graph;
}

function planStages(specs: readonly StageSpec[]): PlanStage[] {
  let first = 0;
  return specs.map((spec, index) => {
    const isFinally = spec.finally === true;
    const isSameKind = (other: StageSpec) => (other.finally === true) === isFinally;
    const before = specs.slice(0, index).findLastIndex(isSameKind);
    const after = specs.findIndex((other, place) => place > index && isSameKind(other));
    const stage: PlanStage = {
      spec,
      isFinally,
      first,
      before: before < 0 ? undefined : before,
      after: after < 0 ? undefined : after,
      isInOrder: spec.tasks.some(({ needs }) => !needs),
    };
    first += spec.tasks.length;
    return stage;
  });
}

function nodesByName(stages: readonly StageSpec[]): Map<string, number> {
  const names = new Map<string, number>();
  let index = 0;
  for (const { tasks } of stages) for (const { name } of tasks) names.set(name, index++);
  return names;
}

/** In a serial stage all tasks before it, as far as they do not wait for each other anyway. */
function precedingInStage(stage: StageSpec, task: number, index: number): number[] {
  if (stage.isParallel) return [];
  const preceding: number[] = [];
  for (let before = task - 1; before >= 0; before--) {
    preceding.push(index - (task - before));
    if (!stage.tasks[before]?.needs) break;
  }
  return preceding.reverse();
}

/** Depth first; the stack is our own, for graphs may be deep. */
function findCycle(size: number, awaited: (node: number) => Iterable<number>): number[] | undefined {
  const isDone = new Set<number>();
  for (let root = 0; root < size; root++) {
    if (isDone.has(root)) continue;
    const path: { node: number; rest: Iterator<number> }[] = [
      { node: root, rest: awaited(root)[Symbol.iterator]() },
    ];
    const onPath = new Map<number, number>([[root, 0]]);
    while (path.length > 0) {
      const top = path[path.length - 1] as (typeof path)[number];
      const { value: next, done } = top.rest.next();
      if (done) {
        isDone.add(top.node);
        onPath.delete(top.node);
        path.pop();
        continue;
      }
      const place = onPath.get(next);
      if (place !== undefined) return path.slice(place).map(({ node }) => node);
      if (isDone.has(next)) continue;
      onPath.set(next, path.length);
      path.push({ node: next, rest: awaited(next)[Symbol.iterator]() });
    }
  }
  return undefined;
}
