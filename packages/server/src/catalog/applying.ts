// One apply under way: what was asked, and what its documents come to so far. Each kind of document has a file of its own
// that adds to it; all that is added is written in one transaction, or not at all.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import type { Manifest } from "@mflow/core/manifest";
import { formatPipelineRef, type PipelineRef } from "@mflow/core/reference";
import type { NewHistoryEvent } from "@mflow/core/schema/event";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Labels, Scope } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { CatalogChange } from "../store/store.ts";
import type { SettingsKeepers } from "./apply-settings.ts";
import type { Compared } from "./compare-records.ts";
import type { CatalogContext } from "./context.ts";
import { JobLookup } from "./job-lookup.ts";
import type { RecordAction } from "./job-record.ts";

/** A valid manifest, and how its problems say where it is. */
export interface GivenDocument {
  manifest: Manifest;
  /** Adds file, line and column to a problem. */
  locate(problem: ErrorDetail): ErrorDetail;
}

export interface ApplyOptions extends SettingsKeepers {
  /** For documents that name none. */
  scope: Scope;
  /** Who applies. */
  actor: string;
  /** Throws FORBIDDEN when the actor may not write to a scope. */
  mayWrite(scope: Scope): void;
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

/** What became of a document. */
export type Applied = { action: RecordAction; compared?: Compared } & (
  | { kind: "Job"; record: Job }
  | { kind: "Pipeline"; record: Pipeline }
  | { kind: "Schedule"; record: Schedule }
  | { kind: "Cluster"; record: { name: string } }
  | { kind: "Limit"; record: { name: string } }
);

export class Applying {
  readonly context: CatalogContext;
  readonly documents: readonly GivenDocument[];
  readonly options: ApplyOptions;
  /** Jobs as they will be; those of the documents are added as they come. */
  readonly lookup: JobLookup;
  readonly changes: CatalogChange[] = [];
  readonly history: NewHistoryEvent[] = [];
  readonly warnings: ErrorDetail[] = [];
  readonly #seen = new Set<string>();
  /** Those of the documents, by both forms of their full reference. */
  readonly #pipelines = new Map<string, Pipeline>();
  /** Pipelines that documents need, by full reference, with what says which one does. */
  readonly #uses = new Map<string, string>();

  constructor(context: CatalogContext, documents: readonly GivenDocument[], options: ApplyOptions) {
    this.context = context;
    this.documents = documents;
    this.options = options;
    this.lookup = new JobLookup(context.store);
  }

  /** Takes note of what a document is about, e.g. `Job build:v1`. Throws INVALID_DOCUMENT when another one was about it. */
  once(what: string, scope?: Scope): void {
    const key = seenKey(what, scope);
    if (this.#seen.has(key)) {
      throw new MflowError("INVALID_DOCUMENT", `${what} is there twice.`, [
        { path: "/metadata/name", message: `${what} is there twice; keep one` },
      ]);
    }
    this.#seen.add(key);
  }

  /** Whether a document is about it. */
  has(what: string, scope: Scope): boolean {
    return this.#seen.has(seenKey(what, scope));
  }

  /** Throws what the request says when the record that is stored must not be replaced. */
  checkStored(what: string, stored: Job | Pipeline | Schedule | undefined): void {
    if (!stored) return;
    if (this.options.only === "NEW") throw new MflowError("NAME_TAKEN", `${what} exists (${stored.id}).`);
    this.options.checkStored?.(stored);
  }

  /** A document needs a pipeline; `use` says so, e.g. `Pipeline shop extends it`. */
  need(reference: string, use: string): void {
    this.#uses.set(reference, use);
  }

  /** What a document does with a pipeline; nothing when none needs it. */
  useOf({ id, name, domain, namespace }: Pipeline): string | undefined {
    return (
      this.#uses.get(formatPipelineRef({ name, domain, namespace })) ??
      this.#uses.get(formatPipelineRef({ id }))
    );
  }

  addPipeline(pipeline: Pipeline): void {
    const { id, name, domain, namespace } = pipeline;
    this.#pipelines.set(formatPipelineRef({ id }), pipeline);
    this.#pipelines.set(formatPipelineRef({ name, domain, namespace }), pipeline);
  }

  /** A pipeline as it will be, once those of the documents were added. */
  async pipeline(ref: PipelineRef): Promise<Pipeline | undefined> {
    const { store } = this.context;
    const given = this.#pipelines.get(formatPipelineRef(ref));
    if (given) return given;
    return "id" in ref ? store.pipeline(ref.id) : store.findPipeline(ref, ref.name);
  }
}

function seenKey(what: string, scope: Scope | undefined): string {
  return scope ? `${what} ${scope.domain}/${scope.namespace}` : what;
}
