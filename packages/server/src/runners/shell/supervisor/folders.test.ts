// Folders that serve one task after another, on file systems whose clocks are coarse as well.

import { lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Folders, type TaskFolder } from "./folders.ts";

let home: string;
let folders: Folders;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mflow-folders-"));
  folders = new Folders(home, "1", undefined);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(home, { recursive: true });
});

/** As if all that has happened to the folder was in one tick of the clock, and long ago. */
function blur(folder: TaskFolder): void {
  folder.workChange = lstatSync(folder.work).ctimeMs;
  folder.outChange = lstatSync(folder.out).ctimeMs;
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
}

test("a folder that was left as it was found serves the next task", () => {
  const folder = folders.take();
  folders.giveBack(folder);
  expect(folders.take()).toEqual(folder);
});

test("what a step put out is seen also when it came in the moment in which the folder was made", () => {
  const folder = folders.take();
  const before = folders.outputs(folder);
  writeFileSync(folder.output, "A=1\n");
  blur(folder);
  expect([before, folders.outputs(folder)]).toEqual([[], ["output"]]);
});

test.each(["work", "out"] as const)("a folder with a file in `%s` serves nobody else", (place) => {
  const folder = folders.take();
  writeFileSync(join(folder[place], "file"), "");
  blur(folder);
  folders.giveBack(folder);
  expect(folders.take().path).not.toBe(folder.path);
});
