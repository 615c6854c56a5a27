// The key of a cache whose files are in a pod: which files to ask it for, and the key that their hashes make. It is the one
// that the same files have on the server's machine, so that SHELL and K8S_JOB tasks share caches.

import { createHash } from "node:crypto";
import { matchesGlob } from "node:path";
import { plainPath } from "@mflow/core/workspace-path";

/** Files whose content makes a key. */
const MOST_FILES = 1000;
const SHORT_HASH = 40;

/** A pattern of `find -path` that fits at least what the glob does; there `*` fits `/` as well. */
export function findPattern(glob: string): string {
  const wide = plainPath(glob)
    .replace(/[@?*+!]\([^)]*\)|\{[^}]*\}/g, "*")
    .replace(/\*\*\//g, "*")
    .replace(/\*+/g, "*");
  return `./${wide}`;
}

export interface PodKey {
  key: string;
  /** No file fits: what the key is made of is missing. */
  isBare: boolean;
}

/** `hashes`: what sha256sum says of files, a line for each. Throws a sentence when there are too many. */
export function podCacheKey(prefix: string | undefined, globs: readonly string[], hashes: string): PodKey {
  if (globs.length === 0) return { key: prefix ?? "default", isBare: false };
  const plain = globs.map(plainPath);
  const found = new Map<string, string>();
  for (const line of hashes.split("\n")) {
    const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (hash === undefined || name === undefined) continue;
    if (plain.some((glob) => matchesGlob(name, glob))) found.set(name, hash);
  }
  if (found.size > MOST_FILES) {
    throw new Error(`more than ${MOST_FILES} files fit ${globs.map((text) => `\`${text}\``).join(", ")}`);
  }
  const all = createHash("sha256");
  for (const name of [...found.keys()].sort()) all.update(`${name}\0${found.get(name)}\n`);
  const last = found.size === 0 ? "default" : all.digest("hex").slice(0, SHORT_HASH);
  return { key: prefix === undefined ? last : `${prefix}-${last}`, isBare: found.size === 0 };
}
