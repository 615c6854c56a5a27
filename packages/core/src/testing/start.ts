// Starts runs and lone tasks for tests.

import type { Actor, Change } from "../change.ts";
import type { JobSpec } from "../schema/job.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { RunJobRequest, RunPipelineRequest } from "../schema/request.ts";
import { DEFAULT_SCOPE, type Scope } from "../schema/scalars.ts";
import { jobOf, pipelineOf } from "./documents.ts";
import { Play } from "./play.ts";
import { World } from "./world.ts";

export interface PlayOptions {
  world?: World;
  /** More of the jobs by name; `noop` is always there. */
  jobs?: Record<string, Partial<JobSpec>>;
  /** More of the tasks by name. */
  tasks?: Record<string, Partial<TaskSpec>>;
  /** More of the stages by name. */
  stages?: Record<string, Partial<StageSpec>>;
  /** More of the pipeline. */
  spec?: Partial<PipelineSpec>;
  request?: RunPipelineRequest;
  scope?: Scope;
  name?: string;
  labels?: Record<string, string>;
  actor?: Actor;
}

/** Starts a pipeline of the shape, see `pipelineOf`. */
export function playPipeline(shape: string, options: PlayOptions = {}): Play {
  const spec = pipelineOf(shape, options.tasks, options.spec);
  const stages = spec.stages.map((stage) => ({ ...stage, ...options.stages?.[stage.name] }));
  return playSpec({ ...spec, stages }, options);
}

export function playSpec(spec: PipelineSpec, options: PlayOptions = {}): Play {
  const world = options.world ?? new World();
  return new Play(world, creationOf(world, spec, options), options.actor);
}

/** The change that runs a pipeline. */
export function creationOf(
  world: World,
  spec: PipelineSpec,
  { jobs = {}, request = {}, scope = DEFAULT_SCOPE, name = "p", labels }: PlayOptions,
): Extract<Change, { type: "runPipeline" }> {
  const all = { noop: {}, ...jobs };
  return {
    type: "runPipeline",
    id: world.newId("run"),
    request,
    scope,
    pipeline: { id: `pipeline-${name}`, name, spec, ...(labels ? { labels } : {}) },
    jobs: new Map(Object.entries(all).map(([job, more]) => [job, jobOf(job, more)])),
  };
}

/** Runs a job alone. */
export function playJob(
  request: RunJobRequest = {},
  job: Partial<JobSpec> = {},
  options: { world?: World; scope?: Scope; actor?: Actor } = {},
): Play {
  const { world = new World(), scope = DEFAULT_SCOPE, actor } = options;
  return new Play(world, { type: "runJob", request, scope, job: jobOf("noop", job) }, actor);
}
