// Artifacts: rows in the state database, bytes in the store. Bytes come first and rows go first, so that a row always has
// its bytes; what a crash leaves of bytes alone is found by the sweep.

import type { Readable } from "node:stream";
import { MflowError } from "@mflow/core/errors";
import { fetchSources } from "@mflow/core/keep";
import { type Artifact, type FetchSpec, MAX_ARTIFACTS } from "@mflow/core/schema/artifact";
import { isEnded } from "@mflow/core/transitions";
import { pathProblem, plainPath } from "@mflow/core/workspace-path";
import type { ArtifactRow, ArtifactRows, Page, PageOfRows, RunStore } from "../store/store.ts";
import type { ArtifactStore, ByteRange } from "./artifact-store.ts";
import { checkedArchive } from "./check-archive.ts";

export interface ArtifactParts {
  rows: ArtifactRows;
  runs: Pick<RunStore, "task" | "aggregateOf">;
  bytes: ArtifactStore;
  newId(prefix: string): string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Bytes of one artifact. */
  limit: number;
  /** A row with an expiry was written. */
  expiryChanged?(): void;
}

/** What is said of bytes that are to be kept. */
export interface ArtifactFacts extends Pick<Artifact, "taskId" | "attempt" | "name" | "kind" | "path"> {
  executable?: boolean;
  /** Milliseconds; absent: with the run. */
  retentionMs?: number;
  /** Hash of the bytes, when it is known before: kept again after a crash, they have the same place. */
  sha256?: string;
}

export class Artifacts {
  readonly #parts: ArtifactParts;

  constructor(parts: ArtifactParts) {
    this.#parts = parts;
  }

  /**
   * Keeps bytes, in the place of what the attempt has under this name. Durable when it resolves. Rejects with NOT_FOUND
   * when the task is gone, with ARTIFACT_TOO_LARGE and ARTIFACT_REFUSED, and as the store does.
   */
  async keep(facts: ArtifactFacts, bytes: AsyncIterable<Uint8Array>): Promise<Artifact> {
    const { rows, runs, bytes: store, limit, newId, now } = this.#parts;
    const { taskId, attempt, name, kind, retentionMs } = facts;
    const problem = pathProblem(facts.path);
    if (problem !== undefined)
      throw new MflowError("ARTIFACT_REFUSED", `the path \`${facts.path}\` ${problem}`);
    const aggregateId = await runs.aggregateOf(taskId);
    if (aggregateId === undefined) throw new MflowError("NOT_FOUND", `there is no task ${taskId}`);
    const blob = `artifacts/${aggregateId}/${taskId}/${attempt}/${name}/${facts.sha256 ?? newId("blob")}`;
    const checked = kind === "FOLDER" ? checkedArchive(bytes, { mayLinkOut: false }) : bytes;
    const stored = await store.put(blob, checked, limit).catch((error: unknown) => {
      throw withName(name, error);
    });
    const createdAt = now();
    const row: ArtifactRow = {
      ...{ taskId, attempt, name, kind, path: plainPath(facts.path), ...stored, aggregateId, blob },
      ...(facts.executable && kind === "FILE" && { executable: true }),
      createdAt: new Date(createdAt).toISOString(),
      ...(retentionMs !== undefined && { expiresAt: new Date(createdAt + retentionMs).toISOString() }),
    };
    try {
      const before = await rows.put(row, MAX_ARTIFACTS);
      if (before !== undefined && before !== blob) await store.remove(before);
    } catch (error) {
      await store.remove(blob);
      throw error;
    }
    if (retentionMs !== undefined) this.#parts.expiryChanged?.();
    return artifactOf(row);
  }

