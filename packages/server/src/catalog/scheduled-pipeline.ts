// What a schedule needs to know of the pipeline that it starts, as it is when it is put together.

import { MflowError } from "@mflow/core/errors";
import { putTogetherFrom, sourceOf } from "@mflow/core/extend-pipeline";
import { formatPipelineRef, type PipelineNameRef } from "@mflow/core/reference";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import { markedInPipeline, sensitiveNames } from "@mflow/core/sealing";
import type { JobLookup } from "./job-lookup.ts";

export interface ScheduledPipeline {
  /** Full names of the pipeline and of those that it extends. */
  needed: string[];
  /** Names of params whose values are sealed. */
  sensitive: Set<string>;
}

/** `find` answers what is extended. Rejects with INVALID_DOCUMENT when the pipeline cannot be put together. */
export async function scheduledPipeline(
  pipeline: Pipeline,
  find: (ref: PipelineNameRef) => Promise<Pipeline | undefined>,
  lookup: JobLookup,
): Promise<ScheduledPipeline> {
  const source = sourceOf(pipeline);
  const { whole, problems } = await putTogetherFrom(source, async (ref) => {
    const extended = await find(ref);
    return extended && sourceOf(extended);
  });
  const problem = problems.find(({ severity }) => severity !== "warning");
  const name = formatPipelineRef({ name: source.name, ...source.scope });
  if (!whole || problem) {
    const message = `pipeline \`${name}\` cannot be put together: ${problem?.message}`;
    throw new MflowError("INVALID_DOCUMENT", message, [{ path: "/spec/pipeline", message }]);
  }
  // Jobs that are not there any more are told of when the schedule fires.
  const jobs = await lookup.jobsOf(whole.spec, source.scope, []);
  const declared = [...jobs.values()].flatMap((job) => sensitiveNames(job.spec));
  return {
    needed: [name, ...whole.extended],
    sensitive: new Set([...declared, ...markedInPipeline(whole.spec)]),
  };
}
