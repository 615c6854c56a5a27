// What a reference to a job means among stored jobs (semantics, section 1): the one rule for runs, apply and lint.

import { isVersionRange, type JobNameRef, type JobRef, LATEST, mayRefer } from "./reference.ts";
import type { Job } from "./schema/job.ts";
import type { Scope } from "./schema/scalars.ts";

/** Where jobs are looked up. */
export interface JobShelf {
  job(id: string): Promise<Job | undefined>;
  findJob(scope: Scope, name: string, version: string): Promise<Job | undefined>;
  /** The version that was PUBLISHED last. */
  latestJob(scope: Scope, name: string): Promise<Job | undefined>;
  /** All PUBLISHED versions, the one that was published last first. */
  publishedVersions(scope: Scope, name: string): Promise<string[]>;
}

/**
 * The job that a reference means: the one of its id or version, for `latest` the one that was PUBLISHED last, for a range
 * the highest PUBLISHED version in it that may be referred to from `caller`. Otherwise stage and visibility are for the
 * caller to check. Rejects with BAD_REQUEST when the range cannot be read.
 */
export async function referredJob(shelf: JobShelf, ref: JobRef, caller: Scope): Promise<Job | undefined> {
  if ("id" in ref) return shelf.job(ref.id);
  if (ref.version === LATEST) return shelf.latestJob(ref, ref.name);
  if (!isVersionRange(ref.version)) return shelf.findJob(ref, ref.name, ref.version);
  const { versionsInRange } = await import("./version-range.ts");
  for (const version of versionsInRange(ref.version, await shelf.publishedVersions(ref, ref.name))) {
    const job = await shelf.findJob(ref, ref.name, version);
    if (job && mayRefer(job.spec.visibility, job, caller)) return job;
  }
  return undefined;
}

/** The PUBLISHED versions of a job that may be referred to from `caller`, for who is told that none fits. */
export async function versionsToName(shelf: JobShelf, ref: JobNameRef, caller: Scope): Promise<string[]> {
  const versions: string[] = [];
  for (const version of await shelf.publishedVersions(ref, ref.name)) {
    const job = await shelf.findJob(ref, ref.name, version);
    if (job && mayRefer(job.spec.visibility, job, caller)) versions.push(version);
    if (versions.length > MAX_NAMED) break;
  }
  return versions;
}

const MAX_NAMED = 10;

/** The sentence that says that no version is in the range of a reference, and which there are. */
export function nothingInRange(reference: string, range: string, versions: readonly string[]): string {
  const named = versions.slice(0, MAX_NAMED).map((version) => `\`${version}\``);
  const there =
    named.length === 0
      ? "it has no PUBLISHED version that may be used from here"
      : `it has ${named.join(", ")}${versions.length > MAX_NAMED ? ", ..." : ""}`;
  return `no PUBLISHED version of job \`${reference}\` is in the range \`${range}\`; ${there}`;
}
