// A job among the documents of an apply.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { Job, JobManifest, JobSpec } from "@mflow/core/schema/job";
import type { Applied, Applying, GivenDocument } from "./applying.ts";
import { compareJobs } from "./compare-records.ts";
import { jobEvent, jobFrom, jobKey, jobTitle, type RecordAction } from "./job-record.ts";
import { restoreJob } from "./masked-values.ts";

export async function applyJob(
  applying: Applying,
  document: GivenDocument,
  manifest: JobManifest,
): Promise<Applied> {
  const { store, vault } = applying.context;
  const { scope, actor, mayWrite, compare } = applying.options;
  const key = jobKey(manifest, scope);
  const what = `Job ${jobTitle(key)}`;
  mayWrite(key);
  applying.once(what, key);
  const stored = await store.findJob(key, key.name, key.version);
  applying.checkStored(what, stored);
  const problems: ErrorDetail[] = [];
  const spec = restoreJob(manifest.spec, stored?.spec, vault, problems);
  refuseProblems(problems);
  const { job, action, refusal } = made(applying, manifest, spec, stored);
  applying.lookup.add(job, job.stage === "PUBLISHED" && stored?.stage !== "PUBLISHED");
  if (job.stage === "DEPRECATED" && manifest.publish) {
    const message = `job \`${jobTitle(job)}\` is DEPRECATED and stays so`;
    applying.warnings.push(document.locate({ path: "/publish", message, severity: "warning" }));
  }
  if (action !== "UNCHANGED") {
    applying.changes.push({ put: "job", job, expectedRevision: stored?.revision ?? 0 });
    if (job.stage !== stored?.stage) applying.history.push(jobEvent(job, stored?.stage, actor));
  }
  const compared = compare && compareJobs(stored, job, vault, refusal);
  return { kind: "Job", record: job, action, ...(compared && { compared }) };
}

/** When documents are compared, a spec that is frozen is told with what differs. */
function made(
  { context, options: { scope, actor, compare } }: Applying,
  manifest: JobManifest,
  spec: JobSpec,
  stored: Job | undefined,
): { job: Job; action: RecordAction; refusal?: string } {
  const make = (before: Job | undefined) => jobFrom(context, manifest, spec, scope, before, actor);
  try {
    return make(stored);
  } catch (error) {
    const isFrozen = error instanceof MflowError && error.code === "ALREADY_PUBLISHED";
    if (!isFrozen || !compare || !stored) throw error;
    const { job, action } = make({ ...stored, stage: "DRAFT" });
    return { job: { ...job, stage: stored.stage }, action, refusal: error.message };
  }
}
