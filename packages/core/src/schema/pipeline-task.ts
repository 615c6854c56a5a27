// A PipelineTask: one run of a pipeline, with a snapshot of its definition (semantics, section 5).

import type { Static } from "typebox";
import { NextRun, originProperties } from "./chain.ts";
import { AddedAuditor } from "./gate.ts";
import { JobSnapshot } from "./job.ts";
import { listenerProperties } from "./listener.ts";
import { ParamValue } from "./param.ts";
import { PipelineSpec, TaskSpec } from "./pipeline.ts";
import { closed, Labels, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const RUN_STAGES = ["PENDING", "ACTIVE", "CANCELING", "CANCELED", "FAILED", "SUCCEEDED"] as const;
export const RunStage = oneOf(RUN_STAGES, "Where the run stands.");
export type RunStage = Static<typeof RunStage>;

export const TriggerMode = oneOf(
  ["MANUAL", "EVENT", "APPROVAL", "SCHEDULE", "PIPELINE"],
  "What started the run (default `MANUAL`).",
);
export type TriggerMode = Static<typeof TriggerMode>;

/** Where a run stands in its stages; kept on the run so that advancing costs the same for any width. */
export const Cursor = closed(
  {
    stage: Type.Integer({
      description: "Index of the stage under way; the number of stages when all are done.",
    }),
    next: Type.Integer({ description: "Index of the next task of the stage that was not opened yet." }),
    open: Type.Integer({ description: "Tasks of the stage that were opened and have not ended." }),
  },
  { description: "How far a run has come in its stages." },
);
export type Cursor = Static<typeof Cursor>;

export const PipelineTaskStatus = closed(
  {
    stage: RunStage,
    failing: Type.Optional(Type.Boolean({ description: "A task failed: nothing more starts." })),
    windingUp: Type.Optional(
      oneOf(["FAIL", "CANCEL"], "What had not started when it failed or was canceled has been ended."),
    ),
    reason: Type.Optional(Type.String({ description: "Why it is in this stage, as a code." })),
    message: Type.Optional(Type.String({ description: "The same as a sentence." })),
    canceledBy: Type.Optional(Type.String({ description: "Who canceled it." })),
    startAt: Type.Optional(titled("When it began.", Timestamp)),
    endAt: Type.Optional(titled("When it ended.", Timestamp)),
    next: Type.Optional(NextRun),
    cursor: Cursor,
  },
  { description: "Where a run stands." },
);
export type PipelineTaskStatus = Static<typeof PipelineTaskStatus>;

export const PipelineTask = closed(
  {
    id: Type.String({ description: "`run-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "The pipeline's name." }),
    pipelineId: Type.Optional(Type.String({ description: "The stored pipeline, when there is one." })),
    labels: Type.Optional(titled("Those of the request, laid over those of the pipeline.", Labels)),
    triggerMode: TriggerMode,
    runBy: Type.String({ description: "Who started it." }),
    lockKey: Type.Optional(
      Type.String({ description: "The sequence lock that the run holds until it ends." }),
    ),
    ...originProperties,
    status: PipelineTaskStatus,
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it, or one of its tasks, was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "One run of a pipeline." },
);
export type PipelineTask = Static<typeof PipelineTask>;

/**
 * What a run or a lone task was asked to do. Written once, never changed: the jobs by id, the pipeline
 * (or the one task of a lone run), the values of the run request, and the ids of the tasks in the pipeline's order.
 */
export const RunDefinition = closed(
  {
    jobs: Type.Record(Type.String(), JobSnapshot, { description: "The jobs of its tasks, by id." }),
    pipeline: Type.Optional(titled("The pipeline as it was; none for a lone task.", PipelineSpec)),
    task: Type.Optional(titled("The one task of a lone run.", TaskSpec)),
    taskJobs: Type.Record(Type.String(), Type.String(), { description: "Job id by JobTask id." }),
    taskIds: Type.Array(Type.Array(Type.String()), { description: "JobTask ids by stage." }),
    runParams: Type.Array(ParamValue, { description: "The values of the run request." }),
    auditors: Type.Optional(Type.Array(AddedAuditor, { description: "Added by the run request." })),
    listeners: Type.Optional(closed(listenerProperties, { description: "Added by the run request." })),
    documents: Type.Optional(
      Type.String({
        description: "The documents of the request, sealed, for the runs that this one starts.",
      }),
    ),
  },
  { description: "What a run or a lone task was asked to do: the snapshot of its definition." },
);
export type RunDefinition = Static<typeof RunDefinition>;
