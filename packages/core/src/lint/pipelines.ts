// Pipelines that extend others, put together so that the rules see what will run. What is extended is looked for among
// the documents first and among the stored pipelines then.

import { type PipelineSource, type PutTogether, putTogether } from "../extend-pipeline.ts";
import type { ParsedDocument } from "../manifest.ts";
import { formatPipelineRef } from "../reference.ts";
import type { PipelineManifest } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";
import { type LintContext, scopeOf } from "./context.ts";
import type { Finding } from "./finding.ts";

/** The pipelines among documents, as what is put together. */
export function sourcesOf(documents: readonly ParsedDocument[], scope: Scope): PipelineSource[] {
  return documents.flatMap(({ manifest }) =>
    manifest.kind === "Pipeline" ? [sourceOfManifest(manifest, scope)] : [],
  );
}

/** A pipeline as it stands in its document; its scope, where it names none, is that of the request. */
export function sourceOfManifest({ metadata, spec }: PipelineManifest, scope: Scope): PipelineSource {
  return { name: metadata.name, scope: scopeOf(metadata, scope), spec };
}

/** E.g. `shop@web.corp`. */
export function fullName({ name, scope }: PipelineSource): string {
  return formatPipelineRef({ name, ...scope });
}

export class PipelineLookup {
  readonly #stored: LintContext["findPipeline"];
  readonly #documents: ReadonlyMap<string, PipelineSource>;
  /** Full names of documents of which only a part could be read: who extends them is not checked. */
  readonly #broken: ReadonlySet<string>;
  readonly #together = new Map<PipelineSource["spec"], PutTogether>();
  readonly #findings = new Map<string, Finding[]>();

  constructor(documents: readonly ParsedDocument[], context: Pick<LintContext, "scope" | "findPipeline">) {
    const sources = sourcesOf(documents, context.scope);
    this.#documents = new Map(sources.map((source) => [fullName(source), source]));
    this.#stored = context.findPipeline;
    const broken = documents.filter((document) => document.broken);
    this.#broken = new Set(sourcesOf(broken, context.scope).map(fullName));
  }

  putTogether(source: PipelineSource): PutTogether {
    const known = this.#together.get(source.spec);
    if (known) return known;
    let isOfBroken = false;
    const find = (name: string) => {
      isOfBroken ||= this.#broken.has(name);
      return this.#documents.get(name) ?? this.#stored?.(name);
    };
    const found = putTogether(source, find);
    const together = isOfBroken ? { problems: [] } : found;
    this.#together.set(source.spec, together);
    return together;
  }

  /** What `rules` find in the pipeline of a full name by itself. */
  findingsOf(name: string, rules: (source: PipelineSource) => Iterable<Finding>): readonly Finding[] {
    const known = this.#findings.get(name);
    if (known) return known;
    const source = this.#documents.get(name) ?? this.#stored?.(name);
    const found = source ? [...rules(source)] : [];
    this.#findings.set(name, found);
    return found;
  }

  isDocument(name: string): boolean {
    return this.#documents.has(name);
  }
}
