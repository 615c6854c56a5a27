// Rules on the order of a pipeline: names of stages and tasks, parallelism, what is skipped.

import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { PipelineSpec, StageSpec } from "../schema/pipeline.ts";
import { timeoutRules } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";

function* parallelRules(stage: StageSpec, path: string): Generator<Finding> {
  if (stage.failFast && stage.finally) {
    const message = "`failFast` has no effect in a `finally` stage, whose tasks all run; remove it";
    yield warning(`${path}/failFast`, message);
  }
  if (stage.isParallel) return;
  if (stage.maxParallel !== undefined) {
    const message = "`maxParallel` has no effect in a serial stage; add `isParallel: true` or remove it";
    yield warning(`${path}/maxParallel`, message);
  }
  if (stage.failFast && !stage.finally) {
    const message = "`failFast` has no effect in a serial stage; add `isParallel: true` or remove it";
    yield warning(`${path}/failFast`, message);
  }
}

/** Names are unique, something runs, and what is said about parallelism has an effect. */
export function* stageRules(spec: PipelineSpec, path: string): Generator<Finding> {
  const stageNames = new Set<string>();
  const stageOfTask = new Map<string, string>();
  for (const [stageIndex, stage] of spec.stages.entries()) {
    const stagePath = below(`${path}/stages`, stageIndex);
    if (stageNames.has(stage.name)) {
      yield error(
        `${stagePath}/name`,
        `another stage is called ${quoted(stage.name)} too; rename one of them`,
      );
    }
    stageNames.add(stage.name);
    yield* parallelRules(stage, stagePath);
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const taskPath = below(`${stagePath}/tasks`, taskIndex);
      const other = stageOfTask.get(task.name);
      if (other !== undefined) {
        const message = `another task, in stage ${quoted(other)}, is called ${quoted(task.name)} too; task names are unique in the whole pipeline, so rename one of them`;
        yield error(`${taskPath}/name`, message);
      } else stageOfTask.set(task.name, stage.name);
      yield* timeoutRules(task.timeout, `${taskPath}/timeout`);
    }
  }
  if (spec.isParallel && spec.sequenceLabelKey !== undefined) {
    const message = "`sequenceLabelKey` has no effect with `isParallel: true`; remove one of them";
    yield warning(`${path}/sequenceLabelKey`, message);
  }
}
