// One connection to a SQLite file: how it is set up, how a transaction runs, and what its errors mean. Everything
// is synchronous, so a transaction is never interleaved with other work of the process.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MflowError } from "@mflow/core/errors";
import { storeError } from "./store-error.ts";

/** How long a connection waits for another program's lock while opening; nobody else waits yet. */
const OPENING_BUSY_MS = 5000;
/** The same at work: the whole process stands still meanwhile, so it is short. */
const BUSY_MS = 100;
/** Page cache, in KiB: holds the pages of unfinished runs. */
const CACHE_KIB = 16_384;
/** What the write-ahead log may keep on disk once it was written back, in bytes. */
const WAL_KEEP_BYTES = 64 * 1024 * 1024;

/** Errors of a disk that takes no writes, or of a file that it gives back no more. */
const REFUSALS: readonly string[] = ["STORE_FULL", "STORE_UNUSABLE"];

export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #undone: (() => void)[] = [];
  #refusal: MflowError | undefined;
  #begin: StatementSync | undefined;
  #commit: StatementSync | undefined;

  /**
   * Opens the file, and makes it when it does not exist. Nothing is written before `configure`.
   * @param busyMs how long the opening waits for another program's lock, in milliseconds
   * @throws MflowError STORE_UNUSABLE or STORE_BUSY
   */
  constructor(path: string, busyMs = OPENING_BUSY_MS) {
    this.path = path;
    this.#db = this.read(() => new DatabaseSync(path, { timeout: busyMs }));
  }

  /** Sets up a file that is known to be mflow's. */
  configure(): void {
    // FULL: an acknowledged commit survives the loss of power, not only the death of the process.
    // Of a file that is new: what is free in it can be given back.
    this.exec(`
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA foreign_keys = ON;
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA journal_size_limit = ${WAL_KEEP_BYTES};
    `);
  }

  /** Ends the opening: from here on a lock of another program ends as STORE_BUSY within a tenth of a second. */
  opened(): void {
    this.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  }

  /** A statement that is kept by the caller and used many times. */
  prepare(sql: string): StatementSync {
    return this.read(() => this.#db.prepare(sql));
  }

  exec(sql: string): void {
    this.read(() => this.#db.exec(sql));
  }

  /** Runs reads and gives their errors the catalogue's names. */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, this.path);
    }
  }

  /** Runs `work` in one transaction: all of it is on the disk when this returns, nothing of it when this throws. */
  transaction<T>(work: () => T): T {
    try {
      this.#begin ??= this.#db.prepare("BEGIN IMMEDIATE");
      this.#commit ??= this.#db.prepare("COMMIT");
      this.#begin.run();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      this.#undo();
      const named = storeError(error, this.path);
      if (named instanceof MflowError && REFUSALS.includes(named.code)) this.#refusal = named;
      throw named;
    }
  }

  /** Why the last transaction that met a disk which takes nothing failed; nothing once `accepted` was called. */
  get refusal(): MflowError | undefined {
    return this.#refusal;
  }

  /** The disk was found to take writes again. */
  accepted(): void {
    this.#refusal = undefined;
  }

  /**
   * As `transaction`, without waiting for the disk: the loss of power, but not the death of the process, may undo it. For
   * what is then done again without harm.
   */
  unsynced<T>(work: () => T): T {
    this.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.transaction(work);
    } finally {
      this.exec("PRAGMA synchronous = FULL");
    }
  }

  /** Calls back when a transaction was undone, for what keeps a copy of rows in memory. */
  onUndo(callback: () => void): void {
    this.#undone.push(callback);
  }

  /**
   * Writes the log back into the file, where there is room, and closes. What stays in the log is found by the next
   * opening. A second close does nothing.
   */
  close(): void {
    if (!this.#db.isOpen) return;
    try {
      this.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
    } finally {
      this.#db.close();
    }
  }

  #undo(): void {
    // A full disk ends the transaction by itself.
    if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
    for (const callback of this.#undone) callback();
  }
}
