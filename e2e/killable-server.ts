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
  /** The address it listens on. */
  address: string;
  /** What it wrote to stderr until now. */
  said(): string;
  /** Ends it as a power cut would; its supervisor lives on. */
  kill(): Promise<void>;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
}

/** Starts a server on the folder; resolves once it takes work, and throws with what it said if it never does. */
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
    if (Date.now() > deadline) {
      await end(child, "SIGKILL");
      throw new Error(`the server did not get ready: ${said}`);
    }
    const ready = await whenReady(data, child);
    if (ready) {
      const ends = { kill: () => end(child, "SIGKILL"), stop: () => end(child, "SIGTERM") };
      return { ...ready, said: () => said, ...ends };
    }
    await delay(10);
  }
}

/** Where the server is and a client of it, once it takes work; the record may still be that of the one before. */
async function whenReady(
  data: string,
  child: ChildProcess,
): Promise<{ address: string; client: Client } | undefined> {
  const record = join(data, "server.json");
  const { address, pid } = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : {};
  if (pid !== child.pid || !address) return undefined;
  const token = readFileSync(join(data, "local.token"), "utf8").trim();
  const client = createClient({ url: address, token, retries: 0 });
  return client.ready().then(
    () => ({ address, client }),
    () => undefined,
  );
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** Kills the supervisor that the data folder's servers started; answers how many there were: none or one. */
export function killSupervisor(data: string): number {
  const folder = join(data, "supervisor");
  if (!existsSync(folder)) return 0;
  let killed = 0;
  for (const name of readdirSync(folder).filter((each) => /^lock\.\d+$/.test(each))) {
    try {
      process.kill(JSON.parse(readFileSync(join(folder, name), "utf8")).pid, "SIGKILL");
      killed++;
    } catch (error) {
      // It has ended, or another one has just taken its place and the record away.
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ESRCH", "ENOENT"].includes(code)) throw error;
    }
  }
  return killed;
}
