// What runners whose work is on this machine do with the store of artifacts and caches: bytes come and go as files.

import type { ArtifactKind, FetchSpec } from "@mflow/core/schema/artifact";
import type { AttemptRef } from "./runner.ts";

/** A file of this machine whose content is to be put into a workspace. It may be read, and nothing else. */
export interface GivenFile {
  file: string;
  kind: ArtifactKind;
  /** Folder of the workspace that the file, or the content of the archive, goes into; `.` is the workspace itself. */
  folder: string;
  /** Of a FILE: its name. */
  name: string;
  executable: boolean;
  /** Of the file's bytes. */
  sha256: string;
  /** For the log: what it is. */
  what: string;
}

export interface WantedCache {
  key: string;
  prefix?: string;
  /** Hash of the paths that are in it. */
  paths: string;
}

/** A cache that is put back: an archive of paths of the workspace. */
export interface GivenCache {
  file: string;
  /** Its key: the wanted one, or one that begins with the prefix. */
  key: string;
}

/** A file that a runner made of what an attempt keeps. */
export interface KeptFile {
  name: string;
  kind: ArtifactKind;
  path: string;
  executable: boolean;
  file: string;
  /** Of the file's bytes. */
  sha256: string;
  retentionMs?: number;
}

export interface KeptCache extends WantedCache {
  file: string;
  /** Also when there is one of the key. */
  replace: boolean;
}

/**
 * Rejects with UNAVAILABLE and STORE_FULL when another try may help; what is refused for good has a status below 500.
 * Everything may be asked again, also after a restart.
 */
export interface WorkFiles {
  /** What an attempt fetches, in order. Rejects with NOT_FOUND when something of it is not there. */
  fetch(ref: AttemptRef, wanted: readonly FetchSpec[]): Promise<GivenFile[]>;
  /** For each wanted cache the one that there is. */
  restore(ref: AttemptRef, wanted: readonly WantedCache[]): Promise<(GivenCache | undefined)[]>;
  /** Keeps artifacts; they are durable when it resolves. Of a deleted task nothing is kept. */
  keep(ref: AttemptRef, artifacts: readonly KeptFile[]): Promise<void>;
  /** Saves caches. What cannot be saved is no failure of the task. */
  save(ref: AttemptRef, caches: readonly KeptCache[]): Promise<void>;
  /** Path of a file for bytes that come in pieces before they are kept. What a server before this one had there is gone. */
  incoming(ref: AttemptRef, name: string): Promise<string>;
  /** The attempt has ended: files that were made for it may go. */
  forget(ref: AttemptRef): Promise<void>;
}
