// What an attempt does with files: before its steps it gets what it fetches and its caches, after them it packs what it
// keeps. The bytes come from the server and go there by files; it may be away for a while meanwhile.

import { join } from "node:path";
import { cacheKeyOf } from "./cache-key.ts";
import { type Failure, messageOf } from "./failure.ts";
import { type Packing, packPath, packPaths, TooLargeError } from "./pack.ts";
import type {
  ArtifactPlan,
  CachePlan,
  FilesPlan,
  Given,
  Kept,
  Owner,
  Want,
  WantedCache,
} from "./protocol.ts";
import { makeFolder } from "./supervisor-record.ts";
import { unpackArchive, unpackGiven } from "./unpack.ts";
import { PathError } from "./workspace-path.ts";

export interface TaskFilesParts {
  plan: FilesPlan;
  workspace: string;
  owner: Owner | undefined;
  /** Folder of the attempt's files. */
  files: string;
  /** Adds a line to the log. */
  note(text: string): void;
  /** Asks the server; answered once there is one. */
  ask(want: Want): Promise<Given>;
  /** Ends all that is under way. */
  signal: AbortSignal;
}

interface CacheAtWork {
  plan: CachePlan;
  wanted: WantedCache;
  /** One of this very key is stored. */
  isStored: boolean;
}

export class TaskFiles {
  readonly #parts: TaskFilesParts;
  #caches: CacheAtWork[] = [];

  constructor(parts: TaskFilesParts) {
    this.#parts = parts;
  }

  /** Before the steps. Answers why they cannot begin, if so. */
  async prepare(): Promise<Failure | undefined> {
    const { plan } = this.#parts;
    if (plan.fetch.length > 0) {
      try {
        await this.#fetch();
      } catch (error) {
        return { reason: "FETCH_FAILED", message: messageOf(error) };
      }
    }
    await this.#restore();
    return undefined;
  }

  /** After the steps. Answers what is kept, and why the task failed when it keeps not all that it should. */
  async collect(succeeded: boolean): Promise<{ kept: Kept; failure?: Failure }> {
    const { plan, workspace, owner, files, signal, note } = this.#parts;
    const packing: Packing = { workspace, owner, limit: plan.limit, signal };
    const artifacts = plan.artifacts.filter(({ always }) => always || succeeded);
    const packed = await packArtifacts(artifacts, files, packing, note);
    const isWell = succeeded && !packed.failure;
    const caches = await this.#packCaches(isWell, packing);
    return { kept: { artifacts: packed.kept, caches }, ...(packed.failure && { failure: packed.failure }) };
  }

  async #fetch(): Promise<void> {
    const { plan, note, ask } = this.#parts;
    const given = await ask({ kind: "fetch", items: plan.fetch });
    if (given.kind !== "fetch") throw new Error(given.kind === "failure" ? given.message : "no files came");
    for (const one of given.files) {
      await unpackGiven(one, this.#parts);
      note(`fetched ${one.what}`);
    }
  }

  /** What cannot be restored is made anew by the steps. */
  async #restore(): Promise<void> {
    const { plan, workspace, note, ask, signal } = this.#parts;
    for (const cache of plan.caches) {
      try {
        const { key, isBare } = await cacheKeyOf(cache, workspace);
        if (isBare) note(`cache ${key}: no file fits ${cache.files.map((text) => `\`${text}\``).join(", ")}`);
        const wanted: WantedCache = { key, paths: cache.pathsHash };
        if (cache.prefix !== undefined && cache.files.length > 0) wanted.prefix = `${cache.prefix}-`;
        this.#caches.push({ plan: cache, wanted, isStored: false });
      } catch (error) {
        note(`a cache has no key: ${messageOf(error)}`);
      }
    }
    if (this.#caches.length === 0 || signal.aborted) return;
    const given = await ask({ kind: "caches", items: this.#caches.map(({ wanted }) => wanted) });
    if (given.kind !== "caches") {
      note(`no cache is restored: ${given.kind === "failure" ? given.message : "none came"}`);
      return;
    }
    for (const [index, cache] of this.#caches.entries()) await this.#restoreOne(cache, given.caches[index]);
  }

  async #restoreOne(
    cache: CacheAtWork,
    found: { file: string; key: string } | null | undefined,
  ): Promise<void> {
    const { note } = this.#parts;
    const { key } = cache.wanted;
    if (!found) {
      note(`cache ${key}: there is none yet`);
      return;
    }
    try {
      await unpackArchive(found.file, ".", this.#parts);
      cache.isStored = found.key === key;
      note(cache.isStored ? `cache ${key}: restored` : `cache ${key}: restored from ${found.key}`);
    } catch (error) {
      note(`cache ${key}: not restored: ${messageOf(error)}`);
    }
  }

  /** A key that is made of files names one content, so what is stored stays; one that is not is saved each time. */
  async #packCaches(succeeded: boolean, packing: Packing): Promise<Kept["caches"]> {
    const { files, note } = this.#parts;
    const kept: Kept["caches"] = [];
    for (const [index, { plan, wanted, isStored }] of this.#caches.entries()) {
      const replace = plan.files.length === 0;
      if (packing.signal.aborted || (isStored && !replace) || !(succeeded || plan.always)) continue;
      try {
        makeFolder(files);
        const file = join(files, `cache.${index}`);
        const packed = await packPaths(plan.paths, file, packing);
        if (packed) kept.push({ key: wanted.key, paths: wanted.paths, file, replace });
        else note(`cache ${wanted.key}: not saved: none of its paths is there`);
      } catch (error) {
        note(`cache ${wanted.key}: not saved: ${messageOf(error)}`);
      }
    }
    return kept;
  }
}

/** Packs artifacts; the first one that cannot be kept is the failure. */
export async function packArtifacts(
  artifacts: readonly ArtifactPlan[],
  files: string,
  packing: Packing,
  note: (text: string) => void,
): Promise<{ kept: Kept["artifacts"]; failure?: Failure }> {
  const kept: Kept["artifacts"] = [];
  let failure: Failure | undefined;
  for (const [index, { name, path, optional, retentionMs }] of artifacts.entries()) {
    if (packing.signal.aborted) break;
    try {
      makeFolder(files);
      const file = join(files, `artifact.${index}`);
      const packed = await packPath(path, file, packing);
      if (packed) {
        const { kind, executable, sha256 } = packed;
        const retention = retentionMs === undefined ? {} : { retentionMs };
        kept.push({ name, kind, path: packed.path, executable, file, sha256, ...retention });
      } else if (optional) note(`artifact \`${name}\`: there is no \`${path}\``);
      else {
        const message = `there is no \`${path}\` in the workspace to keep as artifact \`${name}\``;
        failure ??= { reason: "ARTIFACT_MISSING", message };
        note(message);
      }
    } catch (error) {
      if (packing.signal.aborted) break;
      const message = `artifact \`${name}\`: ${messageOf(error)}`;
      failure ??= { reason: reasonOf(error), message };
      note(message);
    }
  }
  return failure ? { kept, failure } : { kept };
}

function reasonOf(error: unknown): string {
  if (error instanceof TooLargeError) return "ARTIFACT_TOO_LARGE";
  return error instanceof PathError ? "ARTIFACT_REFUSED" : "RUNNER_ERROR";
}
