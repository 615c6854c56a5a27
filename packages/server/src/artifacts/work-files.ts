// The files of attempts on this machine: what they fetch and restore, from the store's own files or copies of its bytes,
// and what they keep.

import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MflowError } from "@mflow/core/errors";
import { readableSize } from "@mflow/core/readable-size";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import { attemptKey } from "../runners/attempt-key.ts";
import type { AttemptRef } from "../runners/runner.ts";
import type { GivenCache, GivenFile, KeptFile, WorkFiles } from "../runners/work-files.ts";
import type { ArtifactRow, RunStore } from "../store/store.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Caches } from "./caches.ts";

export interface WorkFilesParts {
  artifacts: Artifacts;
  caches: Caches;
  runs: Pick<RunStore, "task">;
  /** Where copies are made; what an earlier process left there is removed by `openWorkFiles`. */
  copies: string;
  log: { warn(message: string): void };
}

/** One server at a time works on the folder of copies. */
export async function openWorkFiles(parts: WorkFilesParts): Promise<WorkFiles> {
  const { artifacts, caches, runs, copies, log } = parts;
  await rm(copies, { recursive: true, force: true });
  /** Attempts for which copies were made. */
  const copied = new Set<string>();
  const folderOf = (ref: AttemptRef) => join(copies, attemptKey(ref));

  async function placeFor(ref: AttemptRef, name: string): Promise<string> {
    const folder = folderOf(ref);
    copied.add(folder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return join(folder, name);
  }

  /** The store's own file, or a copy of the bytes. */
  async function fileOf(
    ref: AttemptRef,
    name: string,
    own: string | undefined,
    open: () => Promise<Readable>,
  ): Promise<string> {
    if (own !== undefined) return own;
    const path = await placeFor(ref, name);
    await pipeline(await open(), createWriteStream(path, { mode: 0o600 }));
    return path;
  }

  async function given(
    ref: AttemptRef,
    row: ArtifactRow,
    spec: FetchSpec,
    number: number,
  ): Promise<GivenFile> {
    const file = await fileOf(ref, `fetch.${number}`, artifacts.fileOf(row), () => artifacts.open(row));
    return {
      file,
      kind: row.kind,
      folder: spec.path ?? dirname(row.path),
      name: basename(row.path),
      executable: row.executable ?? false,
      sha256: row.sha256,
      what: `artifact \`${row.name}\` of \`${spec.from}\` (${readableSize(row.size)})`,
    };
  }

  return {
    async fetch(ref, wanted) {
      const files: GivenFile[] = [];
      for (const spec of wanted) {
        for (const row of await artifacts.sources(ref.taskId, spec)) {
          files.push(await given(ref, row, spec, files.length));
        }
      }
      return files;
    },
    async restore(ref, wanted) {
      const task = await runs.task(ref.taskId);
      if (!task) return wanted.map(() => undefined);
      const found: (GivenCache | undefined)[] = [];
      for (const { key, prefix, paths } of wanted) {
        const asked = { scope: scopeOf(task), key, paths, ...(prefix !== undefined && { prefix }) };
        const row = await caches.use(asked);
        const name = `cache.${found.length}`;
        const file =
          row && (await fileOf(ref, name, caches.fileOf(row), () => caches.open(row)).catch(unlessGone));
        found.push(row && file !== undefined ? { key: row.key, file } : undefined);
      }
      return found;
    },
    async keep(ref, kept) {
      for (const one of kept) await keepOne(artifacts, ref, one);
    },
    async save(ref, kept) {
      const task = await runs.task(ref.taskId);
      for (const { key, paths, file, replace } of task ? kept : []) {
        const place = { scope: scopeOf(task as { domain: string; namespace: string }), key, paths };
        await caches.save(place, replace, createReadStream(file)).catch((error: unknown) => {
          log.warn(`the cache ${key} of task ${ref.taskId} was not saved: ${messageOf(error)}`);
        });
      }
    },
    incoming: (ref, name) => placeFor(ref, `incoming.${name}`),
    async forget(ref) {
      const folder = folderOf(ref);
      if (copied.delete(folder)) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function keepOne(artifacts: Artifacts, { taskId, attempt }: AttemptRef, kept: KeptFile): Promise<void> {
  const { file, sha256, name, ...facts } = kept;
  // It may have been kept before the server that did it was killed.
  const there = await artifacts.find(taskId, name, attempt).catch(() => undefined);
  if (there?.sha256 === sha256) return;
  try {
    await artifacts.keep({ ...facts, sha256, taskId, attempt, name }, createReadStream(file));
  } catch (error) {
    if (error instanceof MflowError && error.code === "NOT_FOUND") return;
    throw error;
  }
}

/** It was removed meanwhile. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof MflowError) || error.code !== "NOT_FOUND") throw error;
}

function scopeOf({ domain, namespace }: { domain: string; namespace: string }) {
  return { domain, namespace };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
