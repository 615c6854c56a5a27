// The key of a cache: its prefix, and a hash of the files that decide what belongs into it.

import { createHash } from "node:crypto";
import { createReadStream, lstatSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import type { CachePlan } from "./protocol.ts";
import { demandInside } from "./workspace-path.ts";

/** Files whose content makes a key. */
const MOST_FILES = 1000;
const SHORT_HASH = 40;

export interface FoundKey {
  key: string;
  /** No file fits: what the key is made of is missing. */
  isBare: boolean;
}

/** Rejects with a sentence when there are too many files, or one cannot be read. */
export async function cacheKeyOf({ prefix, files }: CachePlan, workspace: string): Promise<FoundKey> {
  if (files.length === 0) return { key: prefix ?? "default", isBare: false };
  const names = await findFiles(files, workspace);
  const hash = createHash("sha256");
  for (const name of names) {
    const content = createHash("sha256");
    for await (const chunk of createReadStream(join(workspace, name))) content.update(chunk);
    hash.update(`${name}\0${content.digest("hex")}\n`);
  }
  const last = names.length === 0 ? "default" : hash.digest("hex").slice(0, SHORT_HASH);
  return { key: prefix === undefined ? last : `${prefix}-${last}`, isBare: names.length === 0 };
}

/** Plain files that fit a glob, by name. */
async function findFiles(globs: readonly string[], workspace: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const name of glob([...globs], { cwd: workspace })) {
    if (!lstatSync(join(workspace, name)).isFile()) continue;
    demandInside(workspace, name);
    found.add(name);
    if (found.size > MOST_FILES) {
      throw new Error(`more than ${MOST_FILES} files fit ${globs.map((text) => `\`${text}\``).join(", ")}`);
    }
  }
  return [...found].sort();
}
