// Answers what mflow's own containers in the pod of an attempt ask: what to fetch, which cache to restore, what to keep; and
// takes the bytes. All of it may be asked again, also after a restart: pieces that came before are sent anew then.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import type { Keep } from "@mflow/core/keep";
import type { HelperAtWork } from "@mflow/core/kubernetes/helper-view";
import type { PodFilesQuery } from "@mflow/core/schema/artifact";
import { cachePathsHash } from "../../cache-paths.ts";
import type { AttemptRef } from "../../runner.ts";
import type { GivenFile, WantedCache, WorkFiles } from "../../work-files.ts";
import { podCacheKey } from "./cache-key.ts";
import { HelperTalk, type Silence } from "./helper-talk.ts";
import {
  cacheScript,
  failScript,
  fetchScript,
  type KnownCache,
  keepScript,
  OVER,
  PIECE_BYTES,
  quote,
  sayScript,
} from "./pod-script.ts";

/** What a container asks. */
export interface PodFilesCall {
  step: string;
  query: PodFilesQuery;
  body: AsyncIterable<Uint8Array>;
}

/** Longest list of hashes, and longest piece in base64 with its line ends, bytes. */
const MOST_BODY = 6 * 1024 * 1024;
const SENT_ANEW = "again=1\n";

export interface AttemptFilesParts {
  ref: AttemptRef;
  keep: Keep;
  files: WorkFiles;
  /** Bytes of one artifact or cache. */
  limit: number;
  /** How long a reason is borne that does not heal by itself, milliseconds. */
  graceMs: number;
}

export class AttemptFiles {
  readonly #parts: AttemptFilesParts;
  readonly #talk: HelperTalk;
  #isOver = false;
  /** What is fetched, by number. */
  #given: GivenFile[] | undefined;
  /** Files of the caches that are restored, by number. */
  readonly #restored = new Map<number, string>();
  /** What is being kept: who asks again meanwhile gets the same answer. */
  readonly #keeping = new Map<string, Promise<string>>();

  constructor(parts: AttemptFilesParts) {
    this.#parts = parts;
    this.#talk = new HelperTalk(parts.graceMs);
  }

  /** What of mflow's own is at work in the pod, if anything. */
  seen(helper: HelperAtWork | undefined): void {
    this.#talk.seen(helper);
  }

  /** Whether a container that should fetch or keep now is not heard of; undefined when there is none. */
  silence(): Silence | undefined {
    return this.#isOver ? undefined : this.#talk.silence();
  }

  /** Nothing is fetched or kept any more: the containers may end. */
  over(): void {
    this.#isOver = true;
    this.#talk.close();
  }

  /** The server stops. The containers go on, and ask the next one. */
  close(): void {
    this.#talk.close();
  }

