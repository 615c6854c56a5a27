// Tiny jobs and pipelines for tests, from a notation that shows their shape at a glance.

import type { JobSnapshot, JobSpec } from "../schema/job.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

/** A published job; it does nothing unless told. */
export function jobOf(name: string, spec: Partial<JobSpec> = {}): JobSnapshot {
  return {
    id: `job-${name}`,
    ...DEFAULT_SCOPE,
    name,
    version: "v1",
    spec: { runnerType: "FAKE", runnerSpec: {}, ...spec },
  };
}

/**
 * A pipeline of the shape `a b > [c d e]/2 > f`: stages `s1`, `s2`, ... are parted by `>`, tasks by blanks; brackets
 * make a stage parallel, `/2` is its `maxParallel`. Tasks run the job `noop` unless `tasks` says more of them.
 */
export function pipelineOf(
  shape: string,
  tasks: Record<string, Partial<TaskSpec>> = {},
  more: Partial<PipelineSpec> = {},
): PipelineSpec {
  const stages = shape.split(">").map((part, index) => stageOf(part.trim(), `s${index + 1}`, tasks));
  return { ...more, stages };
}

function stageOf(part: string, name: string, tasks: Record<string, Partial<TaskSpec>>): StageSpec {
  const [, inner, maxParallel] = /^\[(.*)\](?:\/(\d+))?$/.exec(part) ?? [];
  const names = (inner ?? part).trim().split(/\s+/);
  const stage: StageSpec = {
    name,
    tasks: names.map((task) => ({ name: task, job: "noop", ...tasks[task] })),
  };
  if (inner !== undefined) stage.isParallel = true;
  if (maxParallel !== undefined) stage.maxParallel = Number(maxParallel);
  return stage;
}
