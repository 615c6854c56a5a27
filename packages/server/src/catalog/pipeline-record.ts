// What applying a manifest makes of a pipeline: a new one, a changed one, or nothing.

import { canonicalJson } from "@mflow/core/digest";
import type { JobSnapshot } from "@mflow/core/schema/job";
import type {
  GivenPipelineSpec,
  Pipeline,
  PipelineManifest,
  PipelineSpec,
} from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import { sealPipelineSpec } from "@mflow/core/sealing";
import type { CatalogContext } from "./context.ts";
import { describing, scopeOf } from "./describing.ts";
import type { RecordAction } from "./job-record.ts";
import { pipelineMeaning } from "./sameness.ts";

/**
 * The pipeline as a manifest makes it. `spec` is the manifest's, with masked values restored, `whole` what it is put
 * together to.
 */
export function pipelineFrom(
  context: CatalogContext,
  manifest: PipelineManifest,
  { spec, whole }: { spec: GivenPipelineSpec; whole: PipelineSpec },
  jobs: ReadonlyMap<string, Pick<JobSnapshot, "spec">>,
  scope: Scope,
  stored: Pipeline | undefined,
  actor: string,
): { pipeline: Pipeline; action: RecordAction } {
  const now = context.now();
  const sealed = sealPipelineSpec(spec, jobs, context.vault.seal, [], whole);
  if (!stored) {
    const pipeline: Pipeline = {
      id: context.newId("pipeline"),
      ...scopeOf(manifest.metadata, scope),
      name: manifest.metadata.name,
      ...describing(manifest.metadata),
      spec: sealed,
      revision: 1,
      createdBy: actor,
      createdAt: now,
      updatedAt: now,
    };
    return { pipeline, action: "CREATED" };
  }
  const isSame =
    pipelineMeaning(stored.spec, context.vault) === pipelineMeaning(sealed, context.vault) &&
    canonicalJson(describing(stored)) === canonicalJson(describing(manifest.metadata));
  if (isSame) return { pipeline: stored, action: "UNCHANGED" };
  const { id, domain, namespace, name, revision, createdBy, createdAt } = stored;
  const pipeline: Pipeline = {
    id,
    domain,
    namespace,
    name,
    ...describing(manifest.metadata),
    spec: sealed,
    revision: revision + 1,
    createdBy,
    createdAt,
    updatedAt: now,
  };
  return { pipeline, action: "UPDATED" };
}