  /** Answers a container. Rejects with BAD_REQUEST, and as the store does when another try may help. */
  async ask(call: PodFilesCall): Promise<string> {
    this.#talk.heard();
    if (this.#isOver) return OVER;
    if (call.step === "fetch") return this.#fetch();
    if (call.step !== "keep") return this.#answer(call);
    const work = await this.#talk.workEnd();
    if (this.#isOver) return OVER;
    const { keep, limit } = this.#parts;
    return work === undefined ? "" : keepScript(keep, work === "SUCCEEDED", limit);
  }

  /** The file that a container gets; undefined when there is none. Rejects as the store does. */
  async file(step: string, number: number): Promise<string | undefined> {
    this.#talk.heard();
    if (step === "cache") return this.#restored.get(number);
    if (step !== "fetch") return undefined;
    this.#given ??= await this.#parts.files.fetch(this.#parts.ref, this.#parts.keep.fetch);
    return this.#given[number]?.file;
  }

  async #fetch(): Promise<string> {
    const { files, ref, keep } = this.#parts;
    try {
      this.#given = await files.fetch(ref, keep.fetch);
    } catch (error) {
      return failScript("FETCH_FAILED", refusal(error).message);
    }
    return fetchScript(this.#given, keep);
  }

  async #answer({ step, query, body }: PodFilesCall): Promise<string> {
    switch (step) {
      case "alive":
        return "";
      case "cache":
        return this.#cache(query, (await read(body)).toString());
      case "piece":
        return this.#piece(query, Buffer.from((await read(body)).toString("latin1"), "base64"));
      case "artifact":
        return this.#once(`artifact.${query.number}`, () => this.#artifact(query));
      case "save":
        return this.#once(`cache.${query.number}`, () => this.#save(query));
      default:
        throw new MflowError("BAD_REQUEST", `There is no step \`${step}\`.`);
    }
  }

  async #cache({ number = -1 }: PodFilesQuery, hashes: string): Promise<string> {
    const { files, ref } = this.#parts;
    const { key: asked, paths } = this.#cacheSpec(number);
    const globs = asked.files ?? [];
    let known: KnownCache;
    try {
      const { key, isBare } = podCacheKey(asked.prefix, globs, hashes);
      const wanted: WantedCache = { key, paths: cachePathsHash(paths) };
      if (asked.prefix !== undefined && globs.length > 0) wanted.prefix = `${asked.prefix}-`;
      const [found] = await files.restore(ref, [wanted]);
      if (found) this.#restored.set(number, found.file);
      known = { key, found: found?.key };
      if (isBare) known.note = `cache ${key}: no file fits ${globs.map((text) => `\`${text}\``).join(", ")}`;
    } catch (error) {
      // A cache is never needed.
      return sayScript(`no cache is restored: ${(error as Error).message}`);
    }
    return cacheScript(number, known);
  }

  /** Answers how many bytes there are. */
  async #piece({ name = "", at = 0 }: PodFilesQuery, bytes: Buffer): Promise<string> {
    const { limit } = this.#parts;
    const path = await this.#incoming(name);
    const size = at === 0 ? 0 : await sizeOf(path);
    if (at > size || at % PIECE_BYTES !== 0) return `${size - (size % PIECE_BYTES)}\n`;
    if (at + bytes.length > limit + PIECE_BYTES) {
      throw new MflowError("ARTIFACT_TOO_LARGE", `${name} is larger than ${limit} bytes.`);
    }
    const file = await open(path, at === 0 ? "w" : "r+", 0o600);
    try {
      await file.write(bytes, 0, bytes.length, at);
      await file.truncate(at + bytes.length);
    } finally {
      await file.close();
    }
    return `${at + bytes.length}\n`;
  }

  async #artifact({
    number = -1,
    kind = "FILE",
    executable = false,
    sha256,
  }: PodFilesQuery): Promise<string> {
    const { files, ref, keep } = this.#parts;
    const spec = keep.artifacts[number];
    if (!spec) throw new MflowError("BAD_REQUEST", `The task keeps no artifact ${number}.`);
    const file = await this.#incoming(`artifact.${number}`);
    if (sha256 === undefined || (await hashOf(file)) !== sha256) return SENT_ANEW;
    const { name, path, retention } = spec;
    const retentionMs = retention === undefined ? undefined : parseDuration(retention);
    try {
      const kept = { name, kind, path, executable, file, sha256 };
      await files.keep(ref, [{ ...kept, ...(retentionMs !== undefined && { retentionMs }) }]);
    } catch (error) {
      const { code, message } = refusal(error);
      const reason = code.startsWith("ARTIFACT_") ? code : "ARTIFACT_REFUSED";
      return `fail ${reason} ${quote(message)}\n`;
    }
    await rm(file, { force: true });
    return "";
  }

  async #save({ number = -1, key = "", sha256 }: PodFilesQuery): Promise<string> {
    const { files, ref } = this.#parts;
    const spec = this.#cacheSpec(number);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(key)) {
      throw new MflowError("BAD_REQUEST", `\`${key}\` is no key of a cache.`);
    }
    const file = await this.#incoming(`cache.${number}`);
    if (sha256 === undefined || (await hashOf(file)) !== sha256) return SENT_ANEW;
    const replace = (spec.key.files ?? []).length === 0;
    await files.save(ref, [{ key, paths: cachePathsHash(spec.paths), file, replace }]);
    await rm(file, { force: true });
    return "";
  }

  #cacheSpec(number: number): Keep["caches"][number] {
    const spec = this.#parts.keep.caches[number];
    if (!spec) throw new MflowError("BAD_REQUEST", `The task has no cache ${number}.`);
    return spec;
  }

  /** Path of what comes under a name of ours. */
  #incoming(name: string): Promise<string> {
    const [, kind, number] = /^(artifact|cache)\.(\d{1,3})$/.exec(name) ?? [];
    const { keep, files, ref } = this.#parts;
    const list = kind === "artifact" ? keep.artifacts : keep.caches;
    if (kind === undefined || Number(number) >= list.length) {
      throw new MflowError("BAD_REQUEST", `\`${name}\` is nothing that this task keeps.`);
    }
    return files.incoming(ref, name);
  }

  async #once(what: string, work: () => Promise<string>): Promise<string> {
    let answer = this.#keeping.get(what);
    if (!answer) {
      answer = work().finally(() => this.#keeping.delete(what));
      this.#keeping.set(what, answer);
    }
    return answer;
  }
}

/** What is refused for good; throws what may pass. */
function refusal(error: unknown): MflowError {
  if (error instanceof MflowError && error.status < 500) return error;
  throw error;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_BODY) throw new MflowError("BAD_REQUEST", `The body is longer than ${MOST_BODY} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** Of the file's bytes; of one that never came, that of none. */
async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  if ((await sizeOf(path)) === 0) {
    await (await open(path, "a", 0o600)).close();
    return hash.digest("hex");
  }
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
