// The pages about nouns: manifests, runner specs, requests and records, from their schemas.

import {
  ChildRun,
  ChildRunSpec,
  ManualSpec,
  NextPipeline,
  NextRun,
  RunParent,
  StatusCall,
} from "@mflow/core/schema/chain";
import { Channel, ChannelSpec } from "@mflow/core/schema/channel";
import { Cluster, ClusterManifest, ClusterSpec } from "@mflow/core/schema/cluster";
import { ClusterCheck, MissingPermission, NamespaceCheck } from "@mflow/core/schema/cluster-check";
import { DecisionRecord, DecisionSource } from "@mflow/core/schema/decision-record";
import { Delivery, DeliveryAttempt, DeliveryTarget } from "@mflow/core/schema/delivery";
import { HistoryEvent } from "@mflow/core/schema/event";
import * as evidence from "@mflow/core/schema/evidence";
import { AddedAuditor, AuditSpec, ConfirmSpec, Gate, GateDecision } from "@mflow/core/schema/gate";
import { Job, JobManifest, JobMetadata, JobSnapshot, JobSpec } from "@mflow/core/schema/job";
import { JobTask, JobTaskStatus, PastAttempt, Reported, StepStatus } from "@mflow/core/schema/job-task";
import { LimitManifest, LimitSpec } from "@mflow/core/schema/limit";
import { Message, MessageGate, MessageRun, MessageTask } from "@mflow/core/schema/message";
import {
  EffectiveParam,
  EnumOption,
  ParamScope,
  ParamValue,
  ParamValues,
  RunParam,
  Scalar,
} from "@mflow/core/schema/param";
import {
  AddedStage,
  AddedTask,
  ExtendingPipelineSpec,
  JobRef,
  Pipeline,
  PipelineManifest,
  PipelineMetadata,
  PipelineOverrides,
  PipelineSpec,
  StageOverride,
  StageSpec,
  TaskOverride,
  TaskSpec,
} from "@mflow/core/schema/pipeline";
import { PipelineTask, PipelineTaskStatus, Progress, RunDefinition } from "@mflow/core/schema/pipeline-task";
import { ReleaseReport, ReportedGate, ReportedTask } from "@mflow/core/schema/release-report";
import * as request from "@mflow/core/schema/request";
import { FakeSpec, K8sJobSpec, ShellSpec, ShellStep } from "@mflow/core/schema/runner-spec";
import { Duration, Extension, Labels, Name, ParamName, Timestamp, Version } from "@mflow/core/schema/scalars";
import {
  CatchUp,
  Firing,
  PauseScheduleRequest,
  ScheduledTime,
  ScheduleManifest,
  ScheduleMetadata,
  ScheduleSpec,
  ScheduleView,
  WaitingFiring,
} from "@mflow/core/schema/schedule";
import { page } from "./markdown.ts";
import { type KnownSchemas, type Schema, SchemaText } from "./schema-text.ts";

interface SchemaPage {
  file: string;
  title: string;
  intro: string;
  /** By the name of their section, in the order of the page. */
  schemas: Record<string, unknown>;
}

/** The settings of each kind of channel, such as `WebhookChannel` and `FeishuAppChannel`. */
const channelSpecs = Object.fromEntries(
  ChannelSpec.anyOf.map((spec) => [`${pascal(spec.properties.kind.const)}Channel`, spec]),
);

function pascal(kind: string): string {
  return kind
    .split("_")
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join("");
}

