// What callers ask of the engine: the bodies of the API's verbs (semantics, sections 3 to 5).

import type { Static } from "typebox";
import { Priority } from "./concurrency.ts";
import { AddedAuditor, AuditSpec, ConfirmSpec, GateVerdict } from "./gate.ts";
import { JobManifest } from "./job.ts";
import { listenerProperties } from "./listener.ts";
import { ParamValues } from "./param.ts";
import { GivenPipelineSpec, JobRef, PipelineManifest } from "./pipeline.ts";
import { RerunMode, TriggerMode } from "./pipeline-task.ts";
import { closed, Duration, Extension, Labels, mapOf, Name, oneOf, ParamName, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Documents laid over the stored ones for one run (`mflow run -f`); the only way to run a DRAFT job. */
const Overlay = Type.Array(Type.Union([JobManifest, PipelineManifest]), {
  maxItems: 256,
  description:
    "Manifests that are laid over the stored records for this run; the only way to run a DRAFT job.",
});

const dryRun = Type.Optional(
  Type.Boolean({ description: "Checks and renders everything, starts and stores nothing." }),
);

export const RunPipelineRequest = closed({
  pipelineId: Type.Optional(
    Type.String({
      maxLength: 256,
      description: "The pipeline: id, or `name[@namespace[.domain]]`, of `documents` or stored.",
    }),
  ),
  spec: Type.Optional(titled("A bare pipeline instead.", GivenPipelineSpec)),
  name: Type.Optional(titled("Name of the run of a bare `spec`.", Name)),
  documents: Type.Optional(Overlay),
  runParams: Type.Optional(titled("Values of this run.", ParamValues)),
  auditors: Type.Optional(
    Type.Array(AddedAuditor, { maxItems: 64, description: "Joins people to audits that tasks have." }),
  ),
  ...listenerProperties,
  labels: Type.Optional(titled("Labels of the run, laid over those of the pipeline.", Labels)),
  sequenceLabelKey: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: "At most one run per value of this label, instead of what the pipeline says.",
    }),
  ),
  queue: Type.Optional(
    Type.Boolean({
      description:
        "Whether to wait in line while another run holds the sequence lock, or while there are `maxRuns`, instead of being refused (default: when the pipeline has a `queue`, or is parallel).",
    }),
  ),
  priority: Type.Optional(titled("Instead of the pipeline's.", Priority)),
  triggerMode: Type.Optional(TriggerMode),
  dryRun,
});
export type RunPipelineRequest = Static<typeof RunPipelineRequest>;

export const RunJobRequest = closed({
  id: Type.Optional(
    Type.String({
      pattern: "^task-[0-9a-z]{26}$",
      description: "An ended task is run again as a new attempt.",
    }),
  ),
  job: Type.Optional(titled("The job to run; `documents` with one job need not say it.", JobRef)),
  name: Type.Optional(titled("Name of the task (default: that of the job).", Name)),
  documents: Type.Optional(Overlay),
  runParams: Type.Optional(titled("Values of this run.", ParamValues)),
  labels: Type.Optional(titled("Labels of the task, laid over those of the job.", Labels)),
  timeout: Type.Optional(titled("Instead of the job's.", Duration)),
  priority: Type.Optional(titled("Higher goes first (default 0).", Priority)),
  skipRun: Type.Optional(Type.Boolean({ description: "The task is SKIPPED." })),
  audit: Type.Optional(AuditSpec),
  confirm: Type.Optional(ConfirmSpec),
  ...listenerProperties,
  dryRun,
});
export type RunJobRequest = Static<typeof RunJobRequest>;

const taskName = (description: string) =>
  Type.Optional(
    Type.String({
      // A way of a matrix, `build (linux, 18)`, passes here, so that the refusal can say what to name.
      pattern: "^([a-z0-9][a-z0-9_-]*/)?[a-z0-9][a-z0-9_-]*( \\(.*\\))?$",
      maxLength: 255,
      description,
    }),
  );

const queue = Type.Optional(
  Type.Boolean({ description: "Whether to wait in line for the sequence lock, as of a run request." }),
);

