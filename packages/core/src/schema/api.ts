// Bodies and queries of the HTTP API that are no nouns of their own: pages, logs. Those of manifests are in manifests.ts,
// errors in error-body.ts, health in health.ts.
// Accounts are in account.ts. Server, SDK and OpenAPI read them here; what runs and decides is in request.ts.

import type { Static, TSchema } from "typebox";
import { describingMetadata, Job, JobStage } from "./job.ts";
import { JobTask, TaskOrigin, TaskStage } from "./job-task.ts";
import { SetBy } from "./param.ts";
import { Paused } from "./pause.ts";
import { Pipeline } from "./pipeline.ts";
import { PipelineTask, RunMode, RunStage } from "./pipeline-task.ts";
import { closed, FreeKey, mapOf, Name, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export { API_PREFIX } from "./api-prefix.ts";
export * from "./error-body.ts";
export * from "./health.ts";
export * from "./manifests.ts";

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

// Queries. Times are inclusive from, exclusive to; `label` and `stage` may be repeated.

const scopeQuery = {
  domain: Type.Optional(titled("Domain that it is about; lists without it show all that you may see.", Name)),
  namespace: Type.Optional(titled("Namespace that it is about; the same.", Name)),
};

/** Which scope a request without one in its body is for. */
export const ScopeQuery = closed(scopeQuery);
export type ScopeQuery = Static<typeof ScopeQuery>;

export const TriggerQuery = closed({
  ...scopeQuery,
  queue: Type.Optional(
    Type.Boolean({
      description:
        "Whether to wait in line while another run is under way; default: as the schedule's `overlap: QUEUE`, else its pipeline, says.",
    }),
  ),
});
export type TriggerQuery = Static<typeof TriggerQuery>;

export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 500;

/** Of lists that have a scope and pages. */
export const pageQuery = {
  ...scopeQuery,
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, description: `Default ${DEFAULT_PAGE_SIZE}.` }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 512, description: "`nextCursor` of the page before." })),
};

/** Of lists of records that have names and labels. */
export const listQuery = {
  ...pageQuery,
  label: Type.Optional(
    Type.Array(Type.String({ maxLength: 641, pattern: "^[^=]+=" }), {
      maxItems: 16,
      description: "`key=value`; all given labels must be there.",
    }),
  ),
  text: Type.Optional(Type.String({ maxLength: 256, description: "Text in the name, case ignored." })),
  createdFrom: Type.Optional(titled("Made then or later.", Timestamp)),
  createdTo: Type.Optional(titled("Made before then.", Timestamp)),
};

function stageQuery<T extends TSchema>(stage: T) {
  return Type.Optional(Type.Array(stage, { maxItems: 16, description: "Any of these stages." }));
}

export const JobQuery = closed({
  ...listQuery,
  name: Type.Optional(titled("All versions of this job.", Name)),
  stage: stageQuery(JobStage),
});
export type JobQuery = Static<typeof JobQuery>;

export const PipelineQuery = closed({
  ...listQuery,
  name: Type.Optional(titled("The pipeline of this name.", Name)),
});
export type PipelineQuery = Static<typeof PipelineQuery>;

export const OnePipelineQuery = closed({
  ...scopeQuery,
  resolved: Type.Optional(
    Type.Boolean({ description: "Put together with the pipelines that it extends, as they are now." }),
  ),
});
export type OnePipelineQuery = Static<typeof OnePipelineQuery>;

export const PipelineTaskQuery = closed({
  ...listQuery,
  stage: stageQuery(RunStage),
  pipeline: Type.Optional(titled("Runs of this pipeline.", Name)),
  of: Type.Optional(Type.String({ maxLength: 64, description: "Reruns and rollbacks of this run." })),
});
export type PipelineTaskQuery = Static<typeof PipelineTaskQuery>;

export const JobTaskQuery = closed({
  ...listQuery,
  stage: stageQuery(TaskStage),
  job: Type.Optional(titled("Tasks of this job.", Name)),
  pipelineTaskId: Type.Optional(Type.String({ maxLength: 64, description: "Tasks of this run." })),
});
export type JobTaskQuery = Static<typeof JobTaskQuery>;

