// What callers ask of the engine: the bodies of the API's verbs (semantics, sections 3 to 5).

import { type Static, Type } from "typebox";
import { AddedAuditor, AuditSpec, ConfirmSpec, GateVerdict } from "./gate.ts";
import { JobManifest } from "./job.ts";
import { ParamValues } from "./param.ts";
import { JobRef, PipelineManifest, PipelineSpec } from "./pipeline.ts";
import { TriggerMode } from "./pipeline-task.ts";
import { closed, Duration, Extension, Labels, mapOf, Name, oneOf, ParamName } from "./scalars.ts";

/** Documents laid over the stored ones for one run (`mflow run -f`); the only way to run a DRAFT job. */
const Overlay = Type.Array(Type.Union([JobManifest, PipelineManifest]), { maxItems: 256 });

export const RunPipelineRequest = closed({
  pipelineId: Type.Optional(
    Type.String({ maxLength: 256, description: "Id, or `name[@namespace[.domain]]`." }),
  ),
  spec: Type.Optional(PipelineSpec),
  name: Type.Optional(Name),
  documents: Type.Optional(Overlay),
  runParams: Type.Optional(ParamValues),
  auditors: Type.Optional(Type.Array(AddedAuditor, { maxItems: 64 })),
  labels: Type.Optional(Labels),
  sequenceLabelKey: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  triggerMode: Type.Optional(TriggerMode),
  dryRun: Type.Optional(Type.Boolean()),
});
export type RunPipelineRequest = Static<typeof RunPipelineRequest>;

export const RunJobRequest = closed({
  id: Type.Optional(
    Type.String({
      pattern: "^task-[0-9a-z]{26}$",
      description: "An ended task is run again as a new attempt.",
    }),
  ),
  job: Type.Optional(JobRef),
  name: Type.Optional(Name),
  documents: Type.Optional(Overlay),
  runParams: Type.Optional(ParamValues),
  labels: Type.Optional(Labels),
  timeout: Type.Optional(Duration),
  skipRun: Type.Optional(Type.Boolean()),
  audit: Type.Optional(AuditSpec),
  confirm: Type.Optional(ConfirmSpec),
  dryRun: Type.Optional(Type.Boolean()),
});
export type RunJobRequest = Static<typeof RunJobRequest>;

/** Stages that a status call may ask for. */
export const ReportableStage = oneOf(["CREATING", "ACTIVE", "CANCELED", "FAILED", "SUCCEEDED"]);
export type ReportableStage = Static<typeof ReportableStage>;

export const UpdateStatusRequest = closed({
  updateToken: Type.Optional(Type.String({ maxLength: 256 })),
  stage: ReportableStage,
  message: Type.Optional(Type.String({ maxLength: 4096 })),
  detail: Type.Optional(Type.String({ maxLength: 65536 })),
  extension: Type.Optional(Extension),
  forceUpdateStatus: Type.Optional(
    Type.Boolean({ description: "Needs the role operator; ignores the table." }),
  ),
  forceTriggerPipeline: Type.Optional(Type.Boolean()),
});
export type UpdateStatusRequest = Static<typeof UpdateStatusRequest>;

export const MAX_RUNTIME_ENVS = 64;
export const MAX_RUNTIME_ENV_BYTES = 32 * 1024;

export const UpdateOutputRequest = closed({
  updateToken: Type.Optional(Type.String({ maxLength: 256 })),
  runtimeEnvs: Type.Optional(mapOf(ParamName, Type.String())),
  markdownOutput: Type.Optional(Type.String({ maxLength: 262144 })),
});
export type UpdateOutputRequest = Static<typeof UpdateOutputRequest>;

/** A decision on an audit or a confirm. */
export const DecideRequest = closed({
  verdict: GateVerdict,
  comment: Type.Optional(Type.String({ maxLength: 4096 })),
  digest: Type.Optional(
    Type.String({
      maxLength: 128,
      description: "Digest of what you saw; refused when the content is another.",
    }),
  ),
});
export type DecideRequest = Static<typeof DecideRequest>;

export const CancelRequest = closed({ message: Type.Optional(Type.String({ maxLength: 1024 })) });
export type CancelRequest = Static<typeof CancelRequest>;
