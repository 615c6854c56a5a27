// A pipeline: stages in order, each with tasks that name jobs (semantics, section 5).

import { type Static, Type } from "typebox";
import { AuditSpec, ConfirmSpec } from "./gate.ts";
import { describingMetadata } from "./job.ts";
import { ParamValues } from "./param.ts";
import { closed, Duration, Labels, Name, Timestamp } from "./scalars.ts";

export const JobRef = Type.String({
  minLength: 1,
  maxLength: 256,
  description:
    "`name[@namespace[.domain]][:version]` or `#id`; no version means `latest`, the newest PUBLISHED.",
});

export const TaskSpec = closed(
  {
    name: Name,
    job: JobRef,
    displayName: Type.Optional(Type.String({ maxLength: 128 })),
    description: Type.Optional(Type.String({ maxLength: 4096 })),
    runParams: Type.Optional(ParamValues),
    skipRun: Type.Optional(Type.Boolean({ description: "The task is SKIPPED." })),
    ignoreFailed: Type.Optional(Type.Boolean({ description: "The pipeline goes on when the task FAILED." })),
    timeout: Type.Optional(Duration),
    labels: Type.Optional(Labels),
    audit: Type.Optional(AuditSpec),
    confirm: Type.Optional(ConfirmSpec),
  },
  { description: "A task: one job with its values and gates." },
);
export type TaskSpec = Static<typeof TaskSpec>;

export const StageSpec = closed(
  {
    name: Name,
    displayName: Type.Optional(Type.String({ maxLength: 128 })),
    isParallel: Type.Optional(
      Type.Boolean({ description: "Its tasks run at once (default: one after another)." }),
    ),
    maxParallel: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10000,
        description: "At most so many at once in a parallel stage.",
      }),
    ),
    failFast: Type.Optional(
      Type.Boolean({
        description: "A failed task also cancels the siblings that run (default: they may end).",
      }),
    ),
    with: Type.Optional(ParamValues),
    tasks: Type.Array(TaskSpec, { minItems: 1, maxItems: 10000 }),
  },
  { description: "A stage: tasks that run one after another or at once." },
);
export type StageSpec = Static<typeof StageSpec>;

export const PipelineSpec = closed({
  with: Type.Optional(ParamValues),
  isTemplate: Type.Optional(Type.Boolean({ description: "A template cannot be run itself." })),
  isParallel: Type.Optional(
    Type.Boolean({ description: "Several runs may be under way at once (default: one)." }),
  ),
  sequenceLabelKey: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: "At most one run per value of this label." }),
  ),
  failFast: Type.Optional(Type.Boolean({ description: "The default of its stages." })),
  stages: Type.Array(StageSpec, { minItems: 1, maxItems: 1000 }),
});
export type PipelineSpec = Static<typeof PipelineSpec>;

export const PipelineMetadata = closed({
  name: Name,
  domain: Type.Optional(Name),
  namespace: Type.Optional(Name),
  ...describingMetadata,
});
export type PipelineMetadata = Static<typeof PipelineMetadata>;

export const PipelineManifest = closed(
  { kind: Type.Literal("Pipeline"), metadata: PipelineMetadata, spec: PipelineSpec },
  { description: "Stages of tasks that run in order." },
);
export type PipelineManifest = Static<typeof PipelineManifest>;

/** A stored pipeline. */
export const Pipeline = closed({
  id: Type.String(),
  domain: Type.String(),
  namespace: Type.String(),
  name: Type.String(),
  ...describingMetadata,
  spec: PipelineSpec,
  revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  createdBy: Type.String(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Pipeline = Static<typeof Pipeline>;
