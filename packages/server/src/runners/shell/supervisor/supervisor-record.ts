// Which supervisor serves a data folder. The record is the lock as well: `supervisor/lock.N` appears whole
// (by a link), once the supervisor listens, and nobody can take a number twice. Whoever has the highest
// number and still runs serves the folder; to take over from a dead one is to take the next number. So two
// supervisors never serve one folder, also when two start at the same moment.

import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, isAlive, type ProcessIdentity } from "./process-identity.ts";

export interface SupervisorRecord extends ProcessIdentity {
  /** Path of its socket. */
  socket: string;
}

/** The supervisor's folder in a data folder. */
export function supervisorFolder(dataDir: string): string {
  return join(dataDir, "supervisor");
}

/** The supervisor that serves the data folder, or nothing when none runs. */
export function findSupervisor(dataDir: string): SupervisorRecord | undefined {
  const folder = supervisorFolder(dataDir);
  const last = numbersIn(folder).at(-1);
  const record = last === undefined ? undefined : readRecord(folder, last);
  return record && isAlive(record) ? record : undefined;
}

/** The number that the next supervisor of the folder would have; undefined while one runs. */
export function nextNumber(folder: string): number | undefined {
  const last = numbersIn(folder).at(-1) ?? 0;
  const record = readRecord(folder, last);
  return record && isAlive(record) ? undefined : last + 1;
}

/** Makes this process the supervisor with that number; false when another was faster. */
export function takeRecord(folder: string, number: number, socket: string): boolean {
  const draft = join(folder, `lock-draft.${process.pid}`);
  const record: SupervisorRecord = { ...identityOf(process.pid), socket };
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
  try {
    linkSync(draft, recordPath(folder, number));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  if (numbersIn(folder).some((other) => other > number)) {
    // Our number was free only because its owner has come and gone, and another followed it.
    rmSync(recordPath(folder, number), { force: true });
    return false;
  }
  for (const older of numbersIn(folder)) {
    if (older >= number) continue;
    const before = readRecord(folder, older);
    if (before) rmSync(before.socket, { force: true });
    rmSync(recordPath(folder, older), { force: true });
  }
  return true;
}

/** Where the record of the supervisor of this number is. */
export function recordPath(folder: string, number: number): string {
  return join(folder, `lock.${number}`);
}

/** Makes a folder that its owner alone may look into; no error when it is there. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

function readRecord(folder: string, number: number): SupervisorRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(folder, number), "utf8")) as SupervisorRecord;
  } catch {
    return undefined;
  }
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => /^lock\.([0-9]+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}
