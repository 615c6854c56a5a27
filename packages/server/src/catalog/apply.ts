// Applies manifests: all of them, or none when one is bad.

import { mustNameCluster } from "@mflow/core/default-cluster";
import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { type PipelineSource, putTogetherFrom, requireWhole, sourceOf } from "@mflow/core/extend-pipeline";
import type { Manifest } from "@mflow/core/manifest";
import {
  formatPipelineRef,
  type PipelineNameRef,
  type PipelineRef,
  parsePipelineRef,
} from "@mflow/core/reference";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { Cluster, ClusterManifest, ClusterSpec } from "@mflow/core/schema/cluster";
import type { NewHistoryEvent } from "@mflow/core/schema/event";
import type { Job, JobManifest, JobSpec } from "@mflow/core/schema/job";
import {
  isExtending,
  type Pipeline,
  type PipelineManifest,
  type PipelineSpec,
} from "@mflow/core/schema/pipeline";
import type { Labels, Scope } from "@mflow/core/schema/scalars";
import type { Schedule, ScheduleManifest } from "@mflow/core/schema/schedule";
import { sensitiveNames } from "@mflow/core/sealing";
import type { CatalogChange } from "../store/store.ts";
import {
  type Compared,
  type ComparedForms,
  compareForms,
  compareJobs,
  comparePipelines,
  compareSchedules,
} from "./compare-records.ts";
import { type CatalogContext, change, type Plan } from "./context.ts";
import { scopeOf } from "./describing.ts";
import { JobLookup } from "./job-lookup.ts";
import { jobEvent, jobFrom, jobKey, jobTitle, type RecordAction } from "./job-record.ts";
import { restoreJob, restorePipeline, restoreSchedule, sealedTextProblems } from "./masked-values.ts";
import { pipelineFrom } from "./pipeline-record.ts";
import { type Pruned, planPrune } from "./prune.ts";
import { scheduleFrom } from "./schedule-record.ts";
import { scheduledPipeline } from "./scheduled-pipeline.ts";

/** A valid manifest, and how its problems say where it is. */
export interface GivenDocument {
  manifest: Manifest;
  /** Adds file, line and column to a problem. */
  locate(problem: ErrorDetail): ErrorDetail;
}

/** Where clusters are kept: beside the catalogue, for they have no scope. */
export interface ClusterKeeper {
  /** Throws FORBIDDEN when the actor may not write clusters. */
  mayWrite(): void;
  /** Of those that are stored. */
  names(): string[];
  /** What `put` would do. Rejects with INVALID_DOCUMENT that names all that is wrong. */
  check(
    name: string,
    spec: ClusterSpec,
  ): Promise<{ before?: Cluster; isSame: boolean; forms: ComparedForms }>;
  put(name: string, spec: ClusterSpec, by: string): Promise<Cluster>;
}

export interface ApplyOptions {
  /** For documents that name none. */
  scope: Scope;
  /** Who applies. */
  actor: string;
  /** Throws FORBIDDEN when the actor may not write to a scope. */
  mayWrite(scope: Scope): void;
  /** Left out: no document may be a cluster. */
  clusters?: ClusterKeeper;
  dryRun?: boolean;
  /** Deletes what has these labels in `scope` and is not among the documents; `mayPrune` throws FORBIDDEN. */
  prune?: { labels: Labels; mayPrune(): void };
  /** Answers what differs from what is stored; changes nothing. */
  compare?: boolean;
  /** `NEW`: a record that exists is refused with NAME_TAKEN. */
  only?: "NEW";
  /** Throws when the stored record is not one that may be replaced. */
  checkStored?(stored: Job | Pipeline | Schedule): void;
}

export type Applied = { action: RecordAction; compared?: Compared } & (
  | { kind: "Job"; record: Job }
  | { kind: "Pipeline"; record: Pipeline }
  | { kind: "Schedule"; record: Schedule }
  | { kind: "Cluster"; record: { name: string } }
);

export interface ApplyOutcome {
  documents: Applied[];
  /** With `prune` alone. */
  pruned?: Pruned[];
  warnings: ErrorDetail[];
}

/**
 * Creates or changes the jobs, pipelines and schedules of manifests, in one commit, and clusters after it. What is as the
 * manifest says is left alone. Rejects with the error of the one bad document, or INVALID_DOCUMENT with all problems; then nothing
 * was written.
 */
export async function applyManifests(
  context: CatalogContext,
  documents: readonly GivenDocument[],
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  const { clusters, ...outcome } = await change(context, () =>
    new Application(context, documents, options).plan(),
  );
  for (const { metadata, spec } of clusters) await options.clusters?.put(metadata.name, spec, options.actor);
  return outcome;
}

function seenKey(what: string, { domain, namespace }: Scope): string {
  return `${what} ${domain}/${namespace}`;
}

