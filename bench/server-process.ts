// A real server process on a data folder, as `mflow server` starts it, and what the system says of it: Linux's
// /proc is read.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@mflow/sdk";

const command = join(import.meta.dirname, "..", "bin", "mflow.js");

/** After a start or much work the process still tidies up for a moment. */
const SETTLE_MS = 1000;

export interface StartedProcess {
  /** e.g. `http://127.0.0.1:41763`. */
  address: string;
  /** Milliseconds from the start of the process to its first answer. */
  startMs: number;
  /** Resident memory once the process has come to rest, MB. */
  rssMb(): Promise<number>;
  /** Time that its threads spent on a CPU until now, milliseconds. */
  cpuMs(): number;
  /** Ends the process and waits until it has gone. */
  stop(): Promise<void>;
}

export interface StartedServer extends StartedProcess {
  client: Client;
}

/** A fresh private folder. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "mflow-bench-"));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Calls `work` with a fresh folder and removes it afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder();
  try {
    return await work(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** Calls `work` with a server on a data folder, which has answered its first request, and stops it afterwards. */
export async function onServer<T>(
  dataFolder: string,
  flags: readonly string[],
  work: (server: StartedServer) => Promise<T>,
): Promise<T> {
  const settings = ["--data", dataFolder, "--port", "0", "--log-level", "warn"];
  const server = await startHttp([command, "server", ...settings, ...flags], "/readyz");
  try {
    const token = readFileSync(join(dataFolder, "local.token"), "utf8").trim();
    return await work({ ...server, client: createClient({ url: server.address, token, retries: 0 }) });
  } finally {
    await server.stop();
  }
}

const bareProgram = `
  const server = require("node:http").createServer((request, response) => response.end("{}"));
  server.listen(0, "127.0.0.1", () => console.error("http://127.0.0.1:" + server.address().port));`;

/** The machine's limit: Node alone with an HTTP server that does nothing. */
export async function onBareServer<T>(work: (server: StartedProcess) => Promise<T>): Promise<T> {
  const server = await startHttp(["-e", bareProgram], "/");
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** Starts Node with a program that says its address on stderr, and asks it for `path`. */
async function startHttp(args: readonly string[], path: string): Promise<StartedProcess> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const address = await addressOf(child);
  await answerOf(address + path);
  const startMs = performance.now() - start;
  return {
    address,
    startMs,
    async rssMb() {
      await delay(SETTLE_MS);
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
    },
    cpuMs() {
      // Of each thread, because the ticks of the process are too coarse for one that is idle.
      const threads = `/proc/${child.pid}/task`;
      const times = readdirSync(threads).map((id) => readFileSync(join(threads, id, "schedstat"), "utf8"));
      return times.reduce((sum, time) => sum + Number(time.split(" ")[0]) / 1e6, 0);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** The address that the process says; rejects with what it said instead. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const address = /http:\/\/[0-9.]+:\d+/.exec(said)?.[0];
      if (address !== undefined) resolve(address);
    });
    child.on("exit", (code, signal) =>
      reject(new Error(`the process ended with ${signal ?? code}: ${said}`)),
    );
  });
}

/** Asks with as little as possible between: a client of its own costs some milliseconds at first use. */
function answerOf(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    }).on("error", reject);
  });
}
