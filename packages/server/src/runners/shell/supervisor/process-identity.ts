// Who a process is. A number alone is reused by the system; the boot, the number and the moment of the start
// together are not. From /proc; where there is none (macOS), the number has to do.

import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** Start in clock ticks since the boot; 0 when unknown. */
  start: number;
  /** Id of the boot; empty when unknown. */
  boot: string;
}

let boot: string | undefined;

/** Id of the present boot of the machine; empty when unknown. */
export function bootId(): string {
  boot ??= readFile("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  return boot;
}

/** Identity of a running process. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, start: startTime(pid) ?? 0, boot: bootId() };
}

/** Whether the very process still runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.boot !== bootId()) return false;
  if (identity.start === 0) return exists(identity.pid);
  return startTime(identity.pid) === identity.start;
}

/** Whether a process, or with a negative number a process group, can be signalled. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the second field may contain spaces and parentheses. */
function startTime(pid: number): number | undefined {
  const stat = readFile(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : Number(fields[19]);
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
