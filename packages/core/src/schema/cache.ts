// Caches: files that save later runs work, such as downloaded packages. A cache may be gone at any time; artifacts are
// for what must not be lost.

import type { Static } from "typebox";
import { KeepWhen, WorkspacePath } from "./artifact.ts";
import { closed, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const CacheKey = closed(
  {
    prefix: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
        maxLength: 128,
        description:
          "Begins the key, and finds the newest cache when none has the whole key: letters, digits, `.`, `_` and `-`.",
      }),
    ),
    files: Type.Optional(
      Type.Array(WorkspacePath, {
        maxItems: 16,
        description:
          "Globs of files, e.g. `package-lock.json` or `**/go.sum`: a hash of their content ends the key.",
      }),
    ),
  },
  { description: "What tells one content of the cache from another." },
);
export type CacheKey = Static<typeof CacheKey>;

export const CacheSpec = closed(
  {
    key: CacheKey,
    paths: Type.Array(WorkspacePath, {
      minItems: 1,
      maxItems: 32,
      description: "Files and folders that are kept; those that are not there are passed over.",
    }),
    when: Type.Optional(KeepWhen),
  },
  { description: "Files that are put back before the steps, and saved after them for the next time." },
);
export type CacheSpec = Static<typeof CacheSpec>;

export const CacheSpecs = Type.Union([
  CacheSpec,
  Type.Array(CacheSpec, { minItems: 1, maxItems: 8, description: "Several." }),
]);
export type CacheSpecs = Static<typeof CacheSpecs>;

export const cacheProperties = {
  cache: Type.Optional(titled("What it need not make anew each time.", CacheSpecs)),
};

/** One cache or several, as a list. */
export function cacheList(caches: CacheSpecs | undefined): CacheSpec[] {
  if (caches === undefined) return [];
  return Array.isArray(caches) ? caches : [caches];
}

/** A stored cache, without its bytes. */
export const Cache = closed(
  {
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    key: Type.String({ description: "Prefix and hash." }),
    paths: Type.String({ description: "Hash of the `paths` that it holds: others never get it." }),
    size: Type.Integer({ description: "Bytes as they are stored." }),
    sha256: Type.String({ description: "Hash of the bytes as they are stored." }),
    createdAt: titled("When it was saved.", Timestamp),
    usedAt: titled("When it was last put back; the least recently used ones are removed first.", Timestamp),
  },
  { description: "A stored cache." },
);
export type Cache = Static<typeof Cache>;

const Key = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$",
  maxLength: 256,
  description: "Letters, digits, `.`, `_` and `-`.",
});

const paths = Type.Optional(titled("Tells what is in it: others never get it (default `default`).", Key));

export const CacheUseQuery = closed({
  prefix: Type.Optional(titled("When none has the key: the newest whose key begins so.", Key)),
  paths,
});

export const CacheSaveQuery = closed({
  paths,
  replace: Type.Optional(
    Type.Boolean({ description: "Also when there is one of the key (default: it stays)." }),
  ),
});

export const CacheSaved = closed({
  saved: Type.Boolean({ description: "`false`: there was one of the key already." }),
});
export type CacheSaved = Static<typeof CacheSaved>;

export const CacheList = closed({
  items: Type.Array(Cache, { description: "The last used ones first." }),
});
export type CacheList = Static<typeof CacheList>;

export const CachesRemoved = closed({ removed: Type.Integer({ description: "How many were removed." }) });
export type CachesRemoved = Static<typeof CachesRemoved>;
