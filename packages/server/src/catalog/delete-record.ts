// Deletes a DRAFT job, a pipeline that nothing of runs, or a schedule.

import { MflowError } from "@mflow/core/errors";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Schedule } from "@mflow/core/schema/schedule";
import { type CatalogContext, change } from "./context.ts";
import { jobTitle } from "./job-record.ts";

/** Why a job cannot be deleted; nothing when it can. */
export function whyJobStays(job: Job): string | undefined {
  if (job.stage === "DRAFT") return undefined;
  const instead = job.stage === "PUBLISHED" ? "; deprecate it instead" : "";
  return `Job ${jobTitle(job)} is ${job.stage}, not a DRAFT${instead}.`;
}

/** Why a pipeline cannot be deleted; nothing when it can. */
export async function whyPipelineStays(
  { runs }: Pick<CatalogContext, "runs">,
  { name, domain, namespace }: Pipeline,
): Promise<string | undefined> {
  const { items } = await runs.listRuns({
    scope: { domain, namespace },
    pipeline: name,
    stages: ["PENDING", "ACTIVE", "CANCELING"],
    limit: 1,
  });
  const [run] = items;
  return run && `Run ${run.id} of pipeline ${name} has not ended; wait for it or cancel it.`;
}

/** `find` as for `publishJob`. Rejects with CONFLICT when the job is no DRAFT: runs may refer to it. */
export function deleteJob(context: CatalogContext, find: () => Promise<Job>): Promise<void> {
  return change(context, async () => {
    const job = await find();
    const why = whyJobStays(job);
    if (why !== undefined) throw new MflowError("CONFLICT", why);
    return {
      changes: [{ remove: "job", id: job.id, expectedRevision: job.revision }],
      history: [],
      answer: undefined,
    };
  });
}

/** `find` as for `publishJob`. Rejects with CONFLICT that names a run that has not ended. Ended runs stay. */
export function deletePipeline(context: CatalogContext, find: () => Promise<Pipeline>): Promise<void> {
  return change(context, async () => {
    const pipeline = await find();
    const why = await whyPipelineStays(context, pipeline);
    if (why !== undefined) throw new MflowError("CONFLICT", why);
    const { id, revision } = pipeline;
    return {
      changes: [{ remove: "pipeline", id, expectedRevision: revision }],
      history: [],
      answer: undefined,
    };
  });
}

/** `find` as for `publishJob`. Its runs stay, and go on when they have not ended. */
export function deleteSchedule(context: CatalogContext, find: () => Promise<Schedule>): Promise<void> {
  return change(context, async () => {
    const { id, revision } = await find();
    return {
      changes: [{ remove: "schedule", id, expectedRevision: revision }],
      history: [],
      answer: undefined,
    };
  });
}
