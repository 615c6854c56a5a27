// The log store in files of a folder. A log grows as plain lines in `active/`, and is packed when it is
// finished; log-files.ts says where, plain-log.ts and packed-log.ts how a line of it is found.
//
// Nothing is synced while a log grows: what was written survives the end of the process, and after a power
// failure the writer finds out with `length` what is missing. A packed log is synced before the plain one goes.

import { constants } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import { GrowingLog, storeError } from "./growing-log.ts";
import { LogChanges } from "./log-changes.ts";
import { ACTIVE, fileOf, keyOf, parseFile, shardOf } from "./log-files.ts";
import { LogPacker } from "./log-packer.ts";
import { LogReader, type Place } from "./log-reader.ts";
import { searchPiece } from "./log-search.ts";
import type { LogLine, LogRef, LogSearch, LogStore } from "./log-store.ts";
import { OpenFiles } from "./open-files.ts";
import { readIndex } from "./packed-log.ts";
import { wholeExtent } from "./plain-log.ts";

/** Packing a file that takes one block of a disk anyway saves nothing. */
const WORTH_PACKING = 4 * 1024;
/** How many finished logs are remembered, so that followers of silent attempts end. */
const REMEMBERED = 10_000;

export interface FileLogStoreOptions {
  /** Files open at a time (default 64). */
  maxOpenFiles?: number;
  /** Hears of what went wrong in the background, e.g. that a log could not be packed. */
  warn?: (message: string) => void;
}

/** Opens the log store in a folder, which is made if need be. Only one process may have it open. */
export async function openFileLogStore(
  folder: string,
  options: FileLogStoreOptions = {},
): Promise<FileLogStore> {
  try {
    await mkdir(join(folder, ACTIVE), { recursive: true, mode: 0o700 });
    return new FileLogStore(folder, options, await readdir(join(folder, ACTIVE)));
  } catch (error) {
    throw storeError(error, `The folder of logs ${folder}`);
  }
}

export class FileLogStore implements LogStore {
  readonly #folder: string;
  readonly #files: OpenFiles;
  readonly #packer: LogPacker;
  readonly #changes = new LogChanges();
  /** Logs in `active/`: those that grow, and those that wait to be packed. */
  readonly #logs = new Map<string, GrowingLog>();
  /** Attempts that were finished lately, the oldest first. */
  readonly #finished = new Set<string>();
  #closed = false;

