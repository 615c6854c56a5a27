// The server of a data folder on this machine: where it is, and whether it is ready.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type Client, ConnectionError, createClient } from "@mflow/sdk";
import { UsageError } from "./usage-error.ts";

/** A server that is starting gets so long to be ready, one that ends so long to be gone. */
export const PATIENCE_MS = 20_000;
export const POLL_MS = 20;
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

/** The text of a file of the folder; nothing when it is missing. */
export async function readOwn(dataFolder: string, name: string): Promise<string | undefined> {
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
    // A full disk: what is only read is answered, and each change says it.
    if (error instanceof ApiError && error.code.startsWith("STORE_")) return "ready";
    return "not yet";
  }
}

/** The folder's server, once it is ready; nothing when none runs. Waits for one that is starting or stopping. */
export async function runningServer(dataFolder: string): Promise<LocalServer | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
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

/** Whether there is a process of this id, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
