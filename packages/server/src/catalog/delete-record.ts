// Deletes a DRAFT job, a pipeline that nothing of runs, or a schedule.

import { MflowError } from "@mflow/core/errors";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Schedule } from "@mflow/core/schema/schedule";
import { type CatalogContext, change } from "./context.ts";
import { jobTitle } from "./job-record.ts";

/** `find` as for `publishJob`. Rejects with CONFLICT when the job is no DRAFT: runs may refer to it. */
export function deleteJob(context: CatalogContext, find: () => Promise<Job>): Promise<void> {
  return change(context, async () => {
    const job = await find();
    if (job.stage !== "DRAFT") {
      const instead = job.stage === "PUBLISHED" ? "; deprecate it instead" : "";
      throw new MflowError("CONFLICT", `Job ${jobTitle(job)} is ${job.stage}, not a DRAFT${instead}.`);
    }
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
    const { id, name, domain, namespace, revision } = await find();
    const { items } = await context.runs.listRuns({
      scope: { domain, namespace },
      pipeline: name,
      stages: ["PENDING", "ACTIVE", "CANCELING"],
      limit: 1,
    });
    const [run] = items;
    if (run) {
      const message = `Run ${run.id} of pipeline ${name} has not ended; wait for it or cancel it.`;
      throw new MflowError("CONFLICT", message);
    }
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
