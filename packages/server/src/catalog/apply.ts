// Applies manifests: all of them, or none when one is bad. What a document of each kind comes to is said in a file of
// its own; here is their order, what is refused together, and what is pruned.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { refuseProblems } from "@mflow/core/refuse-problems";
import { applyJob } from "./apply-job.ts";
import { applyPipeline } from "./apply-pipeline.ts";
import { applySchedule } from "./apply-schedule.ts";
import { applyCluster, applyLimit, warnOfClusters } from "./apply-settings.ts";
import { type Applied, Applying, type ApplyOptions, type GivenDocument } from "./applying.ts";
import { type CatalogContext, change, type Plan } from "./context.ts";
import { jobTitle } from "./job-record.ts";
import { sealedTextProblems } from "./masked-values.ts";
import { type Pruned, planPrune } from "./prune.ts";

export interface ApplyOutcome {
  documents: Applied[];
  /** With `prune` alone. */
  pruned?: Pruned[];
  warnings: ErrorDetail[];
}

/**
 * Creates or changes the jobs, pipelines, schedules, clusters and limits of manifests, in one commit. What is as its
 * manifest says is left alone. Rejects with the error of the one bad document, or INVALID_DOCUMENT with all problems; then nothing
 * was written.
 */
export async function applyManifests(
  context: CatalogContext,
  documents: readonly GivenDocument[],
  options: ApplyOptions,
): Promise<ApplyOutcome> {
  return change(context, () => planApply(new Applying(context, documents, options)));
}

async function planApply(applying: Applying): Promise<Plan<ApplyOutcome>> {
  const { documents, options, changes, history, warnings } = applying;
  const applied = await applyAll(applying);
  warnOfClusters(applying, applied);
  const pruned = await prune(applying);
  const answer = {
    documents: documents.flatMap((document) => applied.get(document) ?? []),
    ...(pruned && { pruned }),
    warnings,
  };
  if (options.dryRun || options.compare) return { changes: [], history: [], answer };
  return { changes, history, answer };
}

/** What became of each document; throws when one is bad. */
async function applyAll(applying: Applying): Promise<ReadonlyMap<GivenDocument, Applied>> {
  const applied = new Map<GivenDocument, Applied>();
  const refusals: MflowError[] = [];
  // Jobs first: pipelines refer to them, and schedules to those, wherever they stand in the files.
  for (const kind of ["Job", "Pipeline", "Schedule", "Cluster", "Limit"] as const) {
    for (const document of applying.documents) {
      if (document.manifest.kind !== kind) continue;
      try {
        applied.set(document, await applyOne(applying, document));
      } catch (error) {
        // The others are looked at too.
        refusals.push(refusalOf(document, error));
      }
    }
  }
  refuse(refusals);
  return applied;
}

function applyOne(applying: Applying, document: GivenDocument): Promise<Applied> {
  const { manifest } = document;
  refuseProblems(sealedTextProblems(manifest, applying.context.vault));
  switch (manifest.kind) {
    case "Job":
      return applyJob(applying, document, manifest);
    case "Pipeline":
      return applyPipeline(applying, document, manifest);
    case "Schedule":
      return applySchedule(applying, manifest);
    case "Cluster":
      return applyCluster(applying, manifest);
    case "Limit":
      return applyLimit(applying, manifest);
  }
}

/** The refusal of a document, with the place of all that is wrong; throws what is no refusal. */
function refusalOf(document: GivenDocument, error: unknown): MflowError {
  if (!(error instanceof MflowError) || error.status >= 500) throw error;
  const details = error.details.length > 0 ? error.details : [{ path: "", message: error.message }];
  return new MflowError(error.code, error.message, details.map(document.locate));
}

function refuse(refusals: readonly MflowError[]): void {
  const [first, ...others] = refusals;
  if (!first) return;
  if (others.length === 0) throw first;
  const details = refusals.flatMap((refusal) => refusal.details);
  const isSame = others.every((other) => other.code === first.code);
  const message = `${refusals.length} documents cannot be applied; nothing was stored. ${first.message}`;
  throw new MflowError(isSame ? first.code : "INVALID_DOCUMENT", message, details);
}

async function prune(applying: Applying): Promise<Pruned[] | undefined> {
  const { context, options, changes } = applying;
  if (!options.prune) return undefined;
  options.prune.mayPrune();
  const plan = await planPrune(context, options.scope, options.prune.labels, {
    has: (kind, record) =>
      applying.has(`${kind} ${"version" in record ? jobTitle(record) : record.name}`, record),
    use: (pipeline) => applying.useOf(pipeline),
  });
  changes.push(...plan.changes);
  return plan.pruned;
}
