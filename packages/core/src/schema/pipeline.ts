// A pipeline: stages in order, each with tasks that name jobs (semantics, section 5).

import type { Static, TOptional, TProperties } from "typebox";
import { keepProperties } from "./artifact.ts";
import { cacheProperties } from "./cache.ts";
import { NextPipeline } from "./chain.ts";
import { Concurrency, Priority, Queue } from "./concurrency.ts";
import { AuditSpec, ConfirmSpec } from "./gate.ts";
import { describingMetadata, Visibility } from "./job.ts";
import { listenerProperties } from "./listener.ts";
import { MatrixSpec } from "./matrix.ts";
import { ParamValues } from "./param.ts";
import { Retention } from "./retention.ts";
import { RetrySpec } from "./retry.ts";
import {
  closed,
  Duration,
  Labels,
  mapOf,
  NAME_PATTERN,
  Name,
  scopeProperties,
  Timestamp,
  titled,
} from "./scalars.ts";
import { Type } from "./type.ts";

export const JobRef = Type.String({
  minLength: 1,
  maxLength: 256,
  description:
    "`name[@namespace[.domain]][:version]` or `#id`; no version means `latest`, the one PUBLISHED last; a range such as `^1.2` the highest PUBLISHED in it.",
});

const atOnce = (description: string) => Type.Integer({ minimum: 1, maximum: 100000, description });
export const Condition = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'A condition in CEL, e.g. `params.ENV == "prod" && tasks.test.stage == "SUCCEEDED"`.',
});

export const TaskSpec = closed(
  {
    name: titled("Unique within the stage.", Name),
    job: titled("The job that it runs.", JobRef),
    displayName: Type.Optional(Type.String({ maxLength: 128, description: "Name for people." })),
    description: Type.Optional(Type.String({ maxLength: 4096, description: "What it is for." })),
    runParams: Type.Optional(titled("Values for this task.", ParamValues)),
    needs: Type.Optional(
      Type.Array(titled("Name of a task of the pipeline.", Name), {
        maxItems: 1000,
        description:
          "It starts once these tasks have ended, whatever their stages: they replace the order of the stages for it. An empty list: at once.",
      }),
    ),
    when: Type.Optional(titled("It runs only when this is true; else it is SKIPPED.", Condition)),
    matrix: Type.Optional(MatrixSpec),
    retry: Type.Optional(titled("Instead of the job's.", RetrySpec)),
    skipRun: Type.Optional(Type.Boolean({ description: "The task is SKIPPED, and the pipeline goes on." })),
    ignoreFailed: Type.Optional(Type.Boolean({ description: "The pipeline goes on when the task FAILED." })),
    timeout: Type.Optional(titled("Instead of the job's.", Duration)),
    labels: Type.Optional(titled("Labels of the task, laid over those of the job.", Labels)),
    priority: Type.Optional(titled("Instead of the run's.", Priority)),
    concurrency: Type.Optional(titled("The group that the task is of.", Concurrency)),
    audit: Type.Optional(AuditSpec),
    confirm: Type.Optional(ConfirmSpec),
    ...keepProperties,
    ...cacheProperties,
    ...listenerProperties,
  },
  { description: "A task: one job with its values, gates and listeners." },
);
export type TaskSpec = Static<typeof TaskSpec>;

export const StageSpec = closed(
  {
    name: titled("Unique within the pipeline.", Name),
    displayName: Type.Optional(Type.String({ maxLength: 128, description: "Name for people." })),
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
    when: Type.Optional(titled("Its tasks run only when this is true; else they are SKIPPED.", Condition)),
    ignoreFailed: Type.Optional(
      Type.Boolean({ description: "The pipeline goes on when tasks of the stage FAILED." }),
    ),
    finally: Type.Optional(
      Type.Boolean({
        description:
          "It runs after all other stages, however they ended, also when they failed or were canceled.",
      }),
    ),
    timeout: Type.Optional(
      titled("What of it has not ended then, from the begin of its first task, is stopped.", Duration),
    ),
    with: Type.Optional(titled("Values for all tasks of the stage that declare them.", ParamValues)),
    tasks: Type.Array(TaskSpec, { minItems: 1, maxItems: 10000, description: "In their order." }),
  },
  { description: "A stage: tasks that run one after another or at once." },
);
export type StageSpec = Static<typeof StageSpec>;

export const PipelineSpec = closed(
  {
    with: Type.Optional(titled("Values for all tasks that declare them.", ParamValues)),
    isTemplate: Type.Optional(Type.Boolean({ description: "A template cannot be run itself." })),
    visibility: Type.Optional(
      titled("Who may extend it: its namespace (default), its domain, or everybody.", Visibility),
    ),
    isParallel: Type.Optional(
      Type.Boolean({ description: "Several runs may be under way at once (default: one)." }),
    ),
    sequenceLabelKey: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: "At most one run per value of this label." }),
    ),
    queue: Type.Optional(Queue),
    concurrency: Type.Optional(titled("The group that its runs are of.", Concurrency)),
    priority: Type.Optional(titled("Of its runs and their tasks (default 0).", Priority)),
    maxRuns: Type.Optional(atOnce("With `isParallel`: runs under way at once; more wait in line.")),
    maxTasks: Type.Optional(atOnce("Tasks of all its runs under way at once.")),
    holdLock: Type.Optional(
      Type.Boolean({
        description:
          "`false`: while a run waits for people alone, another one may begin; before it goes on it waits for the sequence lock again.",
      }),
    ),
    failFast: Type.Optional(Type.Boolean({ description: "The default of its stages." })),
    retention: Type.Optional(Retention),
    nextPipeline: Type.Optional(NextPipeline),
    timeout: Type.Optional(
      titled(
        "A run that has not ended then is stopped and FAILED; its `finally` stages still run.",
        Duration,
      ),
    ),
    ...listenerProperties,
    stages: Type.Array(StageSpec, { minItems: 1, maxItems: 1000, description: "One after another." }),
  },
  { description: "What the pipeline does." },
);
export type PipelineSpec = Static<typeof PipelineSpec>;

