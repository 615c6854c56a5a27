// The server of a data folder on this machine: where it is, and how to start one in the background.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type Client, ConnectionError, createClient } from "@mflow/sdk";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/** How long after its last run and gate a server in the background ends. */
export const IDLE_EXIT = "60s";

const START_DEADLINE_MS = 20_000;
const POLL_MS = 20;
/** How long another server that has the folder may take to get ready, before we try again. */
const TAKEN_PAUSE_MS = 300;
const READY_TIMEOUT_MS = 2000;

export interface LocalServer {
  /** e.g. `http://127.0.0.1:41763`. */
  url: string;
  pid: number;
}

/** What `server.json` of the folder says, whether or not that server still lives. */
export async function recordedServer(dataFolder: string): Promise<LocalServer | undefined> {
  const text = await readOwn(dataFolder, "server.json");
  if (text === undefined) return undefined;
  try {
    const { address, pid } = JSON.parse(text) as { address?: unknown; pid?: unknown };
    return typeof address === "string" && typeof pid === "number" ? { url: address, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** The token that the server of the folder takes while it has no users. */
export async function localToken(dataFolder: string): Promise<string | undefined> {
  return (await readOwn(dataFolder, "local.token"))?.trim() || undefined;
}

async function readOwn(dataFolder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(dataFolder, name), "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UsageError(
      `cannot read ${join(dataFolder, name)}: ${code === "EACCES" ? "permission denied" : message}`,
      "The data folder belongs to whoever started its server; name a server with --url, or another folder with --data.",
    );
  }
}

type Presence = "ready" | "not yet" | "gone";

async function presenceOf(client: Client): Promise<Presence> {
  try {
    await client.ready(AbortSignal.timeout(READY_TIMEOUT_MS));
    return "ready";
  } catch (error) {
    if (error instanceof ConnectionError) return "gone";
    if (error instanceof ApiError && error.status !== 503) throw error;
    return "not yet";
  }
}

/** The folder's server, once it is ready; nothing when none runs. Waits for one that is starting or stopping. */
export async function runningServer(dataFolder: string): Promise<LocalServer | undefined> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (true) {
    const server = await recordedServer(dataFolder);
    if (!server || !isAlive(server.pid)) return undefined;
    const presence = await presenceOf(createClient({ url: server.url, retries: 0 }));
    if (presence === "ready") return server;
    if (presence === "gone") return undefined;
    if (Date.now() > deadline) {
      throw new UsageError(`the server on ${dataFolder} (pid ${server.pid}) does not get ready`);
    }
    await delay(POLL_MS);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Starts a server on the folder that lives on without this process, and answers once it is ready. When another
 * one was faster, that one is the answer. Throws UsageError with the end of its log when it does not start.
 */
export async function startInBackground(
  io: Io,
  dataFolder: string,
  flags: readonly string[],
): Promise<LocalServer> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot make the data folder ${dataFolder}: ${error.code ?? error.message}`);
  });
  const logFile = join(dataFolder, "server.log");
  const log = await open(logFile, "a", 0o600);
  const logStart = (await log.stat()).size;
  const deadline = Date.now() + START_DEADLINE_MS;
  try {
    while (true) {
      const child = spawnServer(io, dataFolder, flags, log.fd);
      const outcome = await outcomeOf(child, dataFolder, deadline);
      child.unref();
      if (typeof outcome === "object") return outcome;
      // Another server has the folder: it gets ready soon, or it is just going and ours can follow.
      if (outcome === "taken" && Date.now() < deadline) continue;
      const why =
        outcome === "late" ? `it was not ready within ${START_DEADLINE_MS / 1000} s` : "it ended at once";
      throw new UsageError(
        `cannot start a server in the background: ${why}`,
        (await endOfLog(logFile, logStart)) || `See ${logFile}.`,
      );
    }
  } finally {
    await log.close();
  }
}

function spawnServer(io: Io, dataFolder: string, flags: readonly string[], logFd: number): ChildProcess {
  const args = ["server", "--data", dataFolder, "--port", "0", ...flags];
  const { MFLOW_URL: _url, MFLOW_TOKEN: _token, MFLOW_IDLE_EXIT: idleExit, ...inherited } = io.env;
  return spawn(process.execPath, [io.script, ...args], {
    cwd: dataFolder,
    env: { ...inherited, MFLOW_IDLE_EXIT: idleExit || IDLE_EXIT },
    detached: true,
    stdio: ["ignore", logFd, logFd],
  });
}

/** The server that is ready on the folder, or how the one that we started ended. */
async function outcomeOf(
  child: ChildProcess,
  dataFolder: string,
  deadline: number,
): Promise<LocalServer | "taken" | "ended" | "late"> {
  let failed = false;
  child.on("error", () => {
    failed = true;
  });
  while (true) {
    const server = await runningServer(dataFolder);
    if (server) return server;
    if (child.exitCode === EXIT.taken) {
      await delay(TAKEN_PAUSE_MS);
      return (await runningServer(dataFolder)) ?? "taken";
    }
    if (failed || child.exitCode !== null || child.signalCode !== null) return "ended";
    if (Date.now() > deadline) return "late";
    await delay(POLL_MS);
  }
}

const LOG_LINES = 5;

async function endOfLog(file: string, from: number): Promise<string> {
  const text = await readFile(file).catch(() => Buffer.alloc(0));
  return text.subarray(from).toString("utf8").trimEnd().split("\n").slice(-LOG_LINES).join("\n");
}
