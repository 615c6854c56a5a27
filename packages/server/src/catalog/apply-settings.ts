// Settings among the documents of an apply: clusters and limits. They have no scope, and who works with them has them in
// memory; they are checked and written with the other documents.

import { mustNameCluster } from "@mflow/core/default-cluster";
import { MflowError } from "@mflow/core/errors";
import type { Cluster, ClusterManifest } from "@mflow/core/schema/cluster";
import type { NewHistoryEvent } from "@mflow/core/schema/event";
import type { Limit, LimitManifest } from "@mflow/core/schema/limit";
import type { CatalogChange } from "../store/store.ts";
import type { Applied, Applying, GivenDocument } from "./applying.ts";
import { type ComparedForms, compareForms } from "./compare-records.ts";

/** What one document comes to. */
export interface SettingsPlan<Stored> {
  /** What is stored under the name. */
  before?: unknown;
  /** Whether that says the same. */
  isSame: boolean;
  forms: ComparedForms;
  /** What is to be written. */
  record: Stored;
  expectedRevision: number;
  history: NewHistoryEvent[];
}

/** Who works with one sort of settings. */
export interface SettingsKeeper<Stored extends { spec: unknown }> {
  /** Throws FORBIDDEN when the actor may not write them. */
  mayWrite(): void;
  /** Of those that are stored. */
  names(): string[];
  /** Rejects with INVALID_DOCUMENT that names all that is wrong. */
  plan(name: string, spec: Stored["spec"], by: string): Promise<SettingsPlan<Stored>>;
}

/** Left out: no document may be of that kind. */
export interface SettingsKeepers {
  clusters?: SettingsKeeper<Cluster>;
  limits?: SettingsKeeper<Limit>;
}

/** What becomes of a cluster's document; it is written once all documents were checked. */
export function applyCluster(applying: Applying, manifest: ClusterManifest): Promise<Applied> {
  return applySettings(applying, manifest, applying.options.clusters, (cluster, expectedRevision) => ({
    put: "cluster",
    cluster,
    expectedRevision,
  }));
}

/** The same of a limit's document. */
export function applyLimit(applying: Applying, manifest: LimitManifest): Promise<Applied> {
  return applySettings(applying, manifest, applying.options.limits, (limit, expectedRevision) => ({
    put: "limit",
    limit,
    expectedRevision,
  }));
}

async function applySettings<Stored extends { spec: unknown }>(
  applying: Applying,
  {
    kind,
    metadata: { name },
    spec,
  }: { kind: "Cluster" | "Limit"; metadata: { name: string }; spec: Stored["spec"] },
  keeper: SettingsKeeper<Stored> | undefined,
  changeOf: (record: Stored, expectedRevision: number) => CatalogChange,
): Promise<Applied> {
  const { actor, compare } = applying.options;
  const what = `${kind} ${name}`;
  if (!keeper) throw new MflowError("INVALID_DOCUMENT", `${what} cannot be applied here.`);
  keeper.mayWrite();
  applying.once(what);
  const planned = await keeper.plan(name, spec, actor);
  const { before, isSame, forms } = planned;
  if (!isSame) {
    applying.changes.push(changeOf(planned.record, planned.expectedRevision));
    applying.history.push(...planned.history);
  }
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
