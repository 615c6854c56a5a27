// The part of a record that describes it and does nothing: labels, texts, icon, extension; and its scope.

import type { JobMetadata } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";

export type Describing = Pick<
  JobMetadata,
  "labels" | "displayName" | "description" | "readme" | "icon" | "extension"
>;

/** The describing part of a manifest's metadata or of a record; what is empty is left out. */
export function describing(source: Describing): Describing {
  const part: Describing = {};
  for (const key of ["displayName", "description", "readme", "icon"] as const) {
    if (source[key]) part[key] = source[key];
  }
  for (const key of ["labels", "extension"] as const) {
    const map = source[key];
    if (map && Object.keys(map).length > 0) part[key] = map;
  }
  return part;
}

/** The scope that metadata names; what it leaves out comes from `scope`. */
export function scopeOf(metadata: { domain?: string; namespace?: string }, scope: Scope): Scope {
  return {
    domain: metadata.domain ?? scope.domain,
    namespace: metadata.namespace ?? scope.namespace,
  };
}