/** One apply under way. */
class Application {
  readonly #context: CatalogContext;
  readonly #documents: readonly GivenDocument[];
  readonly #options: ApplyOptions;
  readonly #lookup: JobLookup;
  readonly #seen = new Set<string>();
  /** Full names of pipelines that documents need, with what says which one does, e.g. `Pipeline shop extends it`. */
  readonly #inUse = new Map<string, string>();
  /** Those of these manifests, by their full reference. */
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #changes: CatalogChange[] = [];
  readonly #history: NewHistoryEvent[] = [];
  readonly #clusters: ClusterManifest[] = [];
  readonly #warnings: ErrorDetail[] = [];
  readonly #refusals: MflowError[] = [];

  constructor(context: CatalogContext, documents: readonly GivenDocument[], options: ApplyOptions) {
    this.#context = context;
    this.#documents = documents;
    this.#options = options;
    this.#lookup = new JobLookup(context.store);
  }

  /** The answer has also the clusters that are to be written. */
  async plan(): Promise<Plan<ApplyOutcome & { clusters: ClusterManifest[] }>> {
    const applied = new Map<GivenDocument, Applied>();
    // Jobs first: pipelines refer to them, and schedules to those, wherever they stand in the files.
    for (const kind of ["Job", "Pipeline", "Schedule", "Cluster"] as const) {
      for (const document of this.#documents) {
        if (document.manifest.kind !== kind) continue;
        const one = await this.#guarded(document, () => this.#applyOne(document, document.manifest));
        if (one) applied.set(document, one);
      }
    }
    this.#refuse();
    this.#warnOfClusters(applied);
    const pruned = await this.#prune();
    const answer = {
      documents: this.#documents.flatMap((document) => applied.get(document) ?? []),
      ...(pruned && { pruned }),
      warnings: this.#warnings,
    };
    if (this.#options.dryRun || this.#options.compare)
      return { changes: [], history: [], answer: { ...answer, clusters: [] } };
    return {
      changes: this.#changes,
      history: this.#history,
      answer: { ...answer, clusters: this.#clusters },
    };
  }

  /** Keeps a document's refusal, so that the others are looked at too. */
  async #guarded(document: GivenDocument, work: () => Promise<Applied>): Promise<Applied | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MflowError) || error.status >= 500) throw error;
      const details = error.details.length > 0 ? error.details : [{ path: "", message: error.message }];
      this.#refusals.push(new MflowError(error.code, error.message, details.map(document.locate)));
      return undefined;
    }
  }

