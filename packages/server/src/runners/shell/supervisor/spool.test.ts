// The spool numbers its lines without gaps, also over the end of a supervisor.

import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SpoolLine } from "./protocol.ts";
import { Spool } from "./spool.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mflow-spool-"));
  path = join(folder, "attempt", "spool");
});
afterEach(() => rmSync(folder, { recursive: true }));

const fail = (error: unknown) => {
  throw error;
};
const lines = (): SpoolLine[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("there is no file without a line", () => {
  const spool = new Spool(path, () => {}, fail);
  spool.close();
  expect(spool.extent).toBeUndefined();
});

test("lines are numbered, and those of one moment are written at once", () => {
  let grew = 0;
  const spool = new Spool(path, () => grew++, fail);
  spool.add(5, "stdout", "a", 'one "quoted"');
  spool.add(6, "mflow", "b", "two\u2028");
  spool.flush();
  expect(lines()).toEqual([
    [1, 5, "stdout", "a", 'one "quoted"'],
    [2, 6, "mflow", "b", "two\u2028"],
  ]);
  expect([grew, spool.extent]).toEqual([1, { path, lines: 2, bytes: readFileSync(path).length }]);
});

test("the first lines are held for a moment; who ends meanwhile needs no file", async () => {
  const spool = new Spool(path, () => {}, fail);
  spool.add(5, "stdout", "a", "one");
  expect(spool.takeHeld()).toBe('[1,5,"stdout","a","one"]\n');
  spool.close();
  expect([spool.extent, existsSync(path)]).toEqual([undefined, false]);
});

test("held lines are written soon, and at once when they are many", async () => {
  const [soon, many] = await Promise.all([
    new Promise<Spool>((resolve) => {
      const spool: Spool = new Spool(path, () => resolve(spool), fail);
      spool.add(5, "stdout", "a", "one");
    }),
    new Promise<Spool>((resolve) => {
      const spool: Spool = new Spool(join(folder, "many"), () => resolve(spool), fail);
      spool.add(5, "stdout", "a", "x".repeat(10_000));
    }),
  ]);
  expect([soon.takeHeld(), soon.extent?.lines, many.extent?.lines]).toEqual([undefined, 1, 1]);
  soon.close();
  many.close();
});

test("a successor goes on after the last whole line", () => {
  const first = new Spool(path, () => {}, fail);
  first.add(1, "stdout", "a", "one");
  first.close();
  appendFileSync(path, '[2,1,"stdout","a","cut of');
  const second = new Spool(path, () => {}, fail);
  second.takeUp();
  second.add(2, "mflow", "a", "two");
  second.close();
  expect(lines()).toEqual([
    [1, 1, "stdout", "a", "one"],
    [2, 2, "mflow", "a", "two"],
  ]);
  expect(second.extent?.lines).toBe(2);
});

test("lines that cannot be written are lost, and the log says how many", () => {
  const errors: unknown[] = [];
  rmSync(folder, { recursive: true });
  appendFileSync(folder, "a file where the folder should be");
  const spool = new Spool(
    path,
    () => {},
    (error) => errors.push(error),
  );
  spool.add(1, "stdout", "a", "one");
  spool.add(1, "stdout", "a", "two");
  spool.flush();
  rmSync(folder);
  spool.add(1, "stdout", "a", "three");
  spool.flush();
  expect(errors).toHaveLength(1);
  expect(lines().map(([number, , stream, , text]) => [number, stream, text])).toEqual([
    [1, "mflow", "2 lines were lost: the log could not be written"],
    [2, "stdout", "three"],
  ]);
});
