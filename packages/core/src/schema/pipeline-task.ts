// A PipelineTask: one run of a pipeline, with a snapshot of its definition (semantics, section 5).

import { type Static, Type } from "typebox";
import { AddedAuditor } from "./gate.ts";
import { JobSnapshot } from "./job.ts";
import { ParamValue } from "./param.ts";
import { PipelineSpec, TaskSpec } from "./pipeline.ts";
import { closed, Labels, oneOf, Timestamp } from "./scalars.ts";

export const RUN_STAGES = ["PENDING", "ACTIVE", "CANCELING", "CANCELED", "FAILED", "SUCCEEDED"] as const;
export const RunStage = oneOf(RUN_STAGES);
export type RunStage = Static<typeof RunStage>;

export const TriggerMode = oneOf(["MANUAL", "EVENT", "APPROVAL", "SCHEDULE", "PIPELINE"]);
export type TriggerMode = Static<typeof TriggerMode>;

/** Where a run stands in its stages; kept on the run so that advancing costs the same for any width. */
export const Cursor = closed({
  stage: Type.Integer({
    description: "Index of the stage under way; the number of stages when all are done.",
  }),
  next: Type.Integer({ description: "Index of the next task of the stage that was not opened yet." }),
  open: Type.Integer({ description: "Tasks of the stage that were opened and have not ended." }),
});
export type Cursor = Static<typeof Cursor>;

export const PipelineTaskStatus = closed({
  stage: RunStage,
  failing: Type.Optional(Type.Boolean({ description: "A task failed: nothing more starts." })),
  windingUp: Type.Optional(
    oneOf(["FAIL", "CANCEL"], "What had not started when it failed or was canceled has been ended."),
  ),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  canceledBy: Type.Optional(Type.String()),
  startAt: Type.Optional(Timestamp),
  endAt: Type.Optional(Timestamp),
  cursor: Cursor,
});
export type PipelineTaskStatus = Static<typeof PipelineTaskStatus>;

export const PipelineTask = closed({
  id: Type.String(),
  domain: Type.String(),
  namespace: Type.String(),
  name: Type.String({ description: "The pipeline's name." }),
  pipelineId: Type.Optional(Type.String()),
  labels: Type.Optional(Labels),
  triggerMode: TriggerMode,
  runBy: Type.String(),
  lockKey: Type.Optional(Type.String({ description: "The sequence lock that the run holds until it ends." })),
  status: PipelineTaskStatus,
  createdAt: Timestamp,
  updatedAt: Timestamp,
  revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
});
export type PipelineTask = Static<typeof PipelineTask>;

/**
 * What a run or a lone task was asked to do. Written once, never changed: the jobs by id, the pipeline
 * (or the one task of a lone run), the values of the run request, and the ids of the tasks in the pipeline's order.
 */
export const RunDefinition = closed({
  jobs: Type.Record(Type.String(), JobSnapshot),
  pipeline: Type.Optional(PipelineSpec),
  task: Type.Optional(TaskSpec),
  taskJobs: Type.Record(Type.String(), Type.String(), { description: "Job id by JobTask id." }),
  taskIds: Type.Array(Type.Array(Type.String()), { description: "JobTask ids by stage." }),
  runParams: Type.Array(ParamValue),
  auditors: Type.Optional(Type.Array(AddedAuditor, { description: "Added by the run request." })),
});
export type RunDefinition = Static<typeof RunDefinition>;