/** The fields, each of which may be left out. */
function optional<P extends TProperties>(fields: P): { [K in keyof P]: TOptional<P[K]> } {
  const entries = Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)]);
  return Object.fromEntries(entries) as { [K in keyof P]: TOptional<P[K]> };
}

const { stages: _stages, ...pipelineFields } = PipelineSpec.properties;
const { name: _stageName, tasks: _tasks, ...stageFields } = StageSpec.properties;
const { name: _taskName, ...taskFields } = TaskSpec.properties;

const unset = Type.Optional(
  Type.Array(Type.String({ maxLength: 64 }), {
    maxItems: 64,
    description:
      "Names of fields that the extended pipeline gives and that do not hold here, e.g. `timeout`.",
  }),
);
const remove = Type.Optional(Type.Boolean({ description: "It is not wanted here." }));

/** Where something that is added stands; at the end, when it does not say. */
const place = {
  before: Type.Optional(titled("Stands before the one of this name.", Name)),
  after: Type.Optional(titled("Stands after the one of this name (default: at the end).", Name)),
};

export const AddedTask = closed(
  { ...TaskSpec.properties, ...place },
  { description: "A task that joins a stage of the extended pipeline." },
);
export type AddedTask = Static<typeof AddedTask>;

export const AddedStage = closed(
  { ...StageSpec.properties, ...place },
  { description: "A stage that joins those of the extended pipeline." },
);
export type AddedStage = Static<typeof AddedStage>;

export const TaskOverride = closed(
  { ...optional(taskFields), unset, remove },
  { description: "What differs in a task." },
);
export type TaskOverride = Static<typeof TaskOverride>;

export const StageOverride = closed(
  {
    ...optional(stageFields),
    tasks: Type.Optional(
      Type.Array(AddedTask, { maxItems: 10000, description: "Tasks that join those of the stage." }),
    ),
    unset,
    remove,
  },
  { description: "What differs in a stage." },
);
export type StageOverride = Static<typeof StageOverride>;

const TaskKey = Type.String({
  pattern: `^(${NAME_PATTERN.slice(1, -1)}/)?${NAME_PATTERN.slice(1, -1)}$`,
  maxLength: 127,
  description: "Name of a task, or `stage/task`.",
});

export const PipelineOverrides = closed(
  {
    stages: Type.Optional(
      mapOf(Name, StageOverride, { maxProperties: 1000, description: "Stages by name." }),
    ),
    tasks: Type.Optional(
      mapOf(TaskKey, TaskOverride, { maxProperties: 10000, description: "Tasks by name, or `stage/task`." }),
    ),
    unset,
  },
  { description: "What differs in what the extended pipeline has." },
);
export type PipelineOverrides = Static<typeof PipelineOverrides>;

export const ExtendingPipelineSpec = closed(
  {
    extends: Type.String({
      pattern: `^${NAME_PATTERN.slice(1, -1)}(@${NAME_PATTERN.slice(1, -1)}(\\.${NAME_PATTERN.slice(1, -1)})?)?$`,
      maxLength: 191,
      description: "The pipeline that it is made from, mostly a template: `name[@namespace[.domain]]`.",
    }),
    ...optional(pipelineFields),
    overrides: Type.Optional(PipelineOverrides),
    stages: Type.Optional(
      Type.Array(AddedStage, { maxItems: 1000, description: "Stages that join those of the extended one." }),
    ),
  },
  { description: "What differs from the pipeline that it extends." },
);
export type ExtendingPipelineSpec = Static<typeof ExtendingPipelineSpec>;

/** A pipeline as manifests and records have it: whole, or as what differs from another one. */
export const GivenPipelineSpec = Type.Union([PipelineSpec, ExtendingPipelineSpec], {
  description: "What the pipeline does; with `extends` what differs from another one.",
});
export type GivenPipelineSpec = Static<typeof GivenPipelineSpec>;

/** Whether it is only what differs from another pipeline. */
export function isExtending(spec: GivenPipelineSpec): spec is ExtendingPipelineSpec {
  return "extends" in spec && spec.extends !== undefined;
}

export const PipelineMetadata = closed(
  {
    name: titled("Name of the pipeline; unique in its scope.", Name),
    ...scopeProperties,
    ...describingMetadata,
  },
  { description: "What names and describes the pipeline. Its labels join those of every run." },
);
export type PipelineMetadata = Static<typeof PipelineMetadata>;

export const PipelineManifest = closed(
  {
    kind: Type.Literal("Pipeline", { description: "What the document describes." }),
    metadata: PipelineMetadata,
    spec: GivenPipelineSpec,
  },
  { description: "Stages of tasks that run in order." },
);
export type PipelineManifest = Static<typeof PipelineManifest>;

/** A stored pipeline. */
export const Pipeline = closed(
  {
    id: Type.String({ description: "`pipeline-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "Name of the pipeline." }),
    ...describingMetadata,
    spec: GivenPipelineSpec,
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
  },
  { description: "A stored pipeline." },
);
export type Pipeline = Static<typeof Pipeline>;
