// The data folder of a single machine: who may look into it, which server owns it, and where that server is.
//
// The lock is one of the operating system's on a small SQLite file: it goes with the process, however that
// ends, so there is nothing stale to clean up. Pid files would need guessing after a kill -9, and pids mean
// nothing to a server in another container on the same folder. Nothing else in this process may open the lock
// file: the system lets go of such a lock when any descriptor of the file is closed.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MflowError } from "@mflow/core/errors";

/** What `server.json` tells of the running server. After a kill -9 it is stale: its pid is nobody's. */
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
 * The locks of this process. A database that nobody refers to is closed by the garbage collector, and its lock
 * goes with it; a folder that was not released must stay locked whatever its opener kept.
 */
const held = new Set<DatabaseSync>();

/**
 * Opens the folder, made when it is missing, for this process alone. Throws DATA_FOLDER_IN_USE, naming the server
 * that has it, or DATA_FOLDER_REFUSED when it cannot be used, is somebody else's or open to others; and the system's error
 * when the disk is full.
 */
export function openDataFolder(path: string): DataFolder {
  prepare(path);
  const lock = takeLock(path);
  const record = join(path, "server.json");
  const write = (server: Partial<ServerRecord>) => {
    const fresh = `${record}.${process.pid}`;
    try {
      writeFileSync(fresh, `${JSON.stringify(server)}\n`, { mode: 0o600 });
      renameSync(fresh, record);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
  };
  // Without an address clients do not use it, but a second server can say whom it met.
  try {
    write({ pid: process.pid });
  } catch (error) {
    lock.close();
    held.delete(lock);
    throw error;
  }
  return {
    path,
    file: (...names) => join(path, ...names),
    announce: write,
    release() {
      rmSync(record, { force: true });
      lock.close();
      held.delete(lock);
    },
  };
}

function prepare(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    refuse(`cannot make the data folder ${path}: ${messageOf(error)}; name another with --data`);
  }
  const { uid, mode } = statSync(path);
  const me = process.getuid?.();
  if (me !== undefined && uid !== me) {
    refuse(`the data folder ${path} belongs to user ${uid}; name another with --data`);
  }
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8);
    refuse(`the data folder ${path} is open to others (mode ${shown}); run \`chmod 700 ${path}\``);
  }
  try {
    // It holds the secret key, and by default lies in a project's folder.
    if (!existsSync(join(path, ".gitignore"))) writeFileSync(join(path, ".gitignore"), "*\n");
  } catch (error) {
    refuse(`cannot write to the data folder ${path}: ${messageOf(error)}; name another with --data`);
  }
}

const SQLITE_BUSY = 5;

function takeLock(path: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(path, "lock"));
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;");
    held.add(lock);
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) {
      refuse(`cannot lock the data folder ${path}: ${messageOf(error)}`);
    }
    throw new MflowError(
      "DATA_FOLDER_IN_USE",
      `another mflow server runs on the data folder ${path} (${ownerOf(path)}); stop it, or name another with --data`,
    );
  }
}

function ownerOf(path: string): string {
  try {
    const text = readFileSync(join(path, "server.json"), "utf8");
    const { pid, address } = JSON.parse(text) as Partial<ServerRecord>;
    return address === undefined ? `pid ${pid}, not listening yet` : `pid ${pid} at ${address}`;
  } catch {
    return "it is just starting or stopping";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refuse(message: string): never {
  throw new MflowError("DATA_FOLDER_REFUSED", message);
}
