// What applying a manifest makes of a schedule: a new one, a changed one, or nothing.

import { canonicalJson } from "@mflow/core/digest";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule, ScheduleManifest, ScheduleSpec } from "@mflow/core/schema/schedule";
import { sealValues } from "@mflow/core/sealing";
import type { CatalogContext } from "./context.ts";
import { describing, scopeOf } from "./describing.ts";
import type { RecordAction } from "./job-record.ts";
import { scheduleMeaning } from "./sameness.ts";

/**
 * The schedule as a manifest makes it. `spec` is the manifest's, with masked values restored; `sensitive` are the params
 * whose values are sealed. Who changes the spec becomes its owner: its runs do what they said, with their rights.
 */
export function scheduleFrom(
  context: CatalogContext,
  manifest: ScheduleManifest,
  spec: ScheduleSpec,
  sensitive: ReadonlySet<string>,
  scope: Scope,
  stored: Schedule | undefined,
  actor: string,
): { schedule: Schedule; action: RecordAction } {
  const now = context.now();
  const sealed = spec.runParams
    ? { ...spec, runParams: sealValues(spec.runParams, sensitive, context.vault.seal) }
    : spec;
  const described = describing(manifest.metadata);
  if (!stored) {
    const schedule: Schedule = {
      id: context.newId("schedule"),
      ...scopeOf(manifest.metadata, scope),
      name: manifest.metadata.name,
      ...described,
      spec: sealed,
      owner: actor,
      revision: 1,
      createdBy: actor,
      createdAt: now,
      updatedAt: now,
    };
    return { schedule, action: "CREATED" };
  }
  const isSameSpec = scheduleMeaning(stored.spec, context.vault) === scheduleMeaning(sealed, context.vault);
  if (isSameSpec && canonicalJson(describing(stored)) === canonicalJson(described)) {
    return { schedule: stored, action: "UNCHANGED" };
  }
  const { id, domain, namespace, name, revision, createdBy, createdAt } = stored;
  const schedule: Schedule = {
    ...{ id, domain, namespace, name },
    ...described,
    spec: isSameSpec ? stored.spec : sealed,
    owner: isSameSpec ? stored.owner : actor,
    revision: revision + 1,
    createdBy,
    createdAt,
    updatedAt: now,
  };
  return { schedule, action: "UPDATED" };
}
