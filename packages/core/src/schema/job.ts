// A job: the versioned template of one task (semantics, section 1).

import { type Static, Type } from "typebox";
import { RunParam } from "./param.ts";
import { closed, Duration, Extension, Labels, Name, oneOf, Timestamp, Version } from "./scalars.ts";

export const RunnerType = oneOf(
  ["SHELL", "FAKE"],
  "`SHELL` runs steps on the server's machine; `FAKE` plays a script, for trying pipelines out.",
);
export type RunnerType = Static<typeof RunnerType>;

export const Visibility = oneOf(
  ["NAMESPACE", "DOMAIN", "GLOBAL"],
  "Who may refer to the job: the same namespace (default), the same domain, or everybody.",
);
export type Visibility = Static<typeof Visibility>;

export const JobStage = oneOf(["DRAFT", "PUBLISHED", "DEPRECATED"]);
export type JobStage = Static<typeof JobStage>;

/** What describes a record without changing what it does; editable at any time. */
export const describingMetadata = {
  labels: Type.Optional(Labels),
  displayName: Type.Optional(Type.String({ maxLength: 128 })),
  description: Type.Optional(Type.String({ maxLength: 4096 })),
  readme: Type.Optional(Type.String({ maxLength: 262144, description: "Markdown." })),
  icon: Type.Optional(Type.String({ maxLength: 65536, description: "A URL or a data URL." })),
  extension: Type.Optional(Extension),
};

export const JobMetadata = closed({
  name: Name,
  version: Type.Optional(Version),
  domain: Type.Optional(Name),
  namespace: Type.Optional(Name),
  ...describingMetadata,
});
export type JobMetadata = Static<typeof JobMetadata>;

/** What a job does; frozen once it is PUBLISHED. */
export const JobSpec = closed({
  runnerType: RunnerType,
  runnerSpec: Type.Record(Type.String(), Type.Unknown(), {
    description: "What the runner executes; an object, or YAML text that is parsed on the way in.",
  }),
  runParams: Type.Optional(Type.Array(RunParam, { maxItems: 256 })),
  rollbackParams: Type.Optional(Type.Array(RunParam, { maxItems: 256 })),
  allowRollback: Type.Optional(Type.Boolean()),
  manualUpdateStatus: Type.Optional(
    Type.Boolean({ description: "The task's stage comes from the status call alone." }),
  ),
  timeout: Type.Optional(Duration),
  visibility: Type.Optional(Visibility),
});
export type JobSpec = Static<typeof JobSpec>;

export const DEFAULT_JOB_VERSION = "v1";

export const JobManifest = closed(
  {
    kind: Type.Literal("Job"),
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
export const Job = closed({
  id: Type.String(),
  domain: Type.String(),
  namespace: Type.String(),
  name: Type.String(),
  version: Type.String(),
  stage: JobStage,
  ...describingMetadata,
  spec: JobSpec,
  revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  createdBy: Type.String(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  publishedAt: Type.Optional(Timestamp),
});
export type Job = Static<typeof Job>;

/** A job as a run keeps it in its snapshot: enough to render and run it, whatever happens to the stored one. */
export const JobSnapshot = closed({
  id: Type.String(),
  domain: Type.String(),
  namespace: Type.String(),
  name: Type.String(),
  version: Type.String(),
  labels: Type.Optional(Labels),
  spec: JobSpec,
});
export type JobSnapshot = Static<typeof JobSnapshot>;
