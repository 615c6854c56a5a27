// Small manifests for tests.

import type { JobManifest, JobSpec } from "@mflow/core/schema/job";
import type { PipelineManifest, PipelineSpec, TaskSpec } from "@mflow/core/schema/pipeline";

/** A job for the FAKE runner that succeeds at once. */
export function job(
  name: string,
  spec: Partial<JobSpec> = {},
  { publish, ...metadata }: Partial<JobManifest["metadata"]> & { publish?: boolean } = {},
): JobManifest {
  return {
    kind: "Job",
    ...(publish !== undefined && { publish }),
    metadata: { name, ...metadata },
    spec: { runnerType: "FAKE", runnerSpec: {}, ...spec },
  };
}

/** A pipeline of one stage with these tasks, or one task of the job `work`. */
export function pipeline(
  name: string,
  tasks: TaskSpec[] = [{ name: "one", job: "work" }],
  spec: Partial<PipelineSpec> = {},
  metadata: Partial<PipelineManifest["metadata"]> = {},
): PipelineManifest {
  return {
    kind: "Pipeline",
    metadata: { name, ...metadata },
    spec: { stages: [{ name: "main", tasks }], ...spec },
  };
}

/** A job for the FAKE runner that runs until it is stopped. */
export function endlessJob(name: string): JobManifest {
  return job(name, { runnerSpec: { outcome: "NONE" } }, { publish: true });
}
