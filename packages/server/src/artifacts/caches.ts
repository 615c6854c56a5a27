// Caches: rows in the state database, bytes in the store. Together they are bounded, and one that nobody uses goes.

import type { Readable } from "node:stream";
import { MflowError } from "@mflow/core/errors";
import type { Cache } from "@mflow/core/schema/cache";
import type { Scope } from "@mflow/core/schema/scalars";
import type { ArtifactRows, CacheAsked, CacheRow } from "../store/store.ts";
import type { ArtifactStore, ByteRange } from "./artifact-store.ts";
import { checkedArchive } from "./check-archive.ts";

export interface CacheParts {
  rows: ArtifactRows;
  bytes: ArtifactStore;
  newId(prefix: string): string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Bytes of one cache. */
  limit: number;
  /** Bytes of all together. */
  total: number;
  /** One that was not used for so long is removed, milliseconds. */
  ageMs: number;
}

export interface CachePlace {
  scope: Scope;
  /** Hash of the paths that are in it. */
  paths: string;
  key: string;
}

export class Caches {
  readonly #parts: CacheParts;

  constructor(parts: CacheParts) {
    this.#parts = parts;
  }

  /** The cache of the key, or else the newest that begins with the prefix. It counts as used. */
  use(asked: CacheAsked): Promise<CacheRow | undefined> {
    return this.#parts.rows.useCache(asked, this.#parts.now());
  }

  has(place: CachePlace): Promise<boolean> {
    return this.#parts.rows.hasCache(place);
  }

  /** Rejects with NOT_FOUND when it was removed meanwhile. */
  open({ blob }: CacheRow, range?: ByteRange): Promise<Readable> {
    return this.#parts.bytes.get(blob, range);
  }

  /** The file that has the bytes, where the store keeps files. */
  fileOf({ blob }: CacheRow): string | undefined {
    return this.#parts.bytes.fileOf?.(blob);
  }

  /**
   * Saves an archive. Without `replace` one that is there stays, and its bytes are not read. Answers whether it was
   * saved. Rejects with ARTIFACT_TOO_LARGE and ARTIFACT_REFUSED, and as the store does.
   */
  async save(place: CachePlace, replace: boolean, archive: AsyncIterable<Uint8Array>): Promise<boolean> {
    const { rows, bytes, newId, now, limit, total } = this.#parts;
    if (!replace && (await this.has(place))) return false;
    const blob = `caches/${newId("blob")}`;
    const stored = await bytes.put(
      blob,
      checkedArchive(archive, { mayLinkOut: true }),
      Math.min(limit, total),
    );
    const at = new Date(now()).toISOString();
    const row = {
      ...place.scope,
      key: place.key,
      paths: place.paths,
      ...stored,
      createdAt: at,
      usedAt: at,
      blob,
    };
    const { written, old } = await rows.putCache(row, replace);
    const unwanted = written ? old : blob;
    if (unwanted !== undefined) await bytes.remove(unwanted);
    await this.trim();
    return written;
  }

  async list(scope: Partial<Scope>): Promise<Cache[]> {
    return (await this.#parts.rows.listCaches(scope, 500)).map(({ blob: _blob, ...cache }) => cache);
  }

  /** Those of a key, or all of the scope; answers how many. Rejects with NOT_FOUND when none has the key. */
  async remove(scope: Partial<Scope>, key?: string): Promise<number> {
    const blobs = await this.#parts.rows.removeCaches(scope, key);
    if (key !== undefined && blobs.length === 0)
      throw new MflowError("NOT_FOUND", `There is no cache \`${key}\`.`);
    for (const blob of blobs) await this.#parts.bytes.remove(blob);
    return blobs.length;
  }

  /** Removes what nobody used for long, and the least recently used of what is too much. */
  async trim(): Promise<void> {
    const { rows, bytes, now, total, ageMs } = this.#parts;
    for (const blob of await rows.trimCaches(now() - ageMs, total)) await bytes.remove(blob);
  }
}
