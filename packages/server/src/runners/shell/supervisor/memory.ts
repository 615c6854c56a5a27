// How much memory the processes of a step hold, from /proc. Each sample adds up what they hold now; the
// kernel itself remembers the peak of each single process, so a peak between samples shows there.

import { readdirSync, readFileSync } from "node:fs";

/** A process and all that descend from it. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (let at = 0; at < found.length; at++) {
    const process = found[at] as number;
    for (const thread of list(`/proc/${process}/task`)) {
      const children = read(`/proc/${process}/task/${thread}/children`).split(" ");
      for (const child of children) if (child !== "") found.push(Number(child));
    }
  }
  return found;
}

/** Bytes that the processes hold together now, or that one of them once held alone, whichever is more. */
export function memoryOf(pids: number[]): number {
  let together = 0;
  let alone = 0;
  for (const pid of pids) {
    const status = read(`/proc/${pid}/status`);
    together += kibibytes(status, "VmRSS");
    alone = Math.max(alone, kibibytes(status, "VmHWM"));
  }
  return Math.max(together, alone) * 1024;
}

function kibibytes(status: string, field: string): number {
  const start = status.indexOf(`${field}:`);
  return start === -1 ? 0 : Number.parseInt(status.slice(start + field.length + 1), 10);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
