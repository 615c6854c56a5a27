// The data folder of a single machine: who may look into it, which server owns it, and where that server is.
//
// The lock is one of the operating system's on a small SQLite file: it goes with the process, however that
// ends, so there is nothing stale to clean up. Pid files would need guessing after a kill -9.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MflowError } from "@mflow/core/errors";

/** What `server.json` tells clients of the running server. */
export interface ServerRecord {
  /** e.g. `http://127.0.0.1:7070`. */
  address: string;
  pid: number;
}

export interface DataFolder {
  readonly path: string;
  /** Path of something inside. */
  file(...names: string[]): string;
  /** Tells clients where the server is. */
  announce(record: ServerRecord): void;
  /** Takes the announcement back and lets go of the folder. */
  release(): void;
}

/**
 * Opens the folder, made when it is missing, for this process alone. CONFLICT names the server that has it;
 * FORBIDDEN when the folder is somebody else's or open to others.
 */
export function openDataFolder(path: string): DataFolder {
  prepare(path);
  const lock = takeLock(path);
  const record = join(path, "server.json");
  rmSync(record, { force: true });
  return {
    path,
    file: (...names) => join(path, ...names),
    announce(server) {
      const fresh = `${record}.${process.pid}`;
      writeFileSync(fresh, `${JSON.stringify(server)}\n`, { mode: 0o600 });
      renameSync(fresh, record);
    },
    release() {
      rmSync(record, { force: true });
      lock.close();
    },
  };
}

function prepare(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new MflowError(
      "BAD_REQUEST",
      `cannot make the data folder ${path}: ${code ?? message}; name another with --data`,
    );
  }
  const { uid, mode } = statSync(path);
  const me = process.getuid?.();
  if (me !== undefined && uid !== me) {
    throw new MflowError(
      "FORBIDDEN",
      `the data folder ${path} belongs to user ${uid}; name another with --data`,
    );
  }
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8);
    throw new MflowError(
      "FORBIDDEN",
      `the data folder ${path} is open to others (mode ${shown}); run \`chmod 700 ${path}\``,
    );
  }
}

function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, "lock"));
  try {
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;");
    return lock;
  } catch (error) {
    lock.close();
    const code = (error as { errcode?: number }).errcode;
    const SQLITE_BUSY = 5;
    if (code !== SQLITE_BUSY) throw error;
    const owner = recordOf(path);
    const where = owner ? `pid ${owner.pid} at ${owner.address}` : "it is just starting or stopping";
    throw new MflowError(
      "CONFLICT",
      `another mflow server runs on the data folder ${path} (${where}); stop it, or name another with --data`,
    );
  }
}

function recordOf(path: string): ServerRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(path, "server.json"), "utf8")) as ServerRecord;
  } catch {
    return undefined;
  }
}