  /** `active`: the names of the files in `active/`. See `openFileLogStore`. */
  constructor(folder: string, options: FileLogStoreOptions, active: string[]) {
    this.#folder = folder;
    this.#files = new OpenFiles(options.maxOpenFiles ?? 64);
    this.#packer = new LogPacker((source, error) => {
      options.warn?.(`${source} is not packed: ${storeError(error, "The packed log").message}`);
    });
    for (const name of active) {
      const file = parseFile(name);
      if (file?.form === "open") this.#begin(file, "open");
      if (file?.form === "ended") this.#pack(this.#begin(file, "ended"));
    }
  }

  async length(ref: LogRef): Promise<number> {
    return (await this.#find(ref))?.length ?? 0;
  }

  async append(ref: LogRef, lines: LogLine[]): Promise<void> {
    this.#demandOpen();
    if (lines.length === 0) return;
    const log = this.#logs.get(keyOf(ref)) ?? this.#begin(ref);
    try {
      await log.append(lines);
    } finally {
      if (log.elsewhere) this.#drop(log);
    }
  }

  async finish(ref: LogRef): Promise<void> {
    this.#demandOpen();
    const log = this.#logs.get(keyOf(ref));
    if (!log) return this.#markFinished(ref);
    log.finishing ??= this.#finish(log).catch((error) => {
      log.finishing = undefined;
      throw storeError(error, log.name);
    });
    await log.finishing;
  }

  async read(ref: LogRef, from: number, limit: number): Promise<LogLine[]> {
    const reader = this.#reader(ref, from);
    const found: LogLine[] = [];
    while (found.length < limit) {
      const lines = await reader.lines(limit - found.length);
      if (lines.length === 0) break;
      for (const line of lines) found.push(line);
    }
    return found;
  }

  async tail(ref: LogRef, count: number): Promise<LogLine[]> {
    const length = await this.length(ref);
    return this.read(ref, length - count + 1, Math.min(count, length));
  }

  async *follow(ref: LogRef, from: number, signal: AbortSignal): AsyncGenerator<LogLine[]> {
    const key = keyOf(ref);
    const reader = this.#reader(ref, from);
    while (!signal.aborted && !this.#closed) {
      const change = this.#changes.expect(key);
      try {
        const finished = this.#finished.has(key);
        const lines = await reader.lines();
        if (signal.aborted) return;
        if (lines.length > 0) yield lines;
        else if (finished || reader.finished) return;
        else await change.wait(signal);
      } catch (error) {
        if (!this.#closed) throw error;
      } finally {
        change.cancel();
      }
    }
  }

  async search(ref: LogRef, search: LogSearch): Promise<LogLine[]> {
    const reader = this.#reader(ref, 1);
    const found: LogLine[] = [];
    while (found.length < search.limit) {
      const piece = await reader.piece();
      if (!piece) break;
      found.push(...searchPiece(piece, { ...search, limit: search.limit - found.length }));
    }
    return found;
  }

  async attempts(taskId: string): Promise<number[]> {
    const attempts = new Set<number>();
    for (const log of this.#logsOf(taskId)) {
      if ((await log.extent()).length > 0) attempts.add(log.ref.attempt);
    }
    for (const { attempt } of await this.#finishedFiles(taskId)) attempts.add(attempt);
    return [...attempts].sort((a, b) => a - b);
  }

  async unfinished(): Promise<LogRef[]> {
    const refs: LogRef[] = [];
    for (const log of [...this.#logs.values()]) {
      const { length } = await log.extent();
      if (length > 0 && !log.closing) refs.push(log.ref);
    }
    return refs;
  }

  async remove(taskId: string): Promise<void> {
    this.#demandOpen();
    for (const log of this.#logsOf(taskId)) {
      await log.finishing?.catch(() => undefined);
      await log.end();
      await this.#packer.cancel(keyOf(log.ref));
      this.#drop(log);
      await this.#removeFile(log.path);
      this.#markFinished(log.ref);
    }
    for (const { path } of await this.#finishedFiles(taskId)) await this.#removeFile(path);
  }

  /** Resolves when all logs that were finished so far are packed. */
  packed(): Promise<void> {
    return this.#packer.settled();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#changes.notifyAll();
    await Promise.all(
      [...this.#logs.values()].map((log) => log.finishing?.catch(() => undefined) ?? log.settle()),
    );
    await this.#packer.close();
    await this.#files.close();
  }

  #begin(ref: LogRef, form?: "open" | "ended"): GrowingLog {
    const { taskId, attempt } = ref;
    const key = keyOf(ref);
    const log = new GrowingLog({
      ref: { taskId, attempt },
      path: join(this.#folder, fileOf(ref, form ?? "open")),
      exists: form !== undefined,
      ended: form === "ended",
      files: this.#files,
      stored: () => this.#changes.notify(key),
      findFinished: async () =>
        (await this.#findFinished(ref))?.length ?? (this.#finished.has(key) ? 0 : undefined),
    });
    this.#logs.set(key, log);
    return log;
  }

  #drop(log: GrowingLog): void {
    const key = keyOf(log.ref);
    if (this.#logs.get(key) === log) this.#logs.delete(key);
  }

  async #finish(log: GrowingLog): Promise<void> {
    await log.end();
    const { size, length } = await log.extent();
    if (log.elsewhere) {
      this.#drop(log);
    } else if (length === 0) {
      this.#drop(log);
      await this.#removeFile(log.path);
    } else if (size <= WORTH_PACKING) {
      await mkdir(join(this.#folder, shardOf(log.ref.taskId)), { recursive: true, mode: 0o700 });
      await this.#move(log, "jsonl");
      this.#drop(log);
    } else {
      await this.#move(log, "ended");
      this.#pack(log);
    }
    this.#markFinished(log.ref);
  }

  async #move(log: GrowingLog, form: "jsonl" | "ended"): Promise<void> {
    const before = log.path;
    const after = join(this.#folder, fileOf(log.ref, form));
    await rename(before, after);
    log.path = after;
    await this.#files.forget(before);
  }

  #pack(log: GrowingLog): void {
    this.#packer.add(keyOf(log.ref), {
      source: log.path,
      extent: () => log.extent(),
      part: join(this.#folder, fileOf(log.ref, "part")),
      target: join(this.#folder, fileOf(log.ref, "jsonl.zst")),
      packed: () => this.#drop(log),
      removed: () => this.#files.forget(log.path),
    });
  }

  #markFinished(ref: LogRef): void {
    const key = keyOf(ref);
    this.#finished.add(key);
    if (this.#finished.size > REMEMBERED) {
      for (const oldest of this.#finished) {
        this.#finished.delete(oldest);
        break;
      }
    }
    this.#changes.notify(key);
  }

  #reader(ref: LogRef, from: number): LogReader {
    return new LogReader(this.#files, () => this.#find(ref), from);
  }

  async #find(ref: LogRef): Promise<Place | undefined> {
    this.#demandOpen();
    const key = keyOf(ref);
    // While a log is being finished its file is moved.
    await this.#logs.get(key)?.finishing?.catch(() => undefined);
    const log = this.#logs.get(key);
    if (log) {
      // Looked at before the extent: what has ended does not grow.
      const finished = log.ended;
      const extent = await log.extent();
      if (!log.elsewhere) {
        const { path } = log;
        return { form: "plain", path, flags: constants.O_RDWR, extent, length: extent.length, finished };
      }
    }
    return this.#findFinished(ref);
  }

  async #findFinished(ref: LogRef): Promise<Place | undefined> {
    const flags = constants.O_RDONLY;
    const packed = join(this.#folder, fileOf(ref, "jsonl.zst"));
    const index = await unlessMissing(this.#files.use(packed, flags, (file) => readIndex(file, packed)));
    if (index) return { form: "packed", path: packed, flags, index, length: index.length, finished: true };
    const plain = join(this.#folder, fileOf(ref, "jsonl"));
    const extent = await unlessMissing(this.#files.use(plain, flags, wholeExtent));
    if (extent) return { form: "plain", path: plain, flags, extent, length: extent.length, finished: true };
    return undefined;
  }

  #logsOf(taskId: string): GrowingLog[] {
    return [...this.#logs.values()].filter((log) => log.ref.taskId === taskId);
  }

  async #finishedFiles(taskId: string): Promise<{ attempt: number; path: string }[]> {
    const shard = join(this.#folder, shardOf(taskId));
    const names = (await unlessMissing(readdir(shard))) ?? [];
    return names.flatMap((name) => {
      const file = parseFile(name);
      return file?.taskId === taskId ? [{ attempt: file.attempt, path: join(shard, name) }] : [];
    });
  }

  async #removeFile(path: string): Promise<void> {
    await rm(path, { force: true });
    await this.#files.forget(path);
  }

  #demandOpen(): void {
    if (this.#closed) throw new MflowError("UNAVAILABLE", "The log store is closed.");
  }
}

/** The result, or nothing when a file or folder does not exist. */
async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
