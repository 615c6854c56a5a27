// Queries of lists and of the stream of events. Times are inclusive from, exclusive to; `label` and `stage` may be repeated.

import type { Static, TSchema } from "typebox";
import { JobStage } from "./job.ts";
import { TaskStage } from "./job-task.ts";
import { RunStage } from "./pipeline-task.ts";
import { closed, Name, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

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
