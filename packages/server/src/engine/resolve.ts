// From the names in a run request to the pipeline and the jobs that will run: documents laid over the stored
// ones, versions, stages, visibility (semantics, section 1). All references that fail are named at once.

import type { PipelineToRun } from "@mflow/core/change";
import { type ErrorCode, type ErrorDetail, MflowError } from "@mflow/core/errors";
import {
  type PipelineSource,
  putTogetherFrom,
  requireWhole,
  runnablePipelines,
  sourceOf,
} from "@mflow/core/extend-pipeline";
import { nothingInRange, referredJob, versionsToName } from "@mflow/core/find-job";
import {
  isVersionRange,
  type JobNameRef,
  LATEST,
  mayRefer,
  type PipelineNameRef,
  parseJobRef,
  parsePipelineRef,
} from "@mflow/core/reference";
import { DEFAULT_JOB_VERSION, type Job, type JobManifest, type JobSnapshot } from "@mflow/core/schema/job";
import type { PipelineManifest, PipelineSpec } from "@mflow/core/schema/pipeline";
import type { RunJobRequest, RunPipelineRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import type { CatalogStore } from "../store/store.ts";

type Documents = NonNullable<RunPipelineRequest["documents"]>;

/** A pipeline to run, put together with those that it extends. */
interface ResolvedPipeline {
  pipeline: PipelineToRun;
  /** A problem of the whole as one of the document that was given. */
  told(problem: ErrorDetail): ErrorDetail;
}

/** The pipeline that a request names: a document, a stored one, or a bare spec. */
export async function resolvePipeline(
  request: RunPipelineRequest,
  scope: Scope,
  catalog: CatalogStore,
): Promise<ResolvedPipeline> {
  const { source, ...pipeline } = await namedPipeline(request, scope, catalog);
  const whole = requireWhole(
    await putTogetherFrom(source, async (ref) => {
      const document = documentOfPipeline(request.documents, ref, scope);
      if (document) return sourceOfDocument(document, scope);
      const stored = await catalog.findPipeline(ref, ref.name);
      return stored && sourceOf(stored);
    }),
    source.name,
  );
  return { pipeline: { ...pipeline, spec: whole.spec }, told: whole.told };
}

type NamedPipeline = Omit<PipelineToRun, "spec"> & { source: PipelineSource };

async function namedPipeline(
  request: RunPipelineRequest,
  scope: Scope,
  catalog: CatalogStore,
): Promise<NamedPipeline> {
  if (request.spec) {
    if (request.pipelineId !== undefined) {
      throw new MflowError("BAD_REQUEST", "give either `pipelineId` or `spec`, not both");
    }
    const { name, spec } = request;
    return { ...(name !== undefined && { name }), source: { name: name ?? "spec", scope, spec } };
  }
  const given = (request.documents ?? []).filter(isPipeline);
  if (request.pipelineId === undefined) {
    const runnable = runnablePipelines(given);
    const [only] = runnable;
    if (only && runnable.length === 1) return pipelineOfDocument(only, scope);
    const names = given.map((each) => each.metadata.name).join(", ");
    throw new MflowError(
      "BAD_REQUEST",
      names
        ? `the documents hold several pipelines (${names}); name one in \`pipelineId\``
        : "name the pipeline to run in `pipelineId`",
    );
  }
  const ref = parsePipelineRef(request.pipelineId, scope);
  if (!("id" in ref)) {
    const document = documentOfPipeline(given, ref, scope);
    if (document) return pipelineOfDocument(document, scope);
  }
  const stored = "id" in ref ? await catalog.pipeline(ref.id) : await catalog.findPipeline(ref, ref.name);
  if (!stored) throw new MflowError("NOT_FOUND", `there is no pipeline \`${request.pipelineId}\``);
  const { id, name, labels } = stored;
  return { id, name, ...(labels && { labels }), source: sourceOf(stored) };
}

function isPipeline(document: NonNullable<Documents>[number]): document is PipelineManifest {
  return document.kind === "Pipeline";
}

function documentOfPipeline(
  documents: Documents | undefined,
  ref: PipelineNameRef,
  scope: Scope,
): PipelineManifest | undefined {
  return documents
    ?.filter(isPipeline)
    .find(({ metadata }) => metadata.name === ref.name && isIn(metadata, ref, scope));
}

function sourceOfDocument({ metadata, spec }: PipelineManifest, scope: Scope): PipelineSource {
  const { name, domain = scope.domain, namespace = scope.namespace } = metadata;
  return { name, scope: { domain, namespace }, spec };
}

function pipelineOfDocument(document: PipelineManifest, scope: Scope): NamedPipeline {
  const { name, labels } = document.metadata;
  return { name, ...(labels && { labels }), source: sourceOfDocument(document, scope) };
}

function isIn(metadata: Partial<Scope>, wanted: Scope, scope: Scope): boolean {
  return (
    (metadata.domain ?? scope.domain) === wanted.domain &&
    (metadata.namespace ?? scope.namespace) === wanted.namespace
  );
}

/** The jobs of all tasks of a pipeline, by reference as written. */
export async function resolveJobs(
  spec: PipelineSpec,
  documents: Documents | undefined,
  scope: Scope,
  catalog: CatalogStore,
  told: (problem: ErrorDetail) => ErrorDetail = (problem) => problem,
): Promise<Map<string, JobSnapshot>> {
  const jobs = new Map<string, JobSnapshot>();
  const problems: ErrorDetail[] = [];
  let code: ErrorCode | undefined;
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      if (jobs.has(task.job)) continue;
      try {
        jobs.set(task.job, await resolveJob(task.job, documents, scope, catalog));
      } catch (error) {
        if (!(error instanceof MflowError)) throw error;
        const path = `/spec/stages/${stageIndex}/tasks/${taskIndex}/job`;
        problems.push(told({ path, message: `task \`${task.name}\`: ${error.message}` }));
        code = code === undefined || code === error.code ? error.code : "BAD_REQUEST";
      }
    }
  }
  if (code !== undefined) {
    throw new MflowError(code, problems.map((problem) => problem.message).join("; "), problems);
  }
  return jobs;
}

