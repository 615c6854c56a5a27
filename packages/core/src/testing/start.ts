// Starts runs and lone tasks for tests.

import type { Actor, Change, LastSuccess, MadeOf, RunRecord } from "../change.ts";
import { jobOf as jobOfTask } from "../decide/freeze.ts";
import { changeOf } from "../decide/run-of.ts";
import { hasRun } from "../has-run.ts";
import type { JobSpec } from "../schema/job.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";
import type { RerunRequest, RollbackRequest, RunJobRequest, RunPipelineRequest } from "../schema/request.ts";
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

/** Runs an ended run again, in its world. */
export function playRerun(play: Play, request: RerunRequest = {}, actor?: Actor): Play {
  const madeOf: MadeOf = { how: "RERUN", old: recordOf(play), request };
  return new Play(play.world, changeOf(play.world.newId("run"), madeOf), actor);
}

/** Rolls an ended run back to the successes of earlier ones, which are in the order in which they ran. */
export function playRollback(play: Play, earlier: readonly Play[], request: RollbackRequest = {}): Play {
  const lastSuccesses = new Map<string, LastSuccess>();
  for (const task of play.state.tasks.values()) {
    const found = earlier.flatMap(({ state }) =>
      [...state.tasks.values()]
        .filter(({ name, status }) => name === task.name && status.stage === "SUCCEEDED")
        .map((each): LastSuccess => ({ task: each, job: jobOfTask(state.definition, each) })),
    );
    const last = found.at(-1);
    if (last && hasRun(task)) lastSuccesses.set(task.id, last);
  }
  const madeOf: MadeOf = { how: "ROLLBACK", old: recordOf(play), request, lastSuccesses };
  return new Play(play.world, changeOf(play.world.newId("run"), madeOf));
}

/** A run as it would be stored. */
export function recordOf({ run, state }: Play): RunRecord {
  return { run, definition: state.definition, tasks: [...state.tasks.values()] };
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
