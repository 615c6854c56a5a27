// Which tasks of a pipeline have ended when another one begins, by stages and `needs`.

import type { PipelineSpec, TaskSpec } from "../schema/pipeline.ts";

export interface TaskPlace {
  /** From 0. */
  stageIndex: number;
  /** From 0, within the stage. */
  taskIndex: number;
}

export interface PlacedTask extends TaskPlace {
  task: TaskSpec;
  stageName: string;
}

/** Whatever a pipeline's version of the schema knows of needs. */
interface MayNeed {
  needs?: readonly string[];
}

export class TaskOrder {
  readonly places: readonly PlacedTask[];
  readonly #spec: PipelineSpec;

  constructor(spec: PipelineSpec) {
    this.#spec = spec;
    this.places = spec.stages.flatMap((stage, stageIndex) =>
      stage.tasks.map((task, taskIndex) => ({ task, stageName: stage.name, stageIndex, taskIndex })),
    );
  }

  /** Names by which tasks can be referred to. */
  get names(): string[] {
    return this.places.map(({ task }) => task.name);
  }

  /** The task of a name, or of `stage/name`. */
  find(reference: string): PlacedTask | undefined {
    return this.places.find(
      ({ task, stageName }) => task.name === reference || `${stageName}/${task.name}` === reference,
    );
  }

  /** Whether a task has surely ended when another begins. */
  isBefore(earlier: TaskPlace, later: TaskPlace): boolean {
    const isWanted = (one: TaskPlace) =>
      one.stageIndex === earlier.stageIndex && one.taskIndex === earlier.taskIndex;
    const seen = new Set<string>();
    const waiting = this.#directlyBefore(later);
    for (let place = waiting.pop(); place; place = waiting.pop()) {
      const key = `${place.stageIndex}/${place.taskIndex}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (isWanted(place)) return true;
      waiting.push(...this.#directlyBefore(place));
    }
    return false;
  }

  /** What a task waits for itself: its needs, or else the task or stage before it. */
  #directlyBefore({ stageIndex, taskIndex }: TaskPlace): TaskPlace[] {
    const stage = this.#spec.stages[stageIndex];
    const needs = (stage?.tasks[taskIndex] as MayNeed | undefined)?.needs;
    if (needs) return needs.flatMap((name) => this.find(name) ?? []);
    if (!stage?.isParallel && taskIndex > 0) return [{ stageIndex, taskIndex: taskIndex - 1 }];
    const before = this.#spec.stages[stageIndex - 1];
    if (!before) return [];
    return before.tasks.map((_, index) => ({ stageIndex: stageIndex - 1, taskIndex: index }));
  }
}
