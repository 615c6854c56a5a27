// The jobs that pipelines of one apply refer to: those of the same apply as they will be, else the stored ones.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { LATEST, mayRefer, parseJobRef } from "@mflow/core/reference";
import type { Job } from "@mflow/core/schema/job";
import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { CatalogStore } from "../store/store.ts";

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

  /** What a reference from a scope means. Rejects with BAD_REQUEST when it is no reference. */
  async find(ref: string, scope: Scope): Promise<Job | undefined> {
    const parsed = parseJobRef(ref, scope);
    if ("id" in parsed) return this.#applied.get(`#${parsed.id}`) ?? this.#store.job(parsed.id);
    const applied = this.#applied.get(nameKey(parsed, parsed.name, parsed.version));
    if (applied) return applied;
    if (parsed.version !== LATEST) return this.#store.findJob(parsed, parsed.name, parsed.version);
    const stored = await this.#store.latestJob(parsed, parsed.name);
    return stored && (this.#applied.get(`#${stored.id}`) ?? stored);
  }

  #problem(ref: string, scope: Scope, job: Job | undefined): string | undefined {
    if (job) {
      if (mayRefer(job.spec.visibility, job, scope)) return undefined;
      const visibility = job.spec.visibility ?? "NAMESPACE";
      return `job \`${ref}\` cannot be referred to from here: its visibility is ${visibility}`;
    }
    const parsed = parseJobRef(ref, scope);
    const isLatest = !("id" in parsed) && parsed.version === LATEST;
    return isLatest ? `there is no PUBLISHED job \`${ref}\`` : `there is no job \`${ref}\``;
  }

  /** All jobs of a pipeline by reference as written; `problems` gets each that does not exist or is not visible. */
  async jobsOf(spec: PipelineSpec, scope: Scope, problems: ErrorDetail[]): Promise<Map<string, Job>> {
    const jobs = new Map<string, Job | undefined>();
    for (const [stageIndex, stage] of spec.stages.entries()) {
      for (const [taskIndex, { job: ref }] of stage.tasks.entries()) {
        const path = `/spec/stages/${stageIndex}/tasks/${taskIndex}/job`;
        try {
          if (!jobs.has(ref)) jobs.set(ref, await this.find(ref, scope));
          const message = this.#problem(ref, scope, jobs.get(ref));
          if (message !== undefined) problems.push({ path, message });
        } catch (error) {
          if (!(error instanceof MflowError) || error.code !== "BAD_REQUEST") throw error;
          problems.push({ path, message: error.message });
        }
      }
    }
    return new Map([...jobs].flatMap(([ref, job]) => (job ? [[ref, job]] : [])));
  }
}