  #refuse(): void {
    const [first, ...others] = this.#refusals;
    if (!first) return;
    if (others.length === 0) throw first;
    const details = this.#refusals.flatMap((refusal) => refusal.details);
    const isSame = others.every((other) => other.code === first.code);
    const message = `${this.#refusals.length} documents cannot be applied; nothing was stored. ${first.message}`;
    throw new MflowError(isSame ? first.code : "INVALID_DOCUMENT", message, details);
  }

  /** A new cluster beside others changes what tasks may leave out. */
  #warnOfClusters(applied: ReadonlyMap<GivenDocument, Applied>): void {
    const made = [...applied].filter(([, { kind, action }]) => kind === "Cluster" && action === "CREATED");
    const stored = this.#options.clusters?.names() ?? [];
    const message = mustNameCluster([...stored, ...made.map(([{ manifest }]) => manifest.metadata.name)]);
    const [document] = made.at(-1) ?? [];
    if (!document || message === undefined) return;
    this.#warnings.push(document.locate({ path: "/metadata/name", message, severity: "warning" }));
  }

  #once(what: string, scope: Scope): void {
    this.#options.mayWrite(scope);
    this.#onlyOnce(what, seenKey(what, scope));
  }

  async #prune(): Promise<Pruned[] | undefined> {
    const { prune, scope } = this.#options;
    if (!prune) return undefined;
    prune.mayPrune();
    const { pruned, changes } = await planPrune(this.#context, scope, prune.labels, {
      has: (kind, record) => {
        const title = "version" in record ? jobTitle(record) : record.name;
        return this.#seen.has(seenKey(`${kind} ${title}`, record));
      },
      use: ({ id, name, domain, namespace }) =>
        this.#inUse.get(formatPipelineRef({ name, domain, namespace })) ??
        this.#inUse.get(formatPipelineRef({ id })),
    });
    this.#changes.push(...changes);
    return pruned;
  }

  #onlyOnce(what: string, key: string): void {
    if (this.#seen.has(key)) {
      throw new MflowError("INVALID_DOCUMENT", `${what} is there twice.`, [
        { path: "/metadata/name", message: `${what} is there twice; keep one` },
      ]);
    }
    this.#seen.add(key);
  }

  #checkStored(what: string, stored: Job | Pipeline | Schedule | undefined): void {
    if (!stored) return;
    if (this.#options.only === "NEW") throw new MflowError("NAME_TAKEN", `${what} exists (${stored.id}).`);
    this.#options.checkStored?.(stored);
  }

  async #applyOne(document: GivenDocument, manifest: Manifest): Promise<Applied> {
    refuseProblems(sealedTextProblems(manifest, this.#context.vault));
    if (manifest.kind === "Job") return this.#applyJob(document, manifest);
    if (manifest.kind === "Cluster") return this.#applyCluster(manifest);
    if (manifest.kind === "Schedule") return this.#applySchedule(manifest);
    return this.#applyPipeline(document, manifest);
  }

  async #applyJob(document: GivenDocument, manifest: JobManifest): Promise<Applied> {
    const { store, vault } = this.#context;
    const { scope, actor } = this.#options;
    const key = jobKey(manifest, scope);
    this.#once(`Job ${jobTitle(key)}`, { domain: key.domain, namespace: key.namespace });
    const stored = await store.findJob(key, key.name, key.version);
    this.#checkStored(`Job ${jobTitle(key)}`, stored);
    const problems: ErrorDetail[] = [];
    const spec = restoreJob(manifest.spec, stored?.spec, vault, problems);
    refuseProblems(problems);
    const { job, action, refusal } = this.#jobFrom(manifest, spec, stored);
    const becomesPublished = job.stage === "PUBLISHED" && stored?.stage !== "PUBLISHED";
    this.#lookup.add(job, becomesPublished);
    if (job.stage === "DEPRECATED" && manifest.publish) {
      const message = `job \`${jobTitle(job)}\` is DEPRECATED and stays so`;
      this.#warnings.push(document.locate({ path: "/publish", message, severity: "warning" }));
    }
    if (action !== "UNCHANGED") {
      this.#changes.push({ put: "job", job, expectedRevision: stored?.revision ?? 0 });
      if (job.stage !== stored?.stage) this.#history.push(jobEvent(job, stored?.stage, actor));
    }
    const compared = this.#options.compare && compareJobs(stored, job, vault, refusal);
    return { kind: "Job", record: job, action, ...(compared && { compared }) };
  }

  /** When documents are compared, a spec that is frozen is told with what differs. */
  #jobFrom(
    manifest: JobManifest,
    spec: JobSpec,
    stored: Job | undefined,
  ): { job: Job; action: RecordAction; refusal?: string } {
    const { scope, actor, compare } = this.#options;
    const make = (before: Job | undefined) => jobFrom(this.#context, manifest, spec, scope, before, actor);
    try {
      return make(stored);
    } catch (error) {
      const isFrozen = error instanceof MflowError && error.code === "ALREADY_PUBLISHED";
      if (!isFrozen || !compare || !stored) throw error;
      const { job, action } = make({ ...stored, stage: "DRAFT" });
      return { job: { ...job, stage: stored.stage }, action, refusal: error.message };
    }
  }

  /** A pipeline as it will be once the apply is done. */
  async #findPipeline(ref: PipelineNameRef): Promise<PipelineSource | undefined> {
    for (const { manifest } of this.#documents) {
      if (manifest.kind !== "Pipeline" || manifest.metadata.name !== ref.name) continue;
      const scope = scopeOf(manifest.metadata, this.#options.scope);
      if (scope.domain !== ref.domain || scope.namespace !== ref.namespace) continue;
      return { name: ref.name, scope, spec: manifest.spec };
    }
    const stored = await this.#context.store.findPipeline(ref, ref.name);
    return stored && sourceOf(stored);
  }

  async #applyPipeline(document: GivenDocument, manifest: PipelineManifest): Promise<Applied> {
    const { store, vault } = this.#context;
    const { name } = manifest.metadata;
    const scope = scopeOf(manifest.metadata, this.#options.scope);
    this.#once(`Pipeline ${name}`, scope);
    const stored = await store.findPipeline(scope, name);
    this.#checkStored(`Pipeline ${name}`, stored);
    const source = { name, scope, spec: manifest.spec };
    const together = await putTogetherFrom(source, (ref) => this.#findPipeline(ref));
    const whole = requireWhole(together, name);
    this.#warnings.push(...together.problems.map(document.locate));
    for (const extended of whole.extended) this.#inUse.set(extended, `Pipeline ${name} extends it`);
    const ofJobs: ErrorDetail[] = [];
    const jobs = await this.#lookup.jobsOf(whole.spec, scope, ofJobs);
    for (const started of await this.#startedBy(whole.spec, jobs, scope)) {
      this.#inUse.set(started, `Pipeline ${name} starts it`);
    }
    const problems = ofJobs.map(whole.told);
    const sensitiveIn = (refs: readonly string[]) =>
      new Set(refs.flatMap((ref) => sensitiveNames(jobs.get(ref)?.spec ?? noJob)));
    const spec = restorePipeline(manifest.spec, whole.spec, stored?.spec, sensitiveIn, vault, problems);
    refuseProblems(problems);
    const { pipeline, action } = pipelineFrom(
      this.#context,
      manifest,
      { spec, whole: isExtending(spec) ? whole.spec : spec },
      jobs,
      scope,
      stored,
      this.#options.actor,
    );
    if (action !== "UNCHANGED") {
      this.#changes.push({ put: "pipeline", pipeline, expectedRevision: stored?.revision ?? 0 });
    }
    const { id, domain, namespace } = pipeline;
    this.#pipelines.set(formatPipelineRef({ id }), pipeline);
    this.#pipelines.set(formatPipelineRef({ name, domain, namespace }), pipeline);
    const compared = this.#options.compare && comparePipelines(stored, pipeline, vault);
    return { kind: "Pipeline", record: pipeline, action, ...(compared && { compared }) };
  }

  /** The pipelines that one starts, in their full form; only `prune` asks for them. */
  async #startedBy(spec: PipelineSpec, jobs: ReadonlyMap<string, Job>, scope: Scope): Promise<string[]> {
    if (!this.#options.prune) return [];
    const { fullPipelineRef, startsOf } = await import("@mflow/core/lint");
    const starts = [...startsOf(spec, "/spec", (job) => jobs.get(job)?.spec)];
    return starts.flatMap(({ reference }) => fullPipelineRef(reference, scope) ?? []);
  }

  async #applySchedule(manifest: ScheduleManifest): Promise<Applied> {
    const { store, vault } = this.#context;
    const { name } = manifest.metadata;
    const scope = scopeOf(manifest.metadata, this.#options.scope);
    this.#once(`Schedule ${name}`, scope);
    const stored = await store.findSchedule(scope, name);
    this.#checkStored(`Schedule ${name}`, stored);
    const { needed, sensitive } = await scheduledPipeline(
      await this.#pipelineOf(manifest, scope),
      (ref) => this.#appliedPipeline(ref),
      this.#lookup,
    );
    for (const pipeline of needed) this.#inUse.set(pipeline, `Schedule ${name} needs it`);
    const problems: ErrorDetail[] = [];
    const spec = restoreSchedule(manifest.spec, stored?.spec, sensitive, vault, problems);
    refuseProblems(problems);
    const { schedule, action } = scheduleFrom(
      this.#context,
      manifest,
      spec,
      sensitive,
      scope,
      stored,
      this.#options.actor,
    );
    if (action !== "UNCHANGED") {
      this.#changes.push({ put: "schedule", schedule, expectedRevision: stored?.revision ?? 0 });
    }
    const compared = this.#options.compare && compareSchedules(stored, schedule, vault);
    return { kind: "Schedule", record: schedule, action, ...(compared && { compared }) };
  }

  /** The pipeline that a schedule names. Whoever applies must be allowed to run it: its runs have their rights. */
  async #pipelineOf({ spec }: ScheduleManifest, scope: Scope): Promise<Pipeline> {
    const pipeline = await this.#appliedPipeline(parsePipelineRef(spec.pipeline, scope));
    if (pipeline) this.#options.mayWrite(pipeline);
    if (pipeline) return pipeline;
    const message = `there is no pipeline \`${spec.pipeline}\``;
    throw new MflowError("INVALID_DOCUMENT", message, [{ path: "/spec/pipeline", message }]);
  }

  /** A pipeline as it will be; those of these manifests are known by then. */
  async #appliedPipeline(ref: PipelineRef): Promise<Pipeline | undefined> {
    const { store } = this.#context;
    const given = this.#pipelines.get(formatPipelineRef(ref));
    if (given) return given;
    return "id" in ref ? store.pipeline(ref.id) : store.findPipeline(ref, ref.name);
  }

  async #applyCluster(manifest: ClusterManifest): Promise<Applied> {
    const { clusters } = this.#options;
    const { metadata, spec } = manifest;
    const what = `Cluster ${metadata.name}`;
    if (!clusters) throw new MflowError("INVALID_DOCUMENT", `${what} cannot be applied here.`);
    clusters.mayWrite();
    this.#onlyOnce(what, what);
    const { before, isSame, forms } = await clusters.check(metadata.name, spec);
    if (!isSame) this.#clusters.push(manifest);
    const action = isSame ? "UNCHANGED" : before ? "UPDATED" : "CREATED";
    const compared = this.#options.compare && before && compareForms(forms.before, forms.after);
    return { kind: "Cluster", record: { name: metadata.name }, action, ...(compared && { compared }) };
  }
}

const noJob = { runnerType: "FAKE", runnerSpec: {} } as const;
