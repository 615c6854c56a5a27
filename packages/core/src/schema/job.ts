// A job: the versioned template of one task (semantics, section 1).

import type { Static } from "typebox";
import { keepProperties } from "./artifact.ts";
import { cacheProperties } from "./cache.ts";
import { RunParam } from "./param.ts";
import { RetrySpec } from "./retry.ts";
import {
  closed,
  Duration,
  Extension,
  Labels,
  Name,
  oneOf,
  scopeProperties,
  Timestamp,
  titled,
  Version,
} from "./scalars.ts";
import { Type } from "./type.ts";

export const RunnerType = oneOf(
  ["K8S_JOB", "SHELL", "PIPELINE", "MANUAL", "FAKE"],
  "`K8S_JOB` runs a Job on a Kubernetes cluster, `SHELL` steps on the server's machine, `PIPELINE` another pipeline; `MANUAL` waits for a status call; `FAKE` plays a script, for trying pipelines out.",
);
export type RunnerType = Static<typeof RunnerType>;

export const Visibility = oneOf(
  ["NAMESPACE", "DOMAIN", "GLOBAL"],
  "Who may refer to the job: the same namespace (default), the same domain, or everybody.",
);
export type Visibility = Static<typeof Visibility>;

export const JobStage = oneOf(
  ["DRAFT", "PUBLISHED", "DEPRECATED"],
  "`DRAFT` can be changed and deleted, `PUBLISHED` is frozen and runs, `DEPRECATED` starts no new run.",
);
export type JobStage = Static<typeof JobStage>;

/** What describes a record without changing what it does; editable at any time. */
export const describingMetadata = {
  labels: Type.Optional(Labels),
  displayName: Type.Optional(Type.String({ maxLength: 128, description: "Name for people." })),
  description: Type.Optional(Type.String({ maxLength: 4096, description: "What it is for." })),
  readme: Type.Optional(Type.String({ maxLength: 262144, description: "Markdown." })),
  icon: Type.Optional(Type.String({ maxLength: 65536, description: "A URL or a data URL." })),
  extension: Type.Optional(Extension),
};

export const JobMetadata = closed(
  {
    name: titled("Name of the job; with the version unique in its scope.", Name),
    version: Type.Optional(titled("Version of the job (default `v1`).", Version)),
    ...scopeProperties,
    ...describingMetadata,
  },
  {
    description: "What names and describes the job; all but name, version and scope is editable at any time.",
  },
);
export type JobMetadata = Static<typeof JobMetadata>;

/** What a job does; frozen once it is PUBLISHED. */
export const JobSpec = closed(
  {
    runnerType: RunnerType,
    runnerSpec: Type.Record(Type.String(), Type.Unknown(), {
      description: "What the runner executes; an object, or YAML text that is parsed on the way in.",
    }),
    runParams: Type.Optional(
      Type.Array(RunParam, {
        maxItems: 256,
        description: "The params that runs fill; nothing else is filled.",
      }),
    ),
    rollbackParams: Type.Optional(
      Type.Array(RunParam, {
        maxItems: 256,
        description:
          "The params that a rollback fills instead of `runParams`, from the last success; left out: those of `runParams`.",
      }),
    ),
    allowRollback: Type.Optional(
      Type.Boolean({
        description:
          "A rollback runs it again with the values of its last success, and with `MFLOW_MODE=ROLLBACK`; else it is skipped.",
      }),
    ),
    manualUpdateStatus: Type.Optional(
      Type.Boolean({ description: "The task's stage comes from the status call alone." }),
    ),
    maxTasks: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100000,
        description: "Tasks of the job, of all its versions, under way at once.",
      }),
    ),
    timeout: Type.Optional(
      titled("A run of it that takes longer is stopped and FAILED; a task may say otherwise.", Duration),
    ),
    retry: Type.Optional(
      titled("How a task that runs it is tried again; a task may say otherwise.", RetrySpec),
    ),
    visibility: Type.Optional(Visibility),
    ...keepProperties,
    ...cacheProperties,
  },
  { description: "What the job does; frozen once it is PUBLISHED." },
);
export type JobSpec = Static<typeof JobSpec>;

export const DEFAULT_JOB_VERSION = "v1";

export const JobManifest = closed(
  {
    kind: Type.Literal("Job", { description: "What the document describes." }),
    publish: Type.Optional(
      Type.Boolean({ description: "Publish the version when the manifest is applied." }),
    ),
    metadata: JobMetadata,
    spec: JobSpec,
  },
  { description: "A versioned template of one task." },
);
export type JobManifest = Static<typeof JobManifest>;

/** A stored job. */
export const Job = closed(
  {
    id: Type.String({ description: "`job-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "Name of the job." }),
    version: Type.String({ description: "Version of the job." }),
    stage: JobStage,
    ...describingMetadata,
    spec: JobSpec,
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
    publishedAt: Type.Optional(titled("When it was published.", Timestamp)),
  },
  { description: "A stored job." },
);
export type Job = Static<typeof Job>;

/** A job as a run keeps it in its snapshot: enough to render and run it, whatever happens to the stored one. */
export const JobSnapshot = closed(
  {
    id: Type.String({ description: "Id of the job; of one that is not stored an id of its own." }),
    domain: Type.String({ description: "Domain of the job." }),
    namespace: Type.String({ description: "Namespace of the job." }),
    name: Type.String({ description: "Name of the job." }),
    version: Type.String({ description: "Version of the job." }),
    labels: Type.Optional(Labels),
    spec: JobSpec,
  },
  { description: "A job as it was when the run started." },
);
export type JobSnapshot = Static<typeof JobSnapshot>;
