// The stored jobs and pipelines that documents lead to, looked up before they are linted: what their tasks name, what that
// starts, and so on.

import type { KnownPipeline } from "@mflow/core/lint";
import type { ParsedDocument } from "@mflow/core/manifest";
import { DEFAULT_JOB_VERSION, type Job, type JobSpec } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import { findPipeline, referredJob } from "../catalog/find.ts";
import type { CatalogStore } from "../store/store.ts";

/** Chains are much shorter; a pipeline beyond is not looked at. */
const MOST_PIPELINES = 256;

export interface KnownRecords {
  /** By their full references; of one that is not there, nothing. */
  jobs: ReadonlyMap<string, Job>;
  pipelines: ReadonlyMap<string, KnownPipeline>;
  /** References to jobs of the documents that lead nowhere. */
  isAnyJobMissing: boolean;
  isAnyPipelineMissing: boolean;
}

/** Looks up what is stored. */
export async function lookUpKnown(
  store: CatalogStore,
  documents: readonly ParsedDocument[],
  scope: Scope,
): Promise<KnownRecords> {
  const { fullPipelineRef, jobRefsOf, pipelineRefsOf, startsOf } = await import("@mflow/core/lint");
  const { formatJobRef, formatPipelineRef, parseJobRef } = await import("@mflow/core/reference");
  const jobs = new Map<string, Job>();
  const looked = new Set<string>();
  const given = new Map<string, JobSpec>();
  const own = new Set<string>();
  const pending: KnownPipeline[] = [];
  for (const { manifest } of documents) {
    if (manifest.kind === "Job") {
      const { name, version = DEFAULT_JOB_VERSION, ...metadata } = manifest.metadata;
      for (const each of [version, "latest"]) {
        given.set(formatJobRef({ name, version: each, ...inScope(metadata, scope) }), manifest.spec);
      }
    } else if (manifest.kind === "Pipeline") {
      const { name, ...metadata } = manifest.metadata;
      const pipeline = { name, ...inScope(metadata, scope), spec: manifest.spec };
      own.add(formatPipelineRef(pipeline));
      pending.push(pipeline);
    }
  }
  const lookUpJob = async (ref: string) => {
    if (looked.has(ref)) return;
    looked.add(ref);
    const job = await referredJob(store, ref, scope);
    if (job) jobs.set(ref, job);
  };
  const refs = jobRefsOf(documents, scope);
  for (const ref of refs) await lookUpJob(ref);
  const isAnyJobMissing = jobs.size < refs.length;

  const pipelines = new Map<string, KnownPipeline>();
  let isAnyPipelineMissing = false;
  const lookUpPipeline = async (ref: string) => {
    if (own.has(ref) || pipelines.has(ref) || pipelines.size >= MOST_PIPELINES) return;
    const stored = await findPipeline(store, ref, scope);
    if (!stored) isAnyPipelineMissing = true;
    else {
      pipelines.set(ref, stored);
      pending.push(stored);
    }
  };
  for (const ref of pipelineRefsOf(documents, scope)) await lookUpPipeline(ref);
  for (let pipeline = pending.pop(); pipeline; pipeline = pending.pop()) {
    const { domain, namespace } = pipeline;
    const home = { domain, namespace };
    const full = (text: string) => formatJobRef(parseJobRef(text, home));
    const refOf = (text: string) => attempt(() => full(text));
    for (const { job } of pipeline.spec.stages.flatMap((stage) => stage.tasks)) {
      const ref = refOf(job);
      if (ref !== undefined) await lookUpJob(ref);
    }
    const specOf = (text: string) => {
      const ref = refOf(text) ?? "";
      return given.get(ref) ?? jobs.get(ref)?.spec;
    };
    for (const { reference } of startsOf(pipeline.spec, "", specOf)) {
      const ref = fullPipelineRef(reference, home);
      if (ref !== undefined) await lookUpPipeline(ref);
    }
  }
  return { jobs, pipelines, isAnyJobMissing, isAnyPipelineMissing };
}

function inScope({ domain, namespace }: Partial<Scope>, scope: Scope): Scope {
  return { domain: domain ?? scope.domain, namespace: namespace ?? scope.namespace };
}

/** What it answers, or nothing when the text cannot be read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
