// Deletes a DRAFT job, a pipeline that nothing of runs and nothing starts by the clock, or a schedule.

import { MflowError } from "@mflow/core/errors";
import { isRefTo, parsePipelineRef } from "@mflow/core/reference";
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

/** Why a pipeline cannot be deleted; nothing when it can. `schedules`: those that there will be. */
export async function whyPipelineStays(
  { runs, now }: Pick<CatalogContext, "runs" | "now">,
  pipeline: Pipeline,
  schedules: readonly Schedule[],
): Promise<string | undefined> {
  const { name, domain, namespace } = pipeline;
  const { items } = await runs.listRuns({
    scope: { domain, namespace },
    pipeline: name,
    stages: ["PENDING", "ACTIVE", "CANCELING"],
    limit: 1,
  });
  const [run] = items;
  if (run) return `Run ${run.id} of pipeline ${name} has not ended; wait for it or cancel it.`;
  const starters = schedules.filter((schedule) =>
    isRefTo(parsePipelineRef(schedule.spec.pipeline, schedule), pipeline),
  );
  if (starters.length === 0) return undefined;
  // It reads the calendar, and most pipelines have no schedule.
  const { hasTimesToCome } = await import("@mflow/core/schedule-times");
  const starter = starters.find((schedule) => hasTimesToCome(schedule, Date.parse(now())));
  return (
    starter &&
    `Schedule ${fullName(starter)} starts pipeline ${name}; delete it first, or let it start another one.`
  );
}

/** Of all scopes: a schedule may start a pipeline of another one. */
export async function everySchedule(
  store: Pick<CatalogContext["store"], "listSchedules">,
): Promise<Schedule[]> {
  const schedules: Schedule[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listSchedules({ limit: 500, ...(cursor !== undefined && { cursor }) });
    schedules.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return schedules;
}

function fullName({ name, namespace, domain }: Schedule): string {
  return `${name}@${namespace}.${domain}`;
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

/**
 * `find` as for `publishJob`. Rejects with CONFLICT that names a run that has not ended, or a schedule that starts it.
 * Ended runs stay.
 */
export function deletePipeline(context: CatalogContext, find: () => Promise<Pipeline>): Promise<void> {
  return change(context, async () => {
    const pipeline = await find();
    const why = await whyPipelineStays(context, pipeline, await everySchedule(context.store));
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
