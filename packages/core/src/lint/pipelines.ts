// The pipelines that schedules name: looked for among the documents first and among the stored ones then.

import { MflowError } from "../errors.ts";
import type { ParsedDocument } from "../manifest.ts";
import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import { formatPipelineRef, type PipelineRef, parsePipelineRef } from "../reference.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";
import { type LintContext, scopeOf } from "./context.ts";

/** What a reference comes to: the pipeline, as far as it is known, and what is wrong with referring to it. */
export interface PipelineResolution {
  pipeline?: { spec: PipelineSpec; scope: Scope };
  error?: string;
  warning?: string;
}

export class PipelineLookup {
  readonly #context: LintContext;
  readonly #documents = new Map<string, { spec: PipelineSpec; scope: Scope; name: string }>();

  constructor(documents: readonly ParsedDocument[], context: LintContext) {
    this.#context = context;
    for (const { manifest } of documents) {
      if (manifest.kind !== "Pipeline") continue;
      const { name } = manifest.metadata;
      const scope = scopeOf(manifest.metadata, context.scope);
      this.#documents.set(formatPipelineRef({ name, ...scope }), { spec: manifest.spec, scope, name });
    }
  }

  resolve(text: string, callerScope: Scope): PipelineResolution {
    let ref: PipelineRef;
    try {
      ref = parsePipelineRef(text, callerScope);
    } catch (cause) {
      if (!(cause instanceof MflowError)) throw cause;
      return { error: cause.message };
    }
    const full = formatPipelineRef(ref);
    const document = this.#documents.get(full);
    if (document) return { pipeline: document };
    const { findPipeline, pipelineNames = [] } = this.#context;
    if (!findPipeline) {
      const rest = "so whether it exists and which params it takes was not checked";
      return { warning: `pipeline ${quoted(text)} is not among these documents, ${rest}` };
    }
    const stored = findPipeline(full);
    if (stored) return { pipeline: { spec: stored.spec, scope: stored } };
    if ("id" in ref)
      return { error: `there is no pipeline with the id ${quoted(ref.id)}; name the pipeline` };
    const names = new Set(pipelineNames);
    for (const { name, scope } of this.#documents.values())
      if (scope.namespace === ref.namespace && scope.domain === ref.domain) names.add(name);
    names.delete(ref.name);
    const remedy = didYouMean(ref.name, names) || "; apply it first, or correct the name";
    const where = `in namespace \`${ref.namespace}.${ref.domain}\``;
    return { error: `there is no pipeline ${quoted(ref.name)} ${where}${remedy}` };
  }
}

/**
 * The pipelines that the schedules among the documents name, in their full form and each once, for a caller that looks
 * them up before `lint`. References that cannot be read are left out.
 */
export function pipelineRefsOf(documents: readonly ParsedDocument[], scope: Scope): string[] {
  const refs = new Set<string>();
  for (const { manifest } of documents) {
    if (manifest.kind !== "Schedule") continue;
    try {
      refs.add(
        formatPipelineRef(parsePipelineRef(manifest.spec.pipeline, scopeOf(manifest.metadata, scope))),
      );
    } catch (cause) {
      if (!(cause instanceof MflowError)) throw cause;
    }
  }
  return [...refs];
}
