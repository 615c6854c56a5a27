// Rules on the jobs that tasks name: each exists, may be referred to from where the pipeline lives, and runs.
// A job is looked for among the documents first and among the stored ones then.

import { MflowError } from "../errors.ts";
import { nothingInRange } from "../find-job.ts";
import type { ParsedDocument } from "../manifest.ts";
import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import {
  formatJobRef,
  isVersionRange,
  type JobNameRef,
  type JobRef,
  LATEST,
  mayRefer,
  parseJobRef,
} from "../reference.ts";
import { DEFAULT_JOB_VERSION, type JobManifest, type JobSpec } from "../schema/job.ts";
import type { Scope } from "../schema/scalars.ts";
import { rangeProblem, versionsInRange } from "../version-range.ts";
import { type KnownJob, type LintContext, scopeOf } from "./context.ts";

/** What a reference comes to: the job, as far as it is known, and what is wrong with referring to it. */
export interface Resolution {
  /** The full form of the reference, the same for the same job. */
  ref?: string;
  spec?: JobSpec;
  error?: string;
  warning?: string;
}

function placeName(ref: JobNameRef | (Scope & { name: string })): string {
  return `${ref.name}@${ref.namespace}.${ref.domain}`;
}

export class JobLookup {
  readonly #context: LintContext;
  /** Job documents by name and scope, in the order of the file. */
  readonly #documents = new Map<string, JobManifest[]>();
  readonly #resolved = new Map<string, Resolution>();

  constructor(documents: readonly ParsedDocument[], context: LintContext) {
    this.#context = context;
    for (const { manifest } of documents) {
      if (manifest.kind !== "Job") continue;
      const { metadata } = manifest;
      const key = placeName({ name: metadata.name, ...scopeOf(metadata, context.scope) });
      this.#documents.set(key, [...(this.#documents.get(key) ?? []), manifest]);
    }
  }

  resolve(text: string, callerScope: Scope): Resolution {
    const key = refKey(text, callerScope);
    const known = this.#resolved.get(key);
    if (known) return known;
    const resolution = this.#resolve(text, callerScope);
    this.#resolved.set(key, resolution);
    return resolution;
  }

