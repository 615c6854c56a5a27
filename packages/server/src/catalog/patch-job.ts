// Changes a stored job: what describes it at any time, its spec while it is a DRAFT.

import { canonicalJson } from "@mflow/core/digest";
import type { ErrorDetail } from "@mflow/core/errors";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { PatchJobRequest } from "@mflow/core/schema/api";
import type { Job, JobManifest, JobSpec } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import { sealJobSpec } from "@mflow/core/sealing";
import { type CatalogContext, change } from "./context.ts";
import { type Describing, describing } from "./describing.ts";
import { checkFrozen } from "./job-record.ts";
import { restoreJob } from "./masked-values.ts";
import { jobMeaning } from "./sameness.ts";

/** JSON merge patch (RFC 7396): members of `patch` replace or, when null, remove those of `target`. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const isObject = target !== null && typeof target === "object" && !Array.isArray(target);
  const merged: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/**
 * Merges a patch into a job. `find` as for `publishJob`; `validate` tells all that is wrong with the job as it
 * would be. Rejects with ALREADY_PUBLISHED when a frozen spec would change, INVALID_DOCUMENT when it is not valid.
 */
export function patchJob(
  context: CatalogContext,
  find: () => Promise<Job>,
  patch: PatchJobRequest,
  validate: (manifest: JobManifest, scope: Scope) => Promise<ErrorDetail[]>,
): Promise<Job> {
  return change(context, async () => {
    const stored = await find();
    const metadata = describing(mergePatch(describing(stored), patch.metadata ?? {}) as Describing);
    const patched = mergePatch(stored.spec, patch.spec ?? {}) as JobSpec;
    const { name, version } = stored;
    const manifest: JobManifest = { kind: "Job", metadata: { name, version, ...metadata }, spec: patched };
    const problems = await validate(manifest, { domain: stored.domain, namespace: stored.namespace });
    const restored =
      problems.length > 0 ? patched : restoreJob(patched, stored.spec, context.vault, problems);
    refuseProblems(problems);
    const spec = sealJobSpec(restored, context.vault.seal);
    checkFrozen(stored, spec, context.vault);
    const isSame =
      jobMeaning(stored.spec, context.vault) === jobMeaning(spec, context.vault) &&
      canonicalJson(describing(stored)) === canonicalJson(metadata);
    if (isSame) return { changes: [], history: [], answer: stored };
    const { labels, displayName, description, readme, icon, extension, ...rest } = stored;
    const job: Job = {
      ...rest,
      ...metadata,
      spec: stored.stage === "DRAFT" ? spec : stored.spec,
      revision: stored.revision + 1,
      updatedAt: context.now(),
    };
    return {
      changes: [{ put: "job", job, expectedRevision: stored.revision }],
      history: [],
      answer: job,
    };
  });
}
