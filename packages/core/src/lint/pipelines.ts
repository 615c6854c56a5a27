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

function sourceOfManifest({ metadata, spec }: PipelineManifest, scope: Scope): PipelineSource {
  return { name: metadata.name, scope: scopeOf(metadata, scope), spec };
}

export function fullName({ name, scope }: PipelineSource): string {
  return formatPipelineRef({ name, ...scope });
}

export class PipelineLookup {
  readonly #context: Pick<LintContext, "scope" | "findPipeline">;
  readonly #documents = new Map<string, PipelineManifest>();
  readonly #findings = new Map<string, Finding[]>();
  readonly #together = new Map<PipelineManifest, PutTogether>();

  constructor(documents: readonly ParsedDocument[], context: Pick<LintContext, "scope" | "findPipeline">) {
    this.#context = context;
    for (const { manifest } of documents) {
      if (manifest.kind !== "Pipeline") continue;
      this.#documents.set(fullName(sourceOfManifest(manifest, context.scope)), manifest);
    }
  }

  #find(name: string): PipelineSource | undefined {
    const manifest = this.#documents.get(name);
    return manifest ? sourceOfManifest(manifest, this.#context.scope) : this.#context.findPipeline?.(name);
  }

  /** What `rules` find in the pipeline of a full name; nothing when it is not among the documents. */
  findingsOf(name: string, rules: (manifest: PipelineManifest) => Iterable<Finding>): readonly Finding[] {
    const known = this.#findings.get(name);
    if (known) return known;
    const manifest = this.#documents.get(name);
    const found = manifest ? [...rules(manifest)] : [];
    this.#findings.set(name, found);
    return found;
  }

  putTogether(manifest: PipelineManifest): PutTogether {
    const known = this.#together.get(manifest);
    if (known) return known;
    const source = sourceOfManifest(manifest, this.#context.scope);
    const together = putTogether(source, (name) => this.#find(name));
    this.#together.set(manifest, together);
    return together;
  }
}
