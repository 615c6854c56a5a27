// Artifacts and caches as files below a folder. Bytes are written aside, synced, and get their name at once: a file that
// has its name is whole.

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import { type ArtifactStore, checkedKey, type StoredKey } from "./artifact-store.ts";
import { counted } from "./counted.ts";

/** Where bytes lie while they come in. */
const INCOMING = ".incoming";
/** How often a folder may be removed while a file is put into it. */
const NAME_TRIES = 20;

/** Opens the folder, made when it is missing; what an earlier process did not finish is removed. One server at a time. */
export async function openFolderStore(folder: string): Promise<ArtifactStore> {
  const incoming = join(folder, INCOMING);
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  const fileOf = (key: string) => join(folder, checkedKey(key));

  return {
    fileOf,
    async put(key, bytes, limit) {
      const path = fileOf(key);
      const draft = join(incoming, randomBytes(12).toString("hex"));
      const { bytes: through, stored } = counted(bytes, limit);
      try {
        const file = await open(draft, "wx", 0o600);
        try {
          for await (const chunk of through) await writeWhole(file, chunk);
          await file.sync();
        } finally {
          await file.close();
        }
        await giveName(draft, path);
        await syncFolders(dirname(path), folder);
        return stored();
      } catch (error) {
        await rm(draft, { force: true });
        throw named(error);
      }
    },
    async get(key, range) {
      const file = await open(fileOf(key)).catch((error: unknown) => {
        throw isMissing(error) ? notFound(key) : named(error);
      });
      return file.createReadStream(
        range ? { start: range.from, ...(range.to !== undefined && { end: range.to }) } : {},
      );
    },
    async stat(key) {
      try {
        const { size, mtimeMs } = await stat(fileOf(key));
        return { size, storedAt: mtimeMs };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw named(error);
      }
    },
    list: (prefix) => walk(folder, "", prefix),
    async remove(key) {
      const path = fileOf(key);
      await rm(path, { force: true });
      await removeEmpty(dirname(path), folder);
    },
  };
}

async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await file.write(chunk, written)).bytesWritten;
  }
}

/** Another call may remove a folder that is still empty: then it is made again. */
async function giveName(draft: string, path: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await rename(draft, path);
      return;
    } catch (error) {
      if (!isMissing(error) || tries === NAME_TRIES) throw error;
    }
  }
}

/** A name is on the disk when its folder is, and the folder's name when the one above is. */
async function syncFolders(path: string, top: string): Promise<void> {
  for (let folder = path; ; folder = dirname(folder)) {
    const handle = await open(folder);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (folder === top) return;
  }
}

async function removeEmpty(path: string, top: string): Promise<void> {
  for (let folder = path; folder !== top; folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      // It holds something, or is gone already.
      return;
    }
  }
}

async function* walk(folder: string, below: string, prefix: string): AsyncGenerator<StoredKey> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const key = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.name === INCOMING || !(key.startsWith(prefix) || prefix.startsWith(`${key}/`))) continue;
    if (entry.isDirectory()) yield* walk(folder, key, prefix);
    else {
      const found = await stat(join(folder, key)).catch(() => undefined);
      if (found) yield { key, size: found.size, storedAt: found.mtimeMs };
    }
  }
}

function notFound(key: string): MflowError {
  return new MflowError("NOT_FOUND", `the bytes of ${key} are not there`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
}

/** The error of the system as one of the catalogue. */
function named(error: unknown): unknown {
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new MflowError("STORE_FULL", "the disk is full; the artifact was not stored");
  }
  return error;
}
