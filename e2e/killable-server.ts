// A server as a process of its own, for tests that kill it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@mflow/sdk";

const command = join(import.meta.dirname, "..", "bin", "mflow.js");
const READY_WITHIN_MS = 60_000;

export interface KillableServer {
  process: ChildProcess;
  client: Client;
  /** With SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a server on a data folder; resolves when it is ready. */
export async function startKillableServer(
  data: string,
  flags: readonly string[] = [],
): Promise<KillableServer> {
  const args = [command, "server", "--data", data, "--port", "0", ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  const kill = async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said}`);
    if (Date.now() > deadline) throw new Error(`the server did not get ready: ${said}`);
    const client = readyClient(data, child.pid);
    if (
      client &&
      (await client.ready().then(
        () => true,
        () => false,
      ))
    )
      return { process: child, client, kill };
    await delay(10);
  }
}

/** A client of the process, once it has said where it listens. */
function readyClient(data: string, ownPid: number | undefined): Client | undefined {
  const record = join(data, "server.json");
  if (!existsSync(record)) return undefined;
  const { address, pid } = JSON.parse(readFileSync(record, "utf8"));
  if (pid !== ownPid || !address) return undefined;
  const token = readFileSync(join(data, "local.token"), "utf8").trim();
  return createClient({ url: address, token, retries: 0 });
}
