// Whether a pipeline may be run by tasks of others, which get what it puts out.

import type { ParsedDocument } from "../manifest.ts";
import { parsePipelineRef } from "../reference.ts";
import { templateReferences } from "../render.ts";
import type { JobSpec } from "../schema/job.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import type { LintContext } from "./context.ts";

/** The pipeline that a PIPELINE job runs, as it is written; nothing of other jobs. */
export function pipelineRunBy({ runnerType, runnerSpec }: JobSpec): string | undefined {
  const { pipeline } = runnerSpec as { pipeline?: unknown };
  return runnerType === "PIPELINE" && typeof pipeline === "string" ? pipeline : undefined;
}

/**
 * Answers for a pipeline of this name whether tasks may run it. Who could is not known without a store, and then it may
 * be. The scope does not count: where a name leads depends on the pipeline that the job is used in.
 */
export function parentsOf(
  documents: readonly ParsedDocument[],
  { pipelinesRun }: Pick<LintContext, "pipelinesRun">,
): (name: string) => boolean {
  if (!pipelinesRun) return () => true;
  const own = documents.flatMap(({ manifest }) =>
    manifest.kind === "Job" ? (pipelineRunBy(manifest.spec) ?? []) : [],
  );
  const references = [...pipelinesRun, ...own];
  return (name) => references.some((reference) => mayMean(reference, name));
}

function mayMean(reference: string, name: string): boolean {
  if (templateReferences({ reference }).length > 0) return true;
  try {
    const ref = parsePipelineRef(reference, DEFAULT_SCOPE);
    return "id" in ref || ref.name === name;
  } catch {
    // It leads nowhere, and is told where it is written.
    return false;
  }
}
