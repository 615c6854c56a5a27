// Servers in the background: started for a command that needs one, ended by themselves when idle.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import {
  isAlive,
  type LocalServer,
  PATIENCE_MS,
  POLL_MS,
  readOwn,
  recordedServer,
  runningServer,
} from "./local-server.ts";
import { UsageError } from "./usage-error.ts";

/** How long after its last run and gate a server in the background ends. */
const IDLE_EXIT = "60s";

/** How long another server that has the folder may take to get ready, before we try again. */
const TAKEN_PAUSE_MS = 300;

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
  const deadline = Date.now() + PATIENCE_MS;
  try {
    while (true) {
      const child = spawnServer(io, dataFolder, flags, log.fd);
      const outcome = await outcomeOf(child, dataFolder, deadline);
      child.unref();
      if (typeof outcome === "object") {
        if (outcome.pid === child.pid)
          await rememberFlags(dataFolder, { pid: outcome.pid, flags: [...flags] });
        return outcome;
      }
      // Another server has the folder: it gets ready soon, or it is just going and ours can follow.
      if (outcome === "taken" && Date.now() < deadline) continue;
      const why = outcome === "late" ? `it was not ready within ${PATIENCE_MS / 1000} s` : "it ended at once";
      throw new UsageError(
        `cannot start a server in the background: ${why}`,
        (await endOfLog(logFile, logStart)) || `See ${logFile}.`,
      );
    }
  } finally {
    await log.close();
  }
}

/** With which flags a server in the background was started, so that it can be told whether it will do. */
interface BackgroundRecord {
  pid: number;
  flags: string[];
}

const BACKGROUND_RECORD = "background.json";

async function rememberFlags(dataFolder: string, record: BackgroundRecord): Promise<void> {
  await writeFile(join(dataFolder, BACKGROUND_RECORD), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** The flags of the server when it was started in the background; nothing of one that somebody started themselves. */
export async function backgroundFlags(
  dataFolder: string,
  server: LocalServer,
): Promise<string[] | undefined> {
  const text = await readOwn(dataFolder, BACKGROUND_RECORD);
  if (text === undefined) return undefined;
  try {
    const { pid, flags } = JSON.parse(text) as BackgroundRecord;
    return pid === server.pid ? flags : undefined;
  } catch {
    return undefined;
  }
}

/** Ends a server in the background and waits until it has gone. What it runs goes on. */
export async function stopInBackground(dataFolder: string, server: LocalServer): Promise<void> {
  process.kill(server.pid, "SIGTERM");
  const deadline = Date.now() + PATIENCE_MS;
  while ((await recordedServer(dataFolder))?.pid === server.pid && isAlive(server.pid)) {
    if (Date.now() > deadline) throw new UsageError(`the server with pid ${server.pid} does not end`);
    await delay(POLL_MS);
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
