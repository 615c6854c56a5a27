// Finds the job, pipeline or schedule that a request names, by id or by reference.

import { MflowError } from "@mflow/core/errors";
import { referredJob } from "@mflow/core/find-job";
import { isId } from "@mflow/core/ids";
import { LATEST, parseJobRef, parsePipelineRef } from "@mflow/core/reference";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { CatalogStore } from "../store/store.ts";

/**
 * The job that a request is about, by id, `#id` or reference. No version means the newest PUBLISHED one, or
 * the newest of all while none is PUBLISHED.
 */
export async function findJob(store: CatalogStore, ref: string, scope: Scope): Promise<Job | undefined> {
  if (isId("job", ref)) {
    const job = await store.job(ref);
    if (job) return job;
  }
  const parsed = parseJobRef(ref, scope);
  const job = await referredJob(store, parsed, scope);
  if (job) return job;
  if ("id" in parsed || parsed.version !== LATEST) return undefined;
  const { items } = await store.listJobs({ scope: scopeOf(parsed), name: parsed.name, limit: 1 });
  return items[0];
}

/** The job to publish: without a version the only DRAFT, else as `findJob`. Throws BAD_REQUEST when there are several. */
export async function findDraft(store: CatalogStore, ref: string, scope: Scope): Promise<Job | undefined> {
  if (isId("job", ref)) return findJob(store, ref, scope);
  const parsed = parseJobRef(ref, scope);
  if ("id" in parsed || parsed.version !== LATEST) return findJob(store, ref, scope);
  const query = { scope: scopeOf(parsed), name: parsed.name, stages: ["DRAFT"], limit: 20 };
  const { items: drafts } = await store.listJobs(query);
  if (drafts.length > 1) {
    const versions = drafts.map((job) => job.version).join(", ");
    throw new MflowError("BAD_REQUEST", `Job ${parsed.name} has several DRAFTs: ${versions}; name one.`);
  }
  return drafts[0] ?? findJob(store, ref, scope);
}

/** The pipeline that a request is about, by id, `#id` or reference. */
export async function findPipeline(
  store: CatalogStore,
  ref: string,
  scope: Scope,
): Promise<Pipeline | undefined> {
  const parsed = parsePipelineRef(ref, scope);
  return "id" in parsed ? store.pipeline(parsed.id) : store.findPipeline(parsed, parsed.name);
}

function scopeOf({ domain, namespace }: Scope): Scope {
  return { domain, namespace };
}

/** The schedule that a request is about, by id, `#id` or `name[@namespace[.domain]]`. */
export async function findSchedule(
  store: CatalogStore,
  ref: string,
  scope: Scope,
): Promise<Schedule | undefined> {
  if (isId("schedule", ref)) {
    const schedule = await store.schedule(ref);
    if (schedule) return schedule;
  }
  const parsed = parsePipelineRef(ref, scope);
  return "id" in parsed ? store.schedule(parsed.id) : store.findSchedule(parsed, parsed.name);
}
