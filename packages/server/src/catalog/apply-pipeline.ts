// A pipeline among the documents of an apply. Its jobs are known by then; what it extends may be any of the documents.

import type { ErrorDetail } from "@mflow/core/errors";
import { type PipelineSource, putTogetherFrom, requireWhole, sourceOf } from "@mflow/core/extend-pipeline";
import type { PipelineNameRef } from "@mflow/core/reference";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { Job } from "@mflow/core/schema/job";
import { isExtending, type PipelineManifest, type PipelineSpec } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import { sensitiveNames } from "@mflow/core/sealing";
import type { Applied, Applying, GivenDocument } from "./applying.ts";
import { comparePipelines } from "./compare-records.ts";
import { scopeOf } from "./describing.ts";
import { restorePipeline } from "./masked-values.ts";
import { pipelineFrom } from "./pipeline-record.ts";

export async function applyPipeline(
  applying: Applying,
  document: GivenDocument,
  manifest: PipelineManifest,
): Promise<Applied> {
  const { context, options } = applying;
  const { store, vault } = context;
  const { name } = manifest.metadata;
  const scope = scopeOf(manifest.metadata, options.scope);
  const what = `Pipeline ${name}`;
  options.mayWrite(scope);
  applying.once(what, scope);
  const stored = await store.findPipeline(scope, name);
  applying.checkStored(what, stored);
  const source = { name, scope, spec: manifest.spec };
  const together = await putTogetherFrom(source, (ref) => findSource(applying, ref));
  const whole = requireWhole(together, name);
  applying.warnings.push(...together.problems.map(document.locate));
  for (const extended of whole.extended) applying.need(extended, `${what} extends it`);
  const ofJobs: ErrorDetail[] = [];
  const jobs = await applying.lookup.jobsOf(whole.spec, scope, ofJobs);
  // Only `prune` asks for them.
  const started = options.prune ? await startedBy(whole.spec, jobs, scope) : [];
  for (const reference of started) applying.need(reference, `${what} starts it`);
  const problems = ofJobs.map(whole.told);
  const sensitiveIn = (refs: readonly string[]) =>
    new Set(refs.flatMap((ref) => sensitiveNames(jobs.get(ref)?.spec ?? NO_JOB)));
  const spec = restorePipeline(manifest.spec, whole.spec, stored?.spec, sensitiveIn, vault, problems);
  refuseProblems(problems);
  const specs = { spec, whole: isExtending(spec) ? whole.spec : spec };
  const { pipeline, action } = pipelineFrom(context, manifest, specs, jobs, scope, stored, options.actor);
  if (action !== "UNCHANGED") {
    applying.changes.push({ put: "pipeline", pipeline, expectedRevision: stored?.revision ?? 0 });
  }
  applying.addPipeline(pipeline);
  const compared = options.compare && comparePipelines(stored, pipeline, vault);
  return { kind: "Pipeline", record: pipeline, action, ...(compared && { compared }) };
}

/** A pipeline as it will be once the apply is done. */
async function findSource(
  { context, documents, options }: Applying,
  ref: PipelineNameRef,
): Promise<PipelineSource | undefined> {
  for (const { manifest } of documents) {
    if (manifest.kind !== "Pipeline" || manifest.metadata.name !== ref.name) continue;
    const scope = scopeOf(manifest.metadata, options.scope);
    if (scope.domain !== ref.domain || scope.namespace !== ref.namespace) continue;
    return { name: ref.name, scope, spec: manifest.spec };
  }
  const stored = await context.store.findPipeline(ref, ref.name);
  return stored && sourceOf(stored);
}

/** The pipelines that one starts, in their full form. */
async function startedBy(
  spec: PipelineSpec,
  jobs: ReadonlyMap<string, Job>,
  scope: Scope,
): Promise<string[]> {
  const { fullPipelineRef, startsOf } = await import("@mflow/core/lint");
  const starts = [...startsOf(spec, "/spec", (job) => jobs.get(job)?.spec)];
  return starts.flatMap(({ reference }) => fullPipelineRef(reference, scope) ?? []);
}

const NO_JOB = { runnerType: "FAKE", runnerSpec: {} } as const;
