// One supervisor per folder, whoever starts when.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identityOf } from "./process-identity.ts";
import {
  findSupervisor,
  makeFolder,
  nextNumber,
  recordPath,
  supervisorFolder,
  takeRecord,
} from "./supervisor-record.ts";

let dataDir: string;
let folder: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "mflow-record-"));
  folder = supervisorFolder(dataDir);
  makeFolder(folder);
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** A record of a process that has this number but started at another time. */
function writeDead(number: number): void {
  const identity = { ...identityOf(process.pid), start: 1, socket: join(folder, "dead-socket") };
  writeFileSync(recordPath(folder, number), JSON.stringify(identity));
}

test("nobody serves an empty folder; the first takes number 1", () => {
  expect([findSupervisor(dataDir), nextNumber(folder)]).toEqual([undefined, 1]);
  expect(takeRecord(folder, 1, "socket")).toBe(true);
  expect(findSupervisor(dataDir)).toEqual({ ...identityOf(process.pid), socket: "socket" });
  expect(nextNumber(folder)).toBeUndefined();
});

test("of two that start at once one gets the folder", () => {
  expect([takeRecord(folder, 1, "a"), takeRecord(folder, 1, "b")]).toEqual([true, false]);
  expect(findSupervisor(dataDir)?.socket).toBe("a");
});

test("a process with a reused number is not the supervisor; the next one takes over", () => {
  writeDead(7);
  expect([findSupervisor(dataDir), nextNumber(folder)]).toEqual([undefined, 8]);
  expect(takeRecord(folder, 8, "socket")).toBe(true);
  expect(readdirSync(folder)).toEqual(["lock.8"]);
});

test("who comes with an old number steps back", () => {
  takeRecord(folder, 9, "socket");
  expect(takeRecord(folder, 5, "late")).toBe(false);
  expect(readdirSync(folder)).toEqual(["lock.9"]);
});
