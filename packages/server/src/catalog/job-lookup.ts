// The jobs that pipelines of one apply refer to: those of the same apply as they will be, else the stored ones.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { type JobShelf, nothingInRange, referredJob, versionsToName } from "@mflow/core/find-job";
import { isVersionRange, LATEST, mayRefer, parseJobRef } from "@mflow/core/reference";
import type { Job } from "@mflow/core/schema/job";
import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { CatalogStore } from "../store/store.ts";

function nameKey({ domain, namespace }: Scope, name: string, version: string): string {
  return `${domain}/${namespace}/${name}:${version}`;
}

export class JobLookup implements JobShelf {
  readonly #store: CatalogStore;
  readonly #applied = new Map<string, Job>();
  /** Those that the apply publishes, the last one first. */
  readonly #published: Job[] = [];

  constructor(store: CatalogStore) {
    this.#store = store;
  }

  /** Adds a job as it will be once the apply is done. */
  add(job: Job, becomesPublished: boolean): void {
    this.#applied.set(nameKey(job, job.name, job.version), job);
    this.#applied.set(`#${job.id}`, job);
    if (becomesPublished) this.#published.unshift(job);
  }

  async job(id: string): Promise<Job | undefined> {
    return this.#applied.get(`#${id}`) ?? this.#store.job(id);
  }

  async findJob(scope: Scope, name: string, version: string): Promise<Job | undefined> {
    return this.#applied.get(nameKey(scope, name, version)) ?? this.#store.findJob(scope, name, version);
  }

  #publishedHere(scope: Scope, name: string): Job[] {
    const key = nameKey(scope, name, "");
    return this.#published.filter((job) => nameKey(job, job.name, "") === key);
  }

  async latestJob(scope: Scope, name: string): Promise<Job | undefined> {
    const [applied] = this.#publishedHere(scope, name);
    if (applied) return applied;
    const stored = await this.#store.latestJob(scope, name);
    return stored && this.job(stored.id);
  }

  async publishedVersions(scope: Scope, name: string): Promise<string[]> {
    const applied = this.#publishedHere(scope, name).map(({ version }) => version);
    return [...applied, ...(await this.#store.publishedVersions(scope, name))];
  }

  async #problem(ref: string, scope: Scope, job: Job | undefined): Promise<string | undefined> {
    if (job) {
      if (mayRefer(job.spec.visibility, job, scope)) return undefined;
      const visibility = job.spec.visibility ?? "NAMESPACE";
      return `job \`${ref}\` cannot be referred to from here: its visibility is ${visibility}`;
    }
    const parsed = parseJobRef(ref, scope);
    if ("id" in parsed) return `there is no job \`${ref}\``;
    if (isVersionRange(parsed.version)) {
      return nothingInRange(ref, parsed.version, await versionsToName(this, parsed, scope));
    }
    return parsed.version === LATEST ? `there is no PUBLISHED job \`${ref}\`` : `there is no job \`${ref}\``;
  }

  /** All jobs of a pipeline by reference as written; `problems` gets each that does not exist or is not visible. */
  async jobsOf(spec: PipelineSpec, scope: Scope, problems: ErrorDetail[]): Promise<Map<string, Job>> {
    const jobs = new Map<string, Job | undefined>();
    for (const [stageIndex, stage] of spec.stages.entries()) {
      for (const [taskIndex, { job: ref }] of stage.tasks.entries()) {
        const path = `/spec/stages/${stageIndex}/tasks/${taskIndex}/job`;
        try {
          if (!jobs.has(ref)) jobs.set(ref, await referredJob(this, parseJobRef(ref, scope), scope));
          const message = await this.#problem(ref, scope, jobs.get(ref));
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
