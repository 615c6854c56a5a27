// Settings among the documents of an apply: clusters and limits. They are kept beside the catalogue, for they have no scope:
// they are checked with the other documents, and written once those are.

import { mustNameCluster } from "@mflow/core/default-cluster";
import { MflowError } from "@mflow/core/errors";
import type { ClusterManifest, ClusterSpec } from "@mflow/core/schema/cluster";
import type { LimitManifest, LimitSpec } from "@mflow/core/schema/limit";
import type { Applied, Applying, GivenDocument } from "./applying.ts";
import { type ComparedForms, compareForms } from "./compare-records.ts";

/** Where one sort of settings is kept. */
export interface SettingsKeeper<Spec> {
  /** Throws FORBIDDEN when the actor may not write them. */
  mayWrite(): void;
  /** Of those that are stored. */
  names(): string[];
  /** What `put` would do. Rejects with INVALID_DOCUMENT that names all that is wrong. */
  check(name: string, spec: Spec): Promise<{ before?: unknown; isSame: boolean; forms: ComparedForms }>;
  put(name: string, spec: Spec, by: string): Promise<unknown>;
}

/** Left out: no document may be of that kind. */
export interface SettingsKeepers {
  clusters?: SettingsKeeper<ClusterSpec>;
  limits?: SettingsKeeper<LimitSpec>;
}

export function applyCluster(applying: Applying, manifest: ClusterManifest): Promise<Applied> {
  return applySettings(applying, manifest, applying.options.clusters);
}

export function applyLimit(applying: Applying, manifest: LimitManifest): Promise<Applied> {
  return applySettings(applying, manifest, applying.options.limits);
}

async function applySettings<Spec>(
  applying: Applying,
  { kind, metadata: { name }, spec }: { kind: "Cluster" | "Limit"; metadata: { name: string }; spec: Spec },
  keeper: SettingsKeeper<Spec> | undefined,
): Promise<Applied> {
  const { actor, compare } = applying.options;
  const what = `${kind} ${name}`;
  if (!keeper) throw new MflowError("INVALID_DOCUMENT", `${what} cannot be applied here.`);
  keeper.mayWrite();
  applying.once(what);
  const { before, isSame, forms } = await keeper.check(name, spec);
  if (!isSame) applying.settings.push(() => keeper.put(name, spec, actor));
  const action = isSame ? "UNCHANGED" : before ? "UPDATED" : "CREATED";
  const compared = compare && before !== undefined && compareForms(forms.before, forms.after);
  return { kind, record: { name }, action, ...(compared && { compared }) };
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