const pages: SchemaPage[] = [
  {
    file: "manifests.md",
    title: "Manifests",
    intro: `A manifest file holds one or more YAML documents, separated by \`---\`. Each is a
[JobManifest](#jobmanifest), a [PipelineManifest](#pipelinemanifest), a [ScheduleManifest](#schedulemanifest), a
[ClusterManifest](#clustermanifest) or a [LimitManifest](#limitmanifest), told apart by \`kind\`. Keys that are not
listed here are refused. What single values look like stands at the end of the page. How to use it:
[write a job](../how-to/write-a-job.md), [params](../how-to/params.md), [gates](../how-to/gates.md),
[schedules](../how-to/schedules.md), [clusters](../how-to/clusters.md), [limits](../how-to/queue-and-limits.md#limits-of-admins).`,
    schemas: {
      ...{ JobManifest, JobMetadata, JobSpec, RunParam, EnumOption },
      ...{
        PipelineManifest,
        PipelineMetadata,
        PipelineSpec,
        NextPipeline,
        StageSpec,
        TaskSpec,
        AuditSpec,
        ConfirmSpec,
      },
      ...{ PipelineManifest, PipelineMetadata, PipelineSpec, StageSpec, TaskSpec, AuditSpec, ConfirmSpec },
      ...{ ExtendingPipelineSpec, PipelineOverrides, StageOverride, TaskOverride, AddedStage, AddedTask },
      ...{ ScheduleManifest, ScheduleMetadata, ScheduleSpec, CatchUp },
      ...{ ClusterManifest, ClusterSpec },
      ...{ LimitManifest, LimitSpec },
      ...{ ParamValues, ParamValue, ParamScope, Scalar },
      ...{ JobRef, Name, Version, ParamName, Duration, Timestamp, Labels, Extension },
    },
  },
  {
    file: "runner-specs.md",
    title: "Runner specs",
    intro: `What \`runnerSpec\` of a [job](manifests.md#jobspec) holds, by its \`runnerType\`: a
[K8sJobSpec](#k8sjobspec) for \`K8S_JOB\`, a [ShellSpec](#shellspec) for \`SHELL\`, a [ChildRunSpec](#childrunspec) for \`PIPELINE\`, a
[ManualSpec](#manualspec) for \`MANUAL\`, a [FakeSpec](#fakespec) for \`FAKE\`. Any single value may be a \`\${NAME}\`
of a [TEMPLATE param](../how-to/templates.md); this is what it must look like once it is filled in.`,
    schemas: { K8sJobSpec, ShellSpec, ShellStep, ChildRunSpec, ManualSpec, FakeSpec },
  },
  {
    file: "requests.md",
    title: "Requests",
    intro: `The bodies of the API's verbs on runs and tasks; the [routes](http.md) say where each goes. Keys that
are not listed here are refused.`,
    schemas: {
      RunPipelineRequest: request.RunPipelineRequest,
      AddedAuditor,
      RunJobRequest: request.RunJobRequest,
      UpdateStatusRequest: request.UpdateStatusRequest,
      UpdateOutputRequest: request.UpdateOutputRequest,
      DecideRequest: request.DecideRequest,
      CancelRequest: request.CancelRequest,
      PauseScheduleRequest,
    },
  },
  {
    file: "records.md",
    title: "Records",
    intro: `What the API answers and \`mflow get -o json\` prints. A run is a [PipelineTask](#pipelinetask), a
task of it, or one that runs alone, is a [JobTask](#jobtask). What a [webhook](../how-to/webhooks.md) gets is a
[Message](#message).`,
    schemas: {
      ...{ PipelineTask, PipelineTaskStatus, Progress, RunDefinition, JobSnapshot },
      ...{ JobTask, JobTaskStatus, StepStatus, Reported, PastAttempt, EffectiveParam, Gate, GateDecision },
      ...{ NextRun, RunParent, ChildRun, StatusCall },
      ...{ Job, Pipeline },
      ...{ Job, Pipeline, ScheduleView, ScheduledTime, Firing, WaitingFiring },
      ...{ Message, MessageRun, MessageTask, MessageGate },
      ...{ Delivery, DeliveryAttempt, DeliveryTarget, Channel, ...channelSpecs },
      ...{ Cluster, ClusterCheck, NamespaceCheck, MissingPermission },
      ...{ Evidence: evidence.Evidence, EvidenceGate: evidence.EvidenceGate, Decider: evidence.Decider },
      ...{ SinceSuccess: evidence.SinceSuccess, ParamChange: evidence.ParamChange },
      ...{ EarlierDecision: evidence.EarlierDecision, EarlierTask: evidence.EarlierTask },
      ...{ DecisionRecord, DecisionSource, ReleaseReport, ReportedTask, ReportedGate },
    },
  },
];

export const EVENTS_PAGE = "events.md";

/** Registers every schema with its page; to be done before anything is written. */
export function registerSchemas(known: KnownSchemas): void {
  for (const { file, schemas } of pages) {
    for (const [name, schema] of Object.entries(schemas)) known.add(file, name, schema);
  }
  known.add(EVENTS_PAGE, "HistoryEvent", HistoryEvent);
}

/** The section of a schema under a heading of its name. */
export function schemaSection(name: string, schema: Schema, text: SchemaText, level = 2): string {
  const fields = text.fieldTable(schema);
  const about = schema.description ?? "";
  const shape = fields === "" ? `Value: ${text.ownTypeOf(schema)}.` : fields;
  return [`${"#".repeat(level)} ${name}`, about, shape].filter(Boolean).join("\n\n");
}

/** The pages by file name. */
export function schemaPages(known: KnownSchemas): Map<string, string> {
  return new Map(
    pages.map(({ file, title, intro, schemas }) => {
      const text = new SchemaText(known, file);
      const sections = Object.entries(schemas).map(([name, schema]) =>
        schemaSection(name, schema as Schema, text),
      );
      return [file, page(title, intro, sections)];
    }),
  );
}
