// The pipelines that schedules and other pipelines name: looked for among the documents first and among the stored ones then.

import { MflowError } from "../errors.ts";
import type { PipelineSource } from "../extend-pipeline.ts";
import type { ParsedDocument } from "../manifest.ts";
import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import { formatPipelineRef, type PipelineRef, parsePipelineRef } from "../reference.ts";
import type { Scope } from "../schema/scalars.ts";
import { type LintContext, scopeOf } from "./context.ts";
import { fullName, sourcesOf } from "./pipelines.ts";

/** What a reference comes to: the pipeline as it was given, and what is wrong with referring to it. */
export interface PipelineResolution {
  pipeline?: PipelineSource;
  /** It is one of the documents. */
  isDocument?: boolean;
  error?: string;
  warning?: string;
}

export class KnownPipelines {
  readonly #context: Pick<LintContext, "findPipeline" | "pipelineNames">;
  readonly #documents: ReadonlyMap<string, PipelineSource>;

  constructor(
    documents: readonly ParsedDocument[],
    context: Pick<LintContext, "scope" | "findPipeline" | "pipelineNames">,
  ) {
    this.#context = context;
    this.#documents = new Map(
      sourcesOf(documents, context.scope).map((source) => [fullName(source), source]),
    );
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
    if (document) return { pipeline: document, isDocument: true };
    const { findPipeline, pipelineNames = [] } = this.#context;
    if (!findPipeline) {
      const rest = "so whether it exists and which params it takes was not checked";
      return { warning: `pipeline ${quoted(text)} is not among these documents, ${rest}` };
    }
    const stored = findPipeline(full);
    // By its id, too, one of the documents is meant as the document says.
    const meant = stored && this.#documents.get(fullName(stored));
    if (stored) return { pipeline: meant ?? stored, isDocument: meant !== undefined };
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

/** The full form of a reference; nothing when it cannot be read. */
export function fullPipelineRef(reference: string, scope: Scope): string | undefined {
  try {
    return formatPipelineRef(parsePipelineRef(reference, scope));
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return undefined;
  }
}

/**
 * The pipelines that the schedules among the documents name, in their full form and each once, for a caller that looks
 * them up before `lint`. References that cannot be read are left out.
 */
export function pipelineRefsOf(documents: readonly ParsedDocument[], scope: Scope): string[] {
  const refs = documents.flatMap(({ manifest }) =>
    manifest.kind === "Schedule"
      ? (fullPipelineRef(manifest.spec.pipeline, scopeOf(manifest.metadata, scope)) ?? [])
      : [],
  );
  return [...new Set(refs)];
}