export const RerunRequest = closed({
  mode: Type.Optional(RerunMode),
  from: taskName("With `FROM`: the task, as `task` or `stage/task`; it alone says `FROM` too."),
  runParams: Type.Optional(
    titled("Values that are other ones than in the old run; `***` means unchanged.", ParamValues),
  ),
  queue,
  dryRun,
});
export type RerunRequest = Static<typeof RerunRequest>;

export const RollbackRequest = closed({
  runParams: Type.Optional(titled("Values that win over those of the last success.", ParamValues)),
  queue,
  dryRun,
});
export type RollbackRequest = Static<typeof RollbackRequest>;

/** Stages that a status call may ask for. */
export const ReportableStage = oneOf(
  ["CREATING", "ACTIVE", "CANCELED", "FAILED", "SUCCEEDED"],
  "The stage that the task is in from now on.",
);
export type ReportableStage = Static<typeof ReportableStage>;

const updateToken = Type.Optional(
  Type.String({
    maxLength: 256,
    description: "The task's `JOB_TASK_UPDATE_TOKEN`, unless it is the bearer token.",
  }),
);

export const UpdateStatusRequest = closed({
  updateToken,
  stage: ReportableStage,
  message: Type.Optional(Type.String({ maxLength: 4096, description: "One sentence for people." })),
  detail: Type.Optional(Type.String({ maxLength: 65536, description: "More for people, as text." })),
  extension: Type.Optional(titled("Added to what the task has.", Extension)),
  forceUpdateStatus: Type.Optional(
    Type.Boolean({ description: "Needs the role operator; ignores the table." }),
  ),
  forceTriggerPipeline: Type.Optional(
    Type.Boolean({ description: "Advances the pipeline, also when the stage does not change." }),
  ),
});
export type UpdateStatusRequest = Static<typeof UpdateStatusRequest>;

export const MAX_RUNTIME_ENVS = 64;
export const MAX_RUNTIME_ENV_BYTES = 32 * 1024;

export const UpdateOutputRequest = closed({
  updateToken,
  runtimeEnvs: Type.Optional(
    mapOf(ParamName, Type.String(), {
      description:
        "Values by name; of names that start with an upper case letter later tasks are told. A task has at most " +
        `${MAX_RUNTIME_ENVS} names and ${MAX_RUNTIME_ENV_BYTES / 1024} KiB.`,
    }),
  ),
  markdownOutput: Type.Optional(
    Type.String({ maxLength: 262144, description: "What people see with the task." }),
  ),
});
export type UpdateOutputRequest = Static<typeof UpdateOutputRequest>;

/** A decision on an audit or a confirm. */
export const DecideRequest = closed({
  verdict: GateVerdict,
  comment: Type.Optional(
    Type.String({ maxLength: 4096, description: "Why; a DENY and a PUSH_BACK need it." }),
  ),
  digest: Type.Optional(
    Type.String({
      maxLength: 128,
      description: "Digest of what you saw; refused when the content is another.",
    }),
  ),
  pushBackTo: Type.Optional(
    Type.String({
      // A way of a matrix, `build (linux, 18)`, passes here, so that the refusal can say what to name.
      pattern: "^([a-z0-9][a-z0-9_-]*/)?[a-z0-9][a-z0-9_-]*( \\(.*\\))?$",
      maxLength: 255,
      description:
        "With PUSH_BACK: the task that runs again with what comes after it; `task`, or with its stage `stage/task`.",
    }),
  ),
});
export type DecideRequest = Static<typeof DecideRequest>;

/** Takes back one's own pass while the task has not started. */
export const WithdrawRequest = closed({
  comment: Type.Optional(Type.String({ maxLength: 4096, description: "Why." })),
});
export type WithdrawRequest = Static<typeof WithdrawRequest>;

export const CancelRequest = closed({
  message: Type.Optional(Type.String({ maxLength: 1024, description: "Why." })),
  force: Type.Optional(
    Type.Boolean({
      description:
        "What runs is killed at once, without time to end by itself; of a run that is being canceled already, its `finally` stages too.",
    }),
  ),
});
export type CancelRequest = Static<typeof CancelRequest>;

export const CancelRunRequest = closed({
  ...CancelRequest.properties,
  stage: Type.Optional(
    Type.String({ maxLength: 63, description: "Only the tasks of this stage, by its name; else the run." }),
  ),
});
export type CancelRunRequest = Static<typeof CancelRunRequest>;
