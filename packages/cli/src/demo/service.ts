// The service that the demo's pipeline deploys, seen from outside: where it runs, and how to stop it. The pipeline
// stops it in its last stage; when it does not get there, the demo does.

import { readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseEnv } from "node:util";

interface Service {
  url: string;
  pid: number;
}

const ANSWER_MS = 2000;
const STOP_MS = 5000;
const POLL_MS = 50;

function recorded(file: string): Service | undefined {
  try {
    const { SERVICE_URL: url, SERVICE_PID: pid } = parseEnv(readFileSync(file, "utf8"));
    return url && Number(pid) > 1 ? { url, pid: Number(pid) } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the very process of the record answers: its id alone may be that of another one by now. */
async function answers({ url, pid }: Service): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return ((await response.json()) as { pid?: number }).pid === pid;
  } catch {
    return false;
  }
}

/** Address of the service, while it runs. */
export async function runningService(file: string): Promise<string | undefined> {
  const service = recorded(file);
  return service && (await answers(service)) ? service.url : undefined;
}

/** Stops the service that the record tells of, if it runs, and answers with its address. */
export async function stopService(file: string): Promise<string | undefined> {
  const service = recorded(file);
  if (!service || !(await answers(service))) return undefined;
  process.kill(service.pid, "SIGTERM");
  const deadline = Date.now() + STOP_MS;
  while (await answers(service)) {
    if (Date.now() > deadline) process.kill(service.pid, "SIGKILL");
    await delay(POLL_MS);
  }
  rmSync(file, { force: true });
  return service.url;
}

/** The same for a process that ends at once and can wait for nothing. Only for a record of this very demo. */
export function stopServiceNow(file: string): void {
  const service = recorded(file);
  if (!service) return;
  try {
    process.kill(service.pid, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
