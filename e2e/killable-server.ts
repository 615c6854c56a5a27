// A server as a process of its own, on a data folder that outlives it, for tests that kill it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@mflow/sdk";

const command = join(import.meta.dirname, "..", "bin", "mflow.js");

export interface KillableServer {
  client: Client;
  /** Ends it as a power cut would; its supervisor lives on. */
  kill(): Promise<void>;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
}

/** Starts a server on the folder; resolves once it takes work. */
export async function startKillableServer(
  data: string,
  flags: readonly string[] = [],
): Promise<KillableServer> {
  const args = [command, "server", "--data", data, "--port", "0", "--allow-root-steps", ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said}`);
    if (Date.now() > deadline) throw new Error(`the server did not get ready: ${said}`);
    const client = await readyClient(data, child);
    if (client) return { client, kill: () => end(child, "SIGKILL"), stop: () => end(child, "SIGTERM") };
    await delay(10);
  }
}

async function readyClient(data: string, child: ChildProcess): Promise<Client | undefined> {
  const record = join(data, "server.json");
  const { address, pid } = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
  if (pid !== child.pid || !address) return undefined;
  const token = readFileSync(join(data, "local.token"), "utf8").trim();
  const client = createClient({ url: address, token, retries: 0 });
  return client.ready().then(
    () => client,
    () => undefined,
  );
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Kills the supervisor that the data folder's servers left. */
export async function killSupervisor(data: string): Promise<void> {
  const folder = join(data, "supervisor");
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).filter((each) => /^lock\.\d+$/.test(each))) {
    try {
      process.kill(JSON.parse(readFileSync(join(folder, name), "utf8")).pid, "SIGKILL");
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ESRCH", "ENOENT"].includes(code)) throw error;
    }
  }
}
