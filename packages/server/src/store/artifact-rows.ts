// The part of the store's contract about artifacts and caches.

import type { Artifact } from "@mflow/core/schema/artifact";
import type { Cache } from "@mflow/core/schema/cache";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Page } from "./page.ts";

/** What is known of an artifact, and where its bytes are. Tasks that a rerun keeps have rows over the same bytes. */
export interface ArtifactRow extends Artifact {
  /** Run or lone task. */
  aggregateId: string;
  /** Key of its bytes. */
  blob: string;
}

/** What is known of a cache, and where its bytes are. */
export interface CacheRow extends Cache {
  /** Key of its bytes. */
  blob: string;
}

export interface CacheAsked {
  scope: Scope;
  /** Hash of the paths that are in it. */
  paths: string;
  key: string;
  /** When none has the key: the one that was saved last and whose key begins so. */
  prefix?: string;
}

/** What is known of artifacts and caches. Their bytes are elsewhere: methods that remove rows answer the keys of theirs. */
export interface ArtifactRows {
  /**
   * Writes a row, over one of the same task, attempt and name, whose blob is answered then, unless another row has it.
   * Rejects with NOT_FOUND when there is no such run or task any more, with ARTIFACT_REFUSED when the attempt has `most`
   * others. Durable when it resolves.
   */
  put(row: ArtifactRow, most: number): Promise<string | undefined>;
  /** That of an attempt, or of the newest attempt that has it. */
  find(taskId: string, name: string, attempt?: number): Promise<ArtifactRow | undefined>;
  /** All of this name in a run, of any attempt. */
  named(aggregateId: string, name: string): Promise<ArtifactRow[]>;
  /** By task, attempt and name. */
  list(of: { aggregateId: string } | { taskId: string }, page: PageOfRows): Promise<Page<ArtifactRow>>;
  /** Answers its blob, unless another row has it too. */
  remove(taskId: string, attempt: number, name: string): Promise<string | undefined>;
  /** Answers the blobs that no other row has. */
  removeOf(aggregateId: string): Promise<string[]>;
  /** At most `limit` rows whose time has come, those due first. */
  expired(now: number, limit: number): Promise<ArtifactRow[]>;
  /** When the next one is due, milliseconds since the epoch. */
  nextExpiry(): Promise<number | undefined>;
  /** Those of the keys that no artifact and no cache has. */
  strangers(blobs: readonly string[]): Promise<string[]>;

  /** Whether it was written: without `replace` one that is there stays. `old`: the blob of the one that it took the place of. */
  putCache(row: CacheRow, replace: boolean): Promise<{ written: boolean; old?: string }>;
  /** Notes the use, which the loss of power may undo. */
  useCache(asked: CacheAsked, now: number): Promise<CacheRow | undefined>;
  hasCache(asked: Omit<CacheAsked, "prefix">): Promise<boolean>;
  /** The last used ones first. */
  listCaches(scope: Partial<Scope>, limit: number): Promise<CacheRow[]>;
  /** Those of a key, or all of the scope. */
  removeCaches(scope: Partial<Scope>, key?: string): Promise<string[]>;
  /** Removes caches that were not used since `usedBefore`, and of the others the least recently used while all together are larger than `bytes`. */
  trimCaches(usedBefore: number, bytes: number): Promise<string[]>;
}

export interface PageOfRows {
  /** 1 to 500. */
  limit: number;
  cursor?: string;
}