  #resolve(text: string, callerScope: Scope): Resolution {
    let ref: JobRef;
    try {
      ref = parseJobRef(text, callerScope);
    } catch (cause) {
      if (!(cause instanceof MflowError)) throw cause;
      return { error: cause.message };
    }
    const unreadable = "id" in ref || !isVersionRange(ref.version) ? undefined : rangeProblem(ref.version);
    if (unreadable !== undefined) return { error: unreadable };
    const inFile = "id" in ref ? undefined : this.#inFile(ref, text, callerScope);
    return inFile ?? this.#stored(ref, text, callerScope);
  }

  /** Among the documents; nothing when a stored job is meant. */
  #inFile(ref: JobNameRef, text: string, callerScope: Scope): Resolution | undefined {
    const candidates = this.#documents.get(placeName(ref)) ?? [];
    const fitting = fittingOf(ref.version, candidates);
    const last = fitting.at(-1);
    if (!last) return undefined;
    const published = fitting.findLast(({ publish }) => publish);
    const runnable = this.#context.overlay ? last : published;
    const job = runnable ?? last;
    const resolution: Resolution = { ref: formatJobRef(ref), spec: job.spec };
    const hidden = hiddenMessage(text, job.spec, scopeOf(job.metadata, this.#context.scope), callerScope);
    if (hidden) return { ...resolution, error: hidden };
    if (runnable) return resolution;
    // The document may be that of a version that is PUBLISHED already, or a newer draft beside it.
    const stored = this.#context.findJob?.(formatJobRef(ref), callerScope);
    if (stored && stored.stage !== "DRAFT") return undefined;
    const remedy = "add `publish: true` to its document, or publish it before a run";
    return {
      ...resolution,
      warning: `job ${quoted(text)} is a DRAFT in this file and cannot run yet; ${remedy}`,
    };
  }

  #stored(ref: JobRef, text: string, callerScope: Scope): Resolution {
    const { findJob } = this.#context;
    const full = formatJobRef(ref);
    if (!findJob) {
      if (this.#context.overlay) return { ref: full };
      const rest = "so whether it exists and which params it has was not checked";
      return { ref: full, warning: `job ${quoted(text)} is not among these documents, ${rest}` };
    }
    const job = findJob(full, callerScope);
    if (!job) return { ref: full, error: this.#unknownMessage(ref, text, callerScope) };
    const resolution: Resolution = { ref: full, spec: job.spec };
    const error = hiddenMessage(text, job.spec, job, callerScope) ?? stageMessage(job, text);
    return error ? { ...resolution, error } : resolution;
  }

  #unknownMessage(ref: JobRef, text: string, callerScope: Scope): string {
    if ("id" in ref) return `there is no job with the id ${quoted(ref.id)}; check the id, or name the job`;
    const others = this.#documents.get(placeName(ref)) ?? [];
    const versions = others.map(versionOf);
    if (versions.length > 0 && isVersionRange(ref.version)) {
      const there = `this file has ${versions.map(quoted).join(", ")}`;
      return `no PUBLISHED version of job ${quoted(text)} is in the range ${quoted(ref.version)}; ${there}`;
    }
    if (versions.length > 0) {
      return `job ${quoted(text)} has no version ${quoted(ref.version)}; this file has ${versions.map(quoted).join(", ")}`;
    }
    if (isVersionRange(ref.version)) {
      return nothingInRange(
        text,
        ref.version,
        this.#context.publishedVersions?.(formatJobRef(ref), callerScope) ?? [],
      );
    }
    const what = ref.version === LATEST ? "no PUBLISHED job" : "no job";
    const version = ref.version === LATEST ? "" : ` version ${quoted(ref.version)}`;
    const names = new Set(this.#context.jobNames);
    for (const { metadata } of [...this.#documents.values()].flat()) {
      const scope = scopeOf(metadata, this.#context.scope);
      if (scope.namespace === ref.namespace && scope.domain === ref.domain) names.add(metadata.name);
    }
    // The name itself is no suggestion: it may exist elsewhere, or as a DRAFT.
    names.delete(ref.name);
    const elsewhere = ref.namespace !== callerScope.namespace || ref.domain !== callerScope.domain;
    const place = ` in ${elsewhere ? "" : "the pipeline's "}namespace \`${ref.namespace}.${ref.domain}\``;
    const remedy = didYouMean(ref.name, names) || "; apply and publish it first, or correct the name";
    return `there is ${what} ${quoted(ref.name)}${version}${place}${remedy}`;
  }
}

function versionOf({ metadata }: JobManifest): string {
  return metadata.version ?? DEFAULT_JOB_VERSION;
}

/** The documents that a version, `latest` or a range may mean; the last one is meant. */
function fittingOf(wanted: string, candidates: readonly JobManifest[]): JobManifest[] {
  if (wanted === LATEST) return [...candidates];
  if (!isVersionRange(wanted)) return candidates.filter((document) => versionOf(document) === wanted);
  return versionsInRange(wanted, candidates.map(versionOf))
    .flatMap((version) => candidates.find((document) => versionOf(document) === version) ?? [])
    .reverse();
}

/** Why a job cannot be referred to from there, if so. */
function hiddenMessage(text: string, spec: JobSpec, jobScope: Scope, callerScope: Scope): string | undefined {
  if (mayRefer(spec.visibility, jobScope, callerScope)) return undefined;
  const visible = spec.visibility === "DOMAIN" ? "DOMAIN" : "NAMESPACE";
  const wanted = jobScope.domain === callerScope.domain ? "`DOMAIN` or `GLOBAL`" : "`GLOBAL`";
  const seen = `job ${quoted(text)} is visible in its ${visible.toLowerCase()} only`;
  return `${seen}, and the pipeline lives in \`${callerScope.namespace}.${callerScope.domain}\`; its \`visibility\` must be ${wanted}`;
}

function stageMessage(job: KnownJob, text: string): string | undefined {
  const named = `job ${quoted(text)} (version ${quoted(job.version)})`;
  if (job.stage === "DRAFT") return `${named} is a DRAFT and does not run; publish it (\`mflow publish\`)`;
  if (job.stage === "DEPRECATED") return `${named} is DEPRECATED: no new run may start; name another version`;
  return undefined;
}

/** One text for a reference and the scope that it stands in. */
export function refKey(ref: string, { domain, namespace }: Scope): string {
  return `${ref} ${namespace}.${domain}`;
}

/** A reference in its full form, for a caller that looks jobs up before `lint`; nothing when it cannot be read. */
export function readableJobRef(text: string, from: Scope): string | undefined {
  try {
    const ref = parseJobRef(text, from);
    const isUnreadable = !("id" in ref) && isVersionRange(ref.version) && rangeProblem(ref.version);
    return isUnreadable ? undefined : formatJobRef(ref);
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return undefined;
  }
}