/** The one job that a request runs alone. */
export async function resolveLoneJob(
  request: RunJobRequest,
  scope: Scope,
  catalog: CatalogStore,
): Promise<JobSnapshot> {
  const given = (request.documents ?? []).filter((each): each is JobManifest => each.kind === "Job");
  if (request.job !== undefined) return resolveJob(request.job, request.documents, scope, catalog);
  const [only] = given;
  if (only && given.length === 1) return snapshotOfDocument(only, scope);
  throw new MflowError("BAD_REQUEST", "name the job to run in `job`, e.g. `docker_build:v1`");
}

/** A job by reference: a document of the request first, else the stored one, which must be PUBLISHED and visible. */
async function resolveJob(
  reference: string,
  documents: Documents | undefined,
  scope: Scope,
  catalog: CatalogStore,
): Promise<JobSnapshot> {
  const ref = parseJobRef(reference, scope);
  if ("id" in ref) return runnable(await catalog.job(ref.id), reference, scope);
  const document = await documentOf(ref, documents, scope);
  if (document) return snapshotOfDocument(document, scope);
  const job = await referredJob(catalog, ref, scope);
  if (job) return runnable(job, reference, scope);
  if (isVersionRange(ref.version)) {
    const versions = await versionsToName(catalog, ref, scope);
    throw new MflowError("NOT_FOUND", nothingInRange(reference, ref.version, versions));
  }
  const home = { domain: ref.domain, namespace: ref.namespace };
  const { items } =
    ref.version === LATEST
      ? await catalog.listJobs({ scope: home, name: ref.name, limit: 1 })
      : { items: [] };
  const [unpublished] = items;
  if (!unpublished) return runnable(undefined, reference, scope);
  throw new MflowError(
    "JOB_NOT_RUNNABLE",
    `job \`${reference}\` has no PUBLISHED version (newest is ${unpublished.version}, ${unpublished.stage})`,
  );
}

/** The document that a reference means, laid over what is stored; of several in a range the highest version. */
async function documentOf(
  ref: JobNameRef,
  documents: Documents | undefined,
  scope: Scope,
): Promise<JobManifest | undefined> {
  const candidates = (documents ?? []).filter(
    (each): each is JobManifest =>
      each.kind === "Job" && each.metadata.name === ref.name && isIn(each.metadata, ref, scope),
  );
  if (candidates.length === 0 || ref.version === LATEST) return candidates[0];
  let wanted: string | undefined = ref.version;
  if (isVersionRange(wanted)) {
    const { versionsInRange } = await import("@mflow/core/version-range");
    [wanted] = versionsInRange(wanted, candidates.map(versionOf));
  }
  return candidates.find((each) => versionOf(each) === wanted);
}

function versionOf({ metadata }: JobManifest): string {
  return metadata.version ?? DEFAULT_JOB_VERSION;
}

function snapshotOfDocument({ metadata, spec }: JobManifest, scope: Scope): JobSnapshot {
  const version = metadata.version ?? DEFAULT_JOB_VERSION;
  const home = { domain: metadata.domain ?? scope.domain, namespace: metadata.namespace ?? scope.namespace };
  const id = `document:${metadata.name}@${home.namespace}.${home.domain}:${version}`;
  return {
    id,
    ...home,
    name: metadata.name,
    version,
    spec,
    ...(metadata.labels ? { labels: metadata.labels } : {}),
  };
}

function runnable(job: Job | undefined, reference: string, scope: Scope): JobSnapshot {
  if (!job || !mayRefer(job.spec.visibility ?? "NAMESPACE", job, scope)) {
    throw new MflowError(
      "NOT_FOUND",
      `there is no job \`${reference}\` that ${scope.namespace}.${scope.domain} may use`,
    );
  }
  if (job.stage !== "PUBLISHED") {
    throw new MflowError(
      "JOB_NOT_RUNNABLE",
      `job \`${reference}\` (${job.name}:${job.version}) is ${job.stage}`,
    );
  }
  const { id, domain, namespace, name, version, labels, spec } = job;
  return { id, domain, namespace, name, version, spec, ...(labels ? { labels } : {}) };
}
