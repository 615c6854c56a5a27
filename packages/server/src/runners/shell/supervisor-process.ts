// Starts the supervisor of a data folder: a process of its own session that outlives the server, with nothing
// of the server's environment.

import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeFolder, supervisorFolder } from "./supervisor/supervisor-record.ts";
import { PROGRAMS } from "./supervisor/system-path.ts";

/** It lives long and does little: memory counts more than speed. */
const NODE_FLAGS = ["--max-semi-space-size=2"];
const LONGEST_LOG = 1024 * 1024;
/** Folders of compiled code begin with this. */
const CODE = "code-";

export interface SupervisorStart {
  dataDir: string;
  /** Program and arguments instead of this Node and the supervisor's own program. */
  command?: string[];
  /** How long it waits without a server and without work before it ends, milliseconds. */
  idleMs?: number;
}

/** Resolves when the supervisor listens, or when another one does. Rejects with its last words. */
export async function startSupervisor({ dataDir, command, idleMs }: SupervisorStart): Promise<void> {
  const folder = supervisorFolder(dataDir);
  makeFolder(folder);
  const program = command ?? (await ownProgram(folder));
  const args = [...program.slice(1), dataDir, "--ready-fd", "3"];
  if (idleMs !== undefined) args.push("--idle-ms", String(idleMs));
  const log = openLog(folder);
  try {
    const child = spawn(program[0] as string, args, {
      detached: true,
      cwd: "/",
      stdio: ["ignore", log.fd, log.fd, "pipe"],
      env: { PATH: PROGRAMS, NODE_COMPILE_CACHE: codeCache(folder), MALLOC_ARENA_MAX: "2" },
    });
    const ready = child.stdio[3];
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      ready?.once("data", () => resolve());
      child.once("exit", (code, signal) => {
        // It leaves with 0 when another one was faster.
        if (code === 0) resolve();
        else reject(new Error(`the supervisor ended with ${signal ?? code}: ${lastWords(log.path)}`));
      });
    });
    ready?.destroy();
    child.unref();
  } finally {
    closeSync(log.fd);
  }
}

const main = fileURLToPath(new URL(`./supervisor/main${import.meta.url.slice(-3)}`, import.meta.url));

async function ownProgram(folder: string): Promise<string[]> {
  const program = [process.execPath, ...NODE_FLAGS, main];
  const cache = codeCache(folder);
  if (main.endsWith(".ts") && !existsSync(cache)) {
    for (const name of readdirSync(folder)) {
      if (name.startsWith(CODE)) rmSync(join(folder, name), { recursive: true, force: true });
    }
    const env = { PATH: PROGRAMS, NODE_COMPILE_CACHE: cache };
    // A supervisor without this cache is larger, but works.
    await promisify(execFile)(process.execPath, program.slice(1), { env }).catch(() => {});
  }
  return program;
}

/** Where Node keeps the compiled program; another folder for each state of its files. */
function codeCache(folder: string): string {
  const hash = createHash("sha256").update(process.version);
  for (const name of readdirSync(dirname(main)).sort()) {
    const { size, mtimeMs } = statSync(join(dirname(main), name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return join(folder, `${CODE}${hash.digest("hex").slice(0, 16)}`);
}

function openLog(folder: string): { fd: number; path: string } {
  const path = join(folder, "supervisor.log");
  if (existsSync(path) && statSync(path).size > LONGEST_LOG)
    renameSync(path, join(folder, `${basename(path)}.old`));
  return { fd: openSync(path, "a", 0o600), path };
}

function lastWords(path: string): string {
  try {
    return readFileSync(path, "utf8").trim().split("\n").slice(-8).join("\n");
  } catch {
    return "its log cannot be read";
  }
}