/** What of the stream of events is wanted; without a scope that of every scope the caller may read. */
export const EventQuery = closed({
  ...scopeQuery,
  pipelineTaskId: Type.Optional(Type.String({ maxLength: 64, description: "Events of this run." })),
  taskId: Type.Optional(Type.String({ maxLength: 64, description: "Events of this task." })),
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "Events after this place, like `Last-Event-ID`, which wins; left out: from now on.",
    }),
  ),
});
export type EventQuery = Static<typeof EventQuery>;

export const ArchiveQuery = closed(
  {
    ...EventQuery.properties,
    after: Type.Optional(
      Type.Integer({ minimum: 0, description: "Events after this place; left out: all." }),
    ),
  },
  { description: "What of the archive of events is wanted." },
);
export type ArchiveQuery = Static<typeof ArchiveQuery>;

/** Where the stream of events begins and ends. */
export const EventPlaces = closed({
  archivedUpTo: Type.Integer({ description: "Events up to this place are in the archive; 0: none." }),
  newest: Type.Integer({ description: "Place of the newest event; 0: there is none." }),
});
export type EventPlaces = Static<typeof EventPlaces>;

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

/** A run with all its tasks, in the pipeline's order. */
/** A run that was made of another one. */
export const RunAgain = closed({
  id: Type.String({ description: "The run." }),
  mode: titled("`ROLLBACK`, or `RUN` for a rerun.", RunMode),
  stage: RunStage,
  runBy: Type.String({ description: "Who started it." }),
  createdAt: titled("When it was made.", Timestamp),
});
export type RunAgain = Static<typeof RunAgain>;

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

// Logs.

export const LogLineBody = closed({
  line: Type.Integer({ description: "From 1, without gaps." }),
  time: Type.Integer({ description: "Milliseconds since the epoch." }),
  stream: oneOf(["stdout", "stderr", "mflow"], "`mflow`: a note of mflow itself, e.g. that output was cut."),
  step: Type.String({ description: "The step that wrote it." }),
  text: Type.String({ description: "Without its line break; masked." }),
});
export type LogLineBody = Static<typeof LogLineBody>;

export const DEFAULT_LOG_LINES = 1000;
export const MAX_LOG_LINES = 10_000;

const attemptQuery = Type.Optional(
  Type.Integer({ minimum: 1, description: "Default: the newest that has a log." }),
);

export const LogQuery = closed({
  attempt: attemptQuery,
  from: Type.Optional(Type.Integer({ minimum: 1, description: "First line, from 1." })),
  tail: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LOG_LINES, description: "The last so many lines instead." }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LOG_LINES, description: `Default ${DEFAULT_LOG_LINES}.` }),
  ),
  search: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, description: "Only lines with this text." }),
  ),
  caseSensitive: Type.Optional(
    Type.Boolean({ description: "Case counts in `search` (default: it does not)." }),
  ),
});
export type LogQuery = Static<typeof LogQuery>;

export const LogPage = closed({
  keptFrom: Type.Optional(titled("The log is that of the task whose work a rerun kept.", TaskOrigin)),
  attempt: Type.Integer({ description: "0 when there is no log yet." }),
  attempts: Type.Array(Type.Integer(), { description: "Attempts that have a log." }),
  lines: Type.Array(LogLineBody, { description: "In their order." }),
  nextFrom: Type.Optional(
    Type.Integer({ description: "Give it as `from` to go on; absent when there is no more now." }),
  ),
});
export type LogPage = Static<typeof LogPage>;

/** Of the stream: events `line` (data: a LogLine, id: its number) and, when no more come, `end`. */
export const LogStreamQuery = closed({
  attempt: attemptQuery,
  from: Type.Optional(
    Type.Integer({ minimum: 1, description: "First line; `Last-Event-ID`, the last one had, wins." }),
  ),
  tail: Type.Optional(
    Type.Integer({ minimum: 0, maximum: MAX_LOG_LINES, description: "Begin with the last so many lines." }),
  ),
});
export type LogStreamQuery = Static<typeof LogStreamQuery>;

export const LogTextQuery = closed({ attempt: attemptQuery });
export type LogTextQuery = Static<typeof LogTextQuery>;
