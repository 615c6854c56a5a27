// Bodies of the HTTP API that are no nouns of their own: pages, views, answers to who starts runs. Server, SDK and OpenAPI
// read here also the queries, the bodies of manifests, logs, errors and health. What runs and decides is in request.ts.

import type { Static, TSchema } from "typebox";
import { describingMetadata, Job } from "./job.ts";
import { JobTask } from "./job-task.ts";
import { SetBy } from "./param.ts";
import { Paused } from "./pause.ts";
import { Pipeline } from "./pipeline.ts";
import { PipelineTask, RunMode, RunStage } from "./pipeline-task.ts";
import { closed, FreeKey, mapOf, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export { API_PREFIX } from "./api-prefix.ts";
export * from "./error-body.ts";
export * from "./health.ts";
export * from "./log.ts";
export * from "./manifests.ts";
export * from "./queries.ts";

/** A page of a list, newest first. */
export function pageOf<T extends TSchema>(item: T) {
  return closed({
    items: Type.Array(item, { description: "Newest first." }),
    nextCursor: Type.Optional(
      Type.String({ description: "Give it as `cursor` for the next page; absent on the last one." }),
    ),
  });
}

/** One page of a list. */
export interface ApiPage<T> {
  items: T[];
  nextCursor?: string;
}

// Jobs and pipelines.

export const JobPage = pageOf(Job);
/** A pipeline as the API shows it. */
export const PipelineView = closed({
  ...Pipeline.properties,
  paused: Type.Optional(titled("Nothing new of its runs starts.", Paused)),
});
export type PipelineView = Static<typeof PipelineView>;

export const PipelinePage = pageOf(PipelineView);

/** A field of a merge: left out it stays, `null` removes it. */
export function nullable<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

/** A JSON merge (RFC 7396) into a job: what is left out stays, `null` removes. */
export const PatchJobRequest = closed({
  metadata: Type.Optional(
    closed(
      {
        labels: nullable(
          mapOf(FreeKey, Type.Union([Type.String({ maxLength: 512 }), Type.Null()]), {
            description: "Labels by key; `null` removes one.",
          }),
        ),
        displayName: nullable(describingMetadata.displayName),
        description: nullable(describingMetadata.description),
        readme: nullable(describingMetadata.readme),
        icon: nullable(describingMetadata.icon),
        extension: nullable(
          mapOf(FreeKey, Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]), {
            description: "Data by key; `null` removes one.",
          }),
        ),
      },
      { description: "Merged into what describes the job; of every stage." },
    ),
  ),
  spec: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "Merged into the spec; of a DRAFT only.",
    }),
  ),
});
export type PatchJobRequest = Static<typeof PatchJobRequest>;

// Runs and tasks.

/** A task as the API shows it. */
export const JobTaskView = closed({
  ...JobTask.properties,
  waitingFor: Type.Optional(
    Type.String({ description: "What an unfinished task waits for, in one sentence." }),
  ),
});
export type JobTaskView = Static<typeof JobTaskView>;

/** A run as the API shows it. */
export const RunView = closed({
  ...PipelineTask.properties,
  waitingFor: Type.Optional(
    Type.String({
      description: "What a run waits for that is in line, wants its lock, or is paused; one sentence.",
    }),
  ),
});
export type RunView = Static<typeof RunView>;

export const PipelineTaskPage = pageOf(RunView);
export const JobTaskPage = pageOf(JobTaskView);

/** A run that was made of another one. */
export const RunAgain = closed({
  id: Type.String({ description: "The run." }),
  mode: titled("`ROLLBACK`, or `RUN` for a rerun.", RunMode),
  stage: RunStage,
  runBy: Type.String({ description: "Who started it." }),
  createdAt: titled("When it was made.", Timestamp),
});
export type RunAgain = Static<typeof RunAgain>;

/** A run with all its tasks, in the pipeline's order. */
export const PipelineTaskView = closed({
  run: RunView,
  tasks: Type.Array(JobTaskView, { description: "In the pipeline's order." }),
  again: Type.Optional(
    Type.Array(RunAgain, { description: "Its reruns and rollbacks, newest first; the last 50." }),
  ),
});
export type PipelineTaskView = Static<typeof PipelineTaskView>;

export const RenderedTaskBody = closed({
  name: Type.String({ description: "Name of the task." }),
  stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
  job: Type.String({ description: "The job version that it would run." }),
  spec: Type.Record(Type.String(), Type.Unknown(), { description: "The rendered runner spec, masked." }),
  made: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "What the runner would make, e.g. the Job of Kubernetes, masked.",
    }),
  ),
  params: Type.Array(
    closed({
      name: Type.String({ description: "As the job declares it." }),
      value: Type.String({
        description: "`***` when it is sensitive; `<NAME>` when an earlier task may give it.",
      }),
      setBy: SetBy,
    }),
    { description: "What it would run with." },
  ),
  skipped: Type.Optional(Type.Boolean({ description: "It has `skipRun`, or is not rolled back." })),
  kept: Type.Optional(
    Type.Boolean({ description: "It does not run again: what is shown is what it ran with." }),
  ),
});
export type RenderedTaskBody = Static<typeof RenderedTaskBody>;

const repeated = Type.Optional(
  Type.Boolean({ description: "The Idempotency-Key was used for the same request before; this is its run." }),
);

/** What a rerun or a rollback does with a task, and why. */
export const AgainTask = closed({
  name: Type.String({ description: "Name of the task." }),
  stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
  does: oneOf(
    ["KEEP", "RUN", "SKIP"],
    "What becomes of it; one that runs may still be skipped by its `when`.",
  ),
  why: Type.String({ description: "Why, as a sentence." }),
});
export type AgainTask = Static<typeof AgainTask>;

export const RunPipelineResponse = closed({
  run: RunView,
  tasks: Type.Array(JobTaskView, { description: "In the pipeline's order." }),
  rendered: Type.Optional(Type.Array(RenderedTaskBody, { description: "Only of a dry run." })),
  again: Type.Optional(
    Type.Array(AgainTask, { description: "Of a rerun or rollback: what becomes of each task, and why." }),
  ),
  warnings: Type.Optional(Type.Array(Type.String(), { description: "Values that fill no declared param." })),
  repeated,
});
export type RunPipelineResponse = Static<typeof RunPipelineResponse>;

export const RunJobResponse = closed({
  task: JobTaskView,
  rendered: Type.Optional(titled("Only of a dry run.", RenderedTaskBody)),
  repeated,
});
export type RunJobResponse = Static<typeof RunJobResponse>;
