// Runs that start other runs: what they must remember for them.

import type { Context } from "../change.ts";
import type { JobSnapshot } from "../schema/job.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { RunPipelineRequest } from "../schema/request.ts";

/** Whether a run of these jobs may start another one. */
export function startsRuns(
  spec: Pick<PipelineSpec, "nextPipeline"> | undefined,
  jobs: Readonly<Record<string, JobSnapshot>>,
): boolean {
  return (
    spec?.nextPipeline !== undefined || Object.values(jobs).some((job) => job.spec.runnerType === "PIPELINE")
  );
}

/**
 * The documents of a request as the run keeps them: what it starts is looked for among them first, as its own pipeline
 * was. Sealed whole, because their values may be secret.
 */
export function sealDocuments(
  documents: RunPipelineRequest["documents"],
  context: Pick<Context, "seal">,
): string | undefined {
  return documents?.length ? context.seal(JSON.stringify(documents)) : undefined;
}
