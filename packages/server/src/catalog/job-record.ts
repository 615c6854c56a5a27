// What applying a manifest makes of a job: a new version, a changed DRAFT, new describing data, or nothing.

import { canonicalJson } from "@mflow/core/digest";
import { MflowError } from "@mflow/core/errors";
import type { NewHistoryEvent } from "@mflow/core/schema/event";
import { DEFAULT_JOB_VERSION, type Job, type JobManifest, type JobSpec } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import { sealJobSpec } from "@mflow/core/sealing";
import type { CatalogContext, Vault } from "./context.ts";
import { describing, scopeOf } from "./describing.ts";
import { jobMeaning } from "./sameness.ts";

export type RecordAction = "CREATED" | "UPDATED" | "UNCHANGED";

/** Name and version, as people say it. */
export function jobTitle(job: { name: string; version: string }): string {
  return `${job.name}:${job.version}`;
}

/** Where a manifest's job is or will be. */
export function jobKey(manifest: JobManifest, scope: Scope): Scope & { name: string; version: string } {
  const { name, version = DEFAULT_JOB_VERSION } = manifest.metadata;
  return { ...scopeOf(manifest.metadata, scope), name, version };
}

/** The event of a job that came to its stage. */
export function jobEvent(job: Job, from: string | undefined, actor: string): NewHistoryEvent {
  const { domain, namespace, stage, updatedAt } = job;
  return {
    type: "JOB_STAGE",
    at: updatedAt,
    domain,
    namespace,
    name: jobTitle(job),
    stage,
    ...(from !== undefined && { from }),
    actor,
  };
}

/** Throws ALREADY_PUBLISHED when a frozen spec would change. */
export function checkFrozen(stored: Job, spec: JobSpec, vault: Vault): void {
  if (stored.stage === "DRAFT" || jobMeaning(stored.spec, vault) === jobMeaning(spec, vault)) return;
  throw new MflowError(
    "ALREADY_PUBLISHED",
    `Job ${jobTitle(stored)} is ${stored.stage}, its spec is frozen; raise \`version\` to change it.`,
  );
}

/** The job as a manifest makes it. `spec` is the manifest's, with masked values restored. */
export function jobFrom(
  context: CatalogContext,
  manifest: JobManifest,
  spec: JobSpec,
  scope: Scope,
  stored: Job | undefined,
  actor: string,
): { job: Job; action: RecordAction } {
  const now = context.now();
  const sealed = sealJobSpec(spec, context.vault.seal);
  if (!stored) {
    const published = manifest.publish === true;
    const job: Job = {
      id: context.newId("job"),
      ...jobKey(manifest, scope),
      stage: published ? "PUBLISHED" : "DRAFT",
      ...describing(manifest.metadata),
      spec: sealed,
      revision: 1,
      createdBy: actor,
      createdAt: now,
      updatedAt: now,
      ...(published && { publishedAt: now }),
    };
    return { job, action: "CREATED" };
  }
  checkFrozen(stored, sealed, context.vault);
  const publishes = manifest.publish === true && stored.stage === "DRAFT";
  const isSame =
    !publishes &&
    jobMeaning(stored.spec, context.vault) === jobMeaning(sealed, context.vault) &&
    canonicalJson(describing(stored)) === canonicalJson(describing(manifest.metadata));
  if (isSame) return { job: stored, action: "UNCHANGED" };
  const { id, domain, namespace, name, version, revision, createdBy, createdAt, publishedAt } = stored;
  const job: Job = {
    id,
    domain,
    namespace,
    name,
    version,
    stage: publishes ? "PUBLISHED" : stored.stage,
    ...describing(manifest.metadata),
    // A frozen spec means the same, and stays as it was written.
    spec: stored.stage === "DRAFT" ? sealed : stored.spec,
    revision: revision + 1,
    createdBy,
    createdAt,
    updatedAt: now,
  };
  const since = publishes ? now : publishedAt;
  if (since !== undefined) job.publishedAt = since;
  return { job, action: "UPDATED" };
}
