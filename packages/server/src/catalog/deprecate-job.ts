// Deprecates a job version: no new run may start with it, running ones finish.

import { MflowError } from "@mflow/core/errors";
import type { Job } from "@mflow/core/schema/job";
import { type CatalogContext, change } from "./context.ts";
import { jobEvent, jobTitle } from "./job-record.ts";

/**
 * Brings a PUBLISHED job to DEPRECATED; one that is DEPRECATED stays as it is. `find` as for `publishJob`.
 * Rejects with CONFLICT when it is a DRAFT.
 */
export function deprecateJob(context: CatalogContext, find: () => Promise<Job>, actor: string): Promise<Job> {
  return change(context, async () => {
    const stored = await find();
    if (stored.stage === "DEPRECATED") return { changes: [], history: [], answer: stored };
    if (stored.stage === "DRAFT") {
      throw new MflowError("CONFLICT", `Job ${jobTitle(stored)} is a DRAFT; delete it instead.`);
    }
    const job: Job = {
      ...stored,
      stage: "DEPRECATED",
      revision: stored.revision + 1,
      updatedAt: context.now(),
    };
    return {
      changes: [{ put: "job", job, expectedRevision: stored.revision }],
      history: [jobEvent(job, stored.stage, actor)],
      answer: job,
    };
  });
}