  /** That of an attempt, or of the newest one that has it. Rejects with NOT_FOUND. */
  async find(taskId: string, name: string, attempt?: number): Promise<ArtifactRow> {
    const row = await this.#parts.rows.find(taskId, name, attempt);
    if (row && !this.#isOver(row)) return row;
    const of = attempt === undefined ? `Task ${taskId}` : `Attempt ${attempt} of task ${taskId}`;
    throw new MflowError("NOT_FOUND", `${of} has no artifact \`${name}\`.`);
  }

  /** The bytes. Rejects with NOT_FOUND when they were removed meanwhile. */
  open({ blob }: ArtifactRow, range?: ByteRange): Promise<Readable> {
    return this.#parts.bytes.get(blob, range);
  }

  /** The file that has the bytes, where the store keeps files. */
  fileOf({ blob }: ArtifactRow): string | undefined {
    return this.#parts.bytes.fileOf?.(blob);
  }

  async list(of: Parameters<ArtifactRows["list"]>[0], page: PageOfRows): Promise<Page<Artifact>> {
    const { items, ...rest } = await this.#parts.rows.list(of, page);
    return { ...rest, items: items.filter((row) => !this.#isOver(row)).map(artifactOf) };
  }

  async remove({ taskId, attempt, name }: ArtifactRow): Promise<void> {
    const blob = await this.#parts.rows.remove(taskId, attempt, name);
    if (blob !== undefined) await this.#parts.bytes.remove(blob);
  }

  /** All of a run or lone task, which is being deleted. What rejects can be repeated. */
  async removeOf(aggregateId: string): Promise<void> {
    const { rows, bytes } = this.#parts;
    for (const blob of await rows.removeOf(aggregateId)) await bytes.remove(blob);
  }

  /** Those whose time has come. */
  async removeExpired(): Promise<void> {
    for (;;) {
      const due = await this.#parts.rows.expired(this.#parts.now(), 100);
      if (due.length === 0) return;
      for (const row of due) await this.remove(row);
    }
  }

  /**
   * What a task fetches: of the tasks of its run that `from` names, those that have ended, each its last attempt's. When
   * there is none in a rollback, where the task that made it was skipped, those of the run that it goes back to. Rejects
   * with NOT_FOUND when there is none, unless it is optional.
   */
  async sources(taskId: string, { from, name, optional }: Omit<FetchSpec, "path">): Promise<ArtifactRow[]> {
    const task = await this.#parts.runs.task(taskId);
    const runIds = [task?.pipelineTaskId, task?.rollback?.lastSuccess?.runId];
    const others = new Set<string>();
    for (const runId of runIds) {
      if (runId === undefined) continue;
      const candidates = await this.#candidates(runId, name, taskId);
      const sources = fetchSources(from, candidates);
      if (sources.length > 0) return sources.map(({ row }) => row);
      for (const other of candidates) others.add(`\`${other.name}\``);
    }
    if (optional) return [];
    const hint = others.size > 0 ? `; it is kept by ${[...others].join(", ")}` : "";
    const [, before] = runIds;
    const where = before === undefined ? "this run" : `this run, or of run ${before}, to which it goes back,`;
    throw new MflowError(
      "NOT_FOUND",
      `no task \`${from}\` of ${where} has ended and keeps an artifact \`${name}\`${hint}`,
    );
  }

  /** Whether tasks of a run that `from` names have ended and keep this artifact. */
  async keeps(runId: string, { from, name }: Pick<FetchSpec, "from" | "name">): Promise<boolean> {
    return fetchSources(from, await this.#candidates(runId, name)).length > 0;
  }

  /** What tasks of a run, but for `notOf`, keep under a name, with the names of the tasks. */
  async #candidates(runId: string, name: string, notOf?: string): Promise<Candidate[]> {
    const found: Candidate[] = [];
    for (const row of await this.#parts.rows.named(runId, name)) {
      const task = row.taskId === notOf ? undefined : await this.#parts.runs.task(row.taskId);
      if (!task || task.attempt !== row.attempt || !isEnded(task.status.stage) || this.#isOver(row)) continue;
      const { stageName } = task;
      found.push({ row, name: task.name, ...(stageName !== undefined && { stageName }) });
    }
    return found;
  }

  /** It expired, and is about to be removed. */
  #isOver({ expiresAt }: ArtifactRow): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#parts.now();
  }
}

/** An artifact that may be fetched, and the task that keeps it. */
interface Candidate {
  row: ArtifactRow;
  name: string;
  stageName?: string;
}

function artifactOf({ aggregateId: _aggregate, blob: _blob, ...artifact }: ArtifactRow): Artifact {
  return artifact;
}

/** The refusal of the bytes as one of the artifact. */
function withName(name: string, error: unknown): unknown {
  if (!(error instanceof MflowError) || !error.code.startsWith("ARTIFACT_")) return error;
  return new MflowError(error.code, `artifact \`${name}\`: ${error.message}`);
}
