// Stops the service that a record tells of and waits until it is gone: `node scripts/stop.ts RECORD`. Its process
// id alone proves nothing, for ids are used again: only a service that says the same id itself is stopped.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseEnv } from "node:util";

const record = process.argv[2] ?? "";
const { SERVICE_URL, SERVICE_PID } = existsSync(record) ? parseEnv(readFileSync(record, "utf8")) : {};

if (await answers()) {
  process.kill(Number(SERVICE_PID), "SIGTERM");
  while (await answers()) await delay(50);
  console.log(`stopped the service at ${SERVICE_URL}`);
} else {
  console.log("no service runs");
}
rmSync(record, { force: true });

async function answers(): Promise<boolean> {
  if (!SERVICE_URL) return false;
  try {
    const response = await fetch(`${SERVICE_URL}/health`, { signal: AbortSignal.timeout(5000) });
    const { pid } = (await response.json()) as { pid?: number };
    return String(pid) === SERVICE_PID;
  } catch {
    return false;
  }
}
