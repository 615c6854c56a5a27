// A cluster among the documents of an apply. Clusters are kept beside the catalogue, for they have no scope: they are
// checked with the other documents, and written once those are.

import { mustNameCluster } from "@mflow/core/default-cluster";
import { MflowError } from "@mflow/core/errors";
import type { Cluster, ClusterManifest, ClusterSpec } from "@mflow/core/schema/cluster";
import type { Applied, Applying, GivenDocument } from "./applying.ts";
import { type ComparedForms, compareForms } from "./compare-records.ts";

/** Where clusters are kept. */
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

export async function applyCluster(applying: Applying, manifest: ClusterManifest): Promise<Applied> {
  const { clusters, compare } = applying.options;
  const { metadata, spec } = manifest;
  const what = `Cluster ${metadata.name}`;
  if (!clusters) throw new MflowError("INVALID_DOCUMENT", `${what} cannot be applied here.`);
  clusters.mayWrite();
  applying.once(what);
  const { before, isSame, forms } = await clusters.check(metadata.name, spec);
  if (!isSame) applying.clusters.push(manifest);
  const action = isSame ? "UNCHANGED" : before ? "UPDATED" : "CREATED";
  const compared = compare && before && compareForms(forms.before, forms.after);
  return { kind: "Cluster", record: { name: metadata.name }, action, ...(compared && { compared }) };
}

/** A new cluster beside others changes what tasks may leave out. */
export function warnOfClusters(applying: Applying, applied: ReadonlyMap<GivenDocument, Applied>): void {
  const made = [...applied].filter(([, { kind, action }]) => kind === "Cluster" && action === "CREATED");
  const stored = applying.options.clusters?.names() ?? [];
  const message = mustNameCluster([...stored, ...made.map(([{ manifest }]) => manifest.metadata.name)]);
  const [document] = made.at(-1) ?? [];
  if (!document || message === undefined) return;
  applying.warnings.push(document.locate({ path: "/metadata/name", message, severity: "warning" }));
}
