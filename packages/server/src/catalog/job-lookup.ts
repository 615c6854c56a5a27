// The jobs that pipelines of one apply refer to: those of the same apply as they will be, else the stored ones.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { didYouMean } from "@mflow/core/nearest";
import { LATEST, mayRefer, parseJobRef } from "@mflow/core/reference";
import type { Job } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import type { CatalogStore } from "../store/store.ts";
import { jobTitle } from "./job-record.ts";

type Found = { job: Job; warning?: string } | { problem: string };

function nameKey({ domain, namespace }: Scope, name: string, version: string): string {
  return `${domain}/${namespace}/${name}:${version}`;
}

export class JobLookup {
  readonly #store: CatalogStore;
  readonly #applied = new Map<string, Job>();

  constructor(store: CatalogStore) {
    this.#store = store;
  }

  /** Adds a job as it will be once the apply is done. */
  add(job: Job, becomesPublished: boolean): void {
    this.#applied.set(nameKey(job, job.name, job.version), job);
    this.#applied.set(`#${job.id}`, job);
    if (becomesPublished) this.#applied.set(nameKey(job, job.name, LATEST), job);
  }

  async #job(ref: string, scope: Scope): Promise<Job | undefined> {
    const parsed = parseJobRef(ref, scope);
    if ("id" in parsed) return this.#applied.get(`#${parsed.id}`) ?? this.#store.job(parsed.id);
    const applied = this.#applied.get(nameKey(parsed, parsed.name, parsed.version));
    if (applied) return applied;
    if (parsed.version !== LATEST) return this.#store.findJob(parsed, parsed.name, parsed.version);
    const stored = await this.#store.latestJob(parsed, parsed.name);
    return stored && (this.#applied.get(`#${stored.id}`) ?? stored);
  }

  /** What a reference from a scope means, or what is wrong with it. */
  async find(ref: string, scope: Scope): Promise<Found> {
    let job: Job | undefined;
    try {
      job = await this.#job(ref, scope);
    } catch (error) {
      if (error instanceof MflowError && error.code === "BAD_REQUEST") return { problem: error.message };
      throw error;
    }
    if (!job) return { problem: await this.#absence(ref, scope) };
    if (!mayRefer(job.spec.visibility, job, scope)) {
      const visibility = job.spec.visibility ?? "NAMESPACE";
      return { problem: `job \`${ref}\` cannot be referred to from here: its visibility is ${visibility}` };
    }
    if (job.stage === "PUBLISHED") return { job };
    const why = job.stage === "DRAFT" ? "runs are refused until it is published" : "new runs are refused";
    return { job, warning: `job \`${jobTitle(job)}\` is ${job.stage}: ${why}` };
  }

  async #absence(ref: string, scope: Scope): Promise<string> {
    const parsed = parseJobRef(ref, scope);
    if ("id" in parsed) return `there is no job \`${ref}\``;
    const here = { domain: parsed.domain, namespace: parsed.namespace };
    const { items } = await this.#store.listJobs({ scope: here, limit: 500 });
    const known = [...items, ...this.#applied.values()].filter(
      (job) => job.domain === here.domain && job.namespace === here.namespace,
    );
    const versions = [...new Set(known.filter((job) => job.name === parsed.name).map((job) => job.version))];
    if (versions.length === 0) {
      return `there is no job \`${ref}\`${didYouMean(parsed.name, new Set(known.map((job) => job.name)))}`;
    }
    const those = versions.map((version) => `\`${version}\``).join(", ");
    if (parsed.version === LATEST) {
      return `job \`${ref}\` has no PUBLISHED version (there is ${those}); publish one, or name the version`;
    }
    return `job \`${parsed.name}\` has no version \`${parsed.version}\`; there is ${those}`;
  }
}

/** Where a pipeline names a job. */
export interface JobMention {
  ref: string;
  /** JSON pointer in the manifest. */
  path: string;
}

/** Finds all jobs that are mentioned; `problems` and `warnings` get what is wrong. */
export async function findJobs(
  lookup: JobLookup,
  mentions: readonly JobMention[],
  scope: Scope,
  problems: ErrorDetail[],
  warnings: ErrorDetail[],
): Promise<Map<string, Job>> {
  const found = new Map<string, Found>();
  const jobs = new Map<string, Job>();
  for (const { ref, path } of mentions) {
    const one = found.get(ref) ?? (await lookup.find(ref, scope));
    found.set(ref, one);
    if ("problem" in one) {
      problems.push({ path, message: one.problem });
      continue;
    }
    jobs.set(ref, one.job);
    if (one.warning) warnings.push({ path, message: one.warning, severity: "warning" });
  }
  return jobs;
}
