// A JobTask: one run of one task, in a pipeline or alone (semantics, section 3).

import { type Static, Type } from "typebox";
import { Gate } from "./gate.ts";
import { EffectiveParam } from "./param.ts";
import { closed, Extension, Labels, oneOf, Timestamp } from "./scalars.ts";

export const TASK_STAGES = [
  "PENDING",
  "SCHEDULING",
  "CREATING",
  "ACTIVE",
  "CANCELING",
  "CANCELED",
  "FAILED",
  "SUCCEEDED",
  "SKIPPED",
] as const;
export const TaskStage = oneOf(TASK_STAGES);
export type TaskStage = Static<typeof TaskStage>;

/** How one step of a task went. */
export const StepStatus = closed({
  name: Type.String(),
  startAt: Type.Optional(Timestamp),
  endAt: Type.Optional(Timestamp),
  durationMs: Type.Optional(Type.Number()),
  exitCode: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.String()),
  timedOut: Type.Optional(Type.Boolean()),
  peakMemoryBytes: Type.Optional(Type.Number()),
  peakMemorySource: Type.Optional(oneOf(["CGROUP", "SAMPLED"])),
});
export type StepStatus = Static<typeof StepStatus>;

/** The runner's result of an attempt, before a person confirmed it. */
export const Reported = closed({
  stage: oneOf(["SUCCEEDED", "FAILED"]),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  at: Timestamp,
});
export type Reported = Static<typeof Reported>;

export const JobTaskStatus = closed({
  stage: TaskStage,
  reason: Type.Optional(
    Type.String({ description: "Why it is in this stage, as a code such as `EXIT_CODE`." }),
  ),
  message: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  extension: Type.Optional(Extension),
  reported: Type.Optional(Reported),
  stopping: Type.Optional(oneOf(["TIMEOUT", "CANCEL"], "Why the runner was asked to stop it.")),
  canceledBy: Type.Optional(
    Type.String({ description: "Who asked to cancel it; `failFast` for a sibling's failure." }),
  ),
  workGoneAt: Type.Optional(Timestamp),
  startAt: Type.Optional(Timestamp),
  endAt: Type.Optional(Timestamp),
  steps: Type.Optional(Type.Array(StepStatus)),
  runtimeEnvs: Type.Optional(Type.Record(Type.String(), Type.String())),
  markdownOutput: Type.Optional(Type.String()),
});
export type JobTaskStatus = Static<typeof JobTaskStatus>;

/** An attempt that ended and was followed by another. */
export const PastAttempt = closed({
  attempt: Type.Integer(),
  status: JobTaskStatus,
  audit: Type.Optional(Gate),
  confirm: Type.Optional(Gate),
});
export type PastAttempt = Static<typeof PastAttempt>;

export const JobTask = closed({
  id: Type.String(),
  domain: Type.String(),
  namespace: Type.String(),
  name: Type.String(),
  pipelineTaskId: Type.Optional(Type.String()),
  stageName: Type.Optional(Type.String()),
  stageNumber: Type.Optional(Type.Integer({ description: "From 1." })),
  taskNumber: Type.Optional(Type.Integer({ description: "From 1, within the stage." })),
  job: closed({ id: Type.String(), name: Type.String(), version: Type.String() }),
  runnerType: Type.String(),
  attempt: Type.Integer({ description: "0 until its turn comes." }),
  manualUpdateStatus: Type.Optional(Type.Boolean()),
  ignoreFailed: Type.Optional(Type.Boolean()),
  timeoutMs: Type.Optional(Type.Number()),
  labels: Type.Optional(Labels),
  params: Type.Optional(Type.Array(EffectiveParam)),
  audit: Type.Optional(Gate),
  confirm: Type.Optional(Gate),
  status: JobTaskStatus,
  pastAttempts: Type.Optional(Type.Array(PastAttempt)),
  wakeAt: Type.Optional(Timestamp),
  exportedAt: Type.Optional(
    Type.Integer({
      description: "Revision of the run at which its runtime envs were handed to later tasks.",
    }),
  ),
  startedBy: Type.String(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
});
export type JobTask = Static<typeof JobTask>;
