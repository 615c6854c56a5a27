// The contract of the store of artifacts and caches: bytes under a key, written once. What they are is in the state
// database. artifact-store.conformance.ts tests each sentence here against every implementation.
//
// - A key is parts of letters, digits, `.`, `_` and `-`, joined by `/`; a key that is none rejects.
// - `put` resolves when the bytes survive the loss of power, and until then nobody sees them. When it rejects, or the
//   process dies, nothing is there under the key.
// - A second `put` of a key takes the place of the first; readers that have begun read on what they began with, or fail.
// - `remove` of what is not there does nothing.
// - Errors: ARTIFACT_TOO_LARGE above the limit, NOT_FOUND for a key that is not there, STORE_FULL when the disk is, and
//   UNAVAILABLE when the store cannot be reached: another try may help.

import type { Readable } from "node:stream";
import { MflowError } from "@mflow/core/errors";
import { readableSize } from "@mflow/core/readable-size";

/** What was stored. */
export interface Stored {
  /** Bytes. */
  size: number;
  /** Of the bytes, in hexadecimal digits. */
  sha256: string;
}

/** Something that is stored, as a list shows it. */
export interface StoredKey {
  key: string;
  size: number;
  /** Milliseconds since the epoch. */
  storedAt: number;
}

/** Part of the bytes: from the first to the last one, both counted, from 0. */
export interface ByteRange {
  from: number;
  /** Default: to the end. */
  to?: number;
}

export interface ArtifactStore {
  /** Reads the bytes to their end, at most `limit` of them. */
  put(key: string, bytes: AsyncIterable<Uint8Array>, limit: number): Promise<Stored>;
  get(key: string, range?: ByteRange): Promise<Readable>;
  stat(key: string): Promise<Omit<StoredKey, "key"> | undefined>;
  /** Everything whose key begins with the prefix, in any order. */
  list(prefix: string): AsyncIterable<StoredKey>;
  remove(key: string): Promise<void>;
  /** What processes that are gone began to put below the prefix before a time, milliseconds since the epoch; absent: nothing. */
  removeUnfinished?(prefix: string, before: number): Promise<void>;
  /** The file that has the bytes, where they are in files of this machine. Nobody may change it. */
  fileOf?(key: string): string;
}

/** The key, when it is one. */
export function checkedKey(key: string): string {
  const isKey = key.length <= 900 && /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(key);
  if (isKey) return key;
  throw new MflowError("BAD_REQUEST", `'${key}' is no key of stored bytes`);
}

/** The refusal of what is larger than `limit` bytes. */
export function tooLarge(limit: number): MflowError {
  return new MflowError("ARTIFACT_TOO_LARGE", `it is larger than ${readableSize(limit)}`);
}
