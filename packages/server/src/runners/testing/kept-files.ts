// A store of artifacts and caches in memory, for the tests of runners. It keeps the contract of WorkFiles.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import type { AttemptRef } from "../runner.ts";
import type { GivenCache, GivenFile, KeptCache, KeptFile, WantedCache, WorkFiles } from "../work-files.ts";

export class KeptFiles implements WorkFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), "mflow-kept-"));
  readonly artifacts = new Map<string, KeptFile>();
  readonly caches = new Map<string, { key: string; paths: string; file: string }>();
  /** So many calls fail first as when the store is away. */
  away = 0;
  /** Refuses what is to be kept. */
  refusal: MflowError | undefined;
  /** How often something was kept or saved. */
  kept: string[] = [];
  readonly forgotten: string[] = [];

  async fetch(_ref: AttemptRef, wanted: readonly FetchSpec[]): Promise<GivenFile[]> {
    this.#mayBeAway();
    return wanted.map(({ from, name, path }) => {
      const found = this.artifacts.get(name);
      if (!found) throw new MflowError("NOT_FOUND", `no task \`${from}\` keeps \`${name}\``);
      const { file, kind, executable, sha256 } = found;
      const folder = path ?? dirname(found.path);
      return {
        file,
        kind,
        executable,
        sha256,
        folder,
        name: found.path.replace(/.*\//, ""),
        what: `artifact \`${name}\``,
      };
    });
  }

  async restore(_ref: AttemptRef, wanted: readonly WantedCache[]): Promise<(GivenCache | undefined)[]> {
    this.#mayBeAway();
    return wanted.map(({ key, prefix, paths }) => {
      const all = [...this.caches.values()].filter((one) => one.paths === paths);
      const begins = (one: { key: string }) => prefix !== undefined && one.key.startsWith(prefix);
      return all.find((one) => one.key === key) ?? all.findLast(begins);
    });
  }

  async keep(_ref: AttemptRef, artifacts: readonly KeptFile[]): Promise<void> {
    if (artifacts.length === 0) return;
    this.#mayBeAway();
    if (this.refusal) throw this.refusal;
    for (const one of artifacts) {
      this.kept.push(one.name);
      this.artifacts.set(one.name, { ...one, file: this.#copy(one.file) });
    }
  }

  async save(_ref: AttemptRef, caches: readonly KeptCache[]): Promise<void> {
    for (const { key, paths, file, replace } of caches) {
      if (this.caches.has(key) && !replace) continue;
      this.kept.push(key);
      this.caches.set(key, { key, paths, file: this.#copy(file) });
    }
  }

  async incoming({ taskId }: AttemptRef, name: string): Promise<string> {
    return join(this.#folder, `incoming.${taskId}.${name}`);
  }

  async forget({ taskId }: AttemptRef): Promise<void> {
    this.forgotten.push(taskId);
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #copy(file: string): string {
    const copy = join(this.#folder, String(this.kept.length));
    writeFileSync(copy, readFileSync(file));
    return copy;
  }

  #mayBeAway(): void {
    if (this.away === 0) return;
    this.away--;
    throw new MflowError("UNAVAILABLE", "the store is away");
  }
}
