// What tells caches apart besides their key: the paths that are in them.

import { createHash } from "node:crypto";

/** The same paths have the same hash in any order. */
export function cachePathsHash(paths: readonly string[]): string {
  return createHash("sha256")
    .update([...paths].sort().join("\0"))
    .digest("hex")
    .slice(0, 16);
}
