// Publishes a job version: from now on its spec is frozen, and new runs may use it.

import { MflowError } from "@mflow/core/errors";
import type { Job } from "@mflow/core/schema/job";
import { type CatalogContext, change } from "./context.ts";
import { jobEvent, jobTitle } from "./job-record.ts";

/**
 * Brings a DRAFT to PUBLISHED; one that is PUBLISHED stays as it is. `find` reads the job, and throws when there
 * is none or the caller may not. Rejects with CONFLICT when it is DEPRECATED.
 */
export function publishJob(context: CatalogContext, find: () => Promise<Job>, actor: string): Promise<Job> {
  return change(context, async () => {
    const stored = await find();
    if (stored.stage === "PUBLISHED") return { changes: [], history: [], answer: stored };
    if (stored.stage === "DEPRECATED") {
      throw new MflowError(
        "CONFLICT",
        `Job ${jobTitle(stored)} is DEPRECATED; a stage never goes backwards.`,
      );
    }
    const now = context.now();
    const job: Job = {
      ...stored,
      stage: "PUBLISHED",
      revision: stored.revision + 1,
      updatedAt: now,
      publishedAt: now,
    };
    return {
      changes: [{ put: "job", job, expectedRevision: stored.revision }],
      history: [jobEvent(job, stored.stage, actor)],
      answer: job,
    };
  });
}
