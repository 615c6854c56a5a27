// The stored jobs and pipelines that documents lead to, looked up before they are linted: what pipelines extend, what their
// tasks name, what that starts, and so on.

import { type PipelineSource, putTogetherFrom, sourceOf } from "@mflow/core/extend-pipeline";
import { referredJob, versionsToName } from "@mflow/core/find-job";
import type { LintContext } from "@mflow/core/lint";
import type { ParsedDocument } from "@mflow/core/manifest";
import { formatPipelineRef, isVersionRange, parseJobRef } from "@mflow/core/reference";
import type { Job } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import { findPipeline } from "../catalog/find.ts";
import type { CatalogStore } from "../store/store.ts";

/** Chains are much shorter; a pipeline beyond is not looked at. */
const MOST_PIPELINES = 256;

export interface KnownRecords
  extends Required<Pick<LintContext, "findJob" | "publishedVersions" | "findPipeline">>,
    Pick<LintContext, "pipelinesRun"> {
  /** A reference to a job is of no stored one. */
  isAnyJobMissing: boolean;
  isAnyPipelineMissing: boolean;
}

/** Looks up what is stored. */
export async function lookUpKnown(
  store: CatalogStore,
  documents: readonly ParsedDocument[],
  { scope, overlay }: Pick<LintContext, "scope" | "overlay">,
): Promise<KnownRecords> {
  const rules = await import("@mflow/core/lint");
  const { refKey } = rules;
  const jobs = new Map<string, Job>();
  const versions = new Map<string, string[]>();
  const pipelines = new Map<string, PipelineSource>();
  const known: KnownRecords = {
    findJob: (ref, from) => jobs.get(refKey(ref, from)),
    publishedVersions: (ref, from) => versions.get(refKey(ref, from)) ?? [],
    findPipeline: (ref) => pipelines.get(ref),
    isAnyJobMissing: false,
    isAnyPipelineMissing: false,
  };
  const pending = rules.sourcesOf(documents, scope);
  const own = new Map(pending.map((source) => [fullName(source), source]));
  const lookedAt = new Set<string>();

  const lookUpJob = async (text: string, from: Scope) => {
    const ref = rules.readableJobRef(text, from);
    if (ref === undefined || lookedAt.has(refKey(ref, from))) return;
    const key = refKey(ref, from);
    lookedAt.add(key);
    const parsed = parseJobRef(ref, from);
    const job = await referredJob(store, parsed, from);
    if (job) jobs.set(key, job);
    else known.isAnyJobMissing = true;
    if (!job && !("id" in parsed) && isVersionRange(parsed.version)) {
      versions.set(key, await versionsToName(store, parsed, from));
    }
  };
  const lookUpPipeline = async (ref: string) => {
    if (own.has(ref) || pipelines.has(ref) || pipelines.size >= MOST_PIPELINES) return;
    const stored = await findPipeline(store, ref, scope);
    if (!stored) known.isAnyPipelineMissing = true;
    else pipelines.set(ref, sourceOf(stored));
  };
  const queued = new Set<PipelineSource>();
  const follow = async (ref: string) => {
    await lookUpPipeline(ref);
    const source = pipelines.get(ref);
    if (!source || queued.has(source)) return;
    queued.add(source);
    pending.push(source);
  };

  for (const ref of rules.pipelineRefsOf(documents, scope)) await follow(ref);
  const lookup = new rules.JobLookup(documents, { scope, overlay, ...known });
  for (let source = pending.pop(); source; source = pending.pop()) {
    const { scope: home } = source;
    const { whole } = await putTogetherFrom(source, async (extended) => {
      const ref = formatPipelineRef(extended);
      await lookUpPipeline(ref);
      return own.get(ref) ?? pipelines.get(ref);
    });
    if (!whole) continue;
    for (const { job } of whole.spec.stages.flatMap(({ tasks }) => tasks)) await lookUpJob(job, home);
    const specOf = (job: string) => lookup.resolve(job, home).spec;
    for (const { reference } of rules.startsOf(whole.spec, "", specOf)) {
      const ref = rules.fullPipelineRef(reference, home);
      if (ref !== undefined) await follow(ref);
    }
  }
  const specs = [
    ...[...jobs.values()].map(({ spec }) => spec),
    ...documents.flatMap(({ manifest }) => (manifest.kind === "Job" ? manifest.spec : [])),
  ];
  // All jobs are asked for only where the answer counts; whoever runs documents is told errors alone.
  if (!overlay && own.size > 0 && specs.some((spec) => rules.namesPutOut(spec).length > 0)) {
    known.pipelinesRun = await pipelinesRun(store, rules.pipelineRunBy);
  }
  return known;
}

/** What all stored PIPELINE jobs run. */
async function pipelinesRun(
  store: CatalogStore,
  pipelineRunBy: (spec: Job["spec"]) => string | undefined,
): Promise<string[]> {
  const found = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await store.listJobs({ limit: 500, ...(cursor !== undefined && { cursor }) });
    for (const { spec } of page.items) {
      const reference = pipelineRunBy(spec);
      if (reference !== undefined) found.add(reference);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return [...found];
}

function fullName({ name, scope }: PipelineSource): string {
  return formatPipelineRef({ name, ...scope });
}
