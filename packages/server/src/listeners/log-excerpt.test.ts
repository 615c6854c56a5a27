import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FileLogStore, openFileLogStore } from "../logs/file-log-store.ts";
import type { LogLine } from "../logs/log-store.ts";
import { failingLines } from "./log-excerpt.ts";

let folder: string;
let logs: FileLogStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-excerpt-"));
  logs = await openFileLogStore(folder);
});

afterEach(async () => {
  await logs.close();
  await rm(folder, { recursive: true, force: true });
});

type Written = { step?: string; stream?: LogLine["stream"]; text: string };

async function write(written: Written[], attempt = 1): Promise<void> {
  const lines = written.map(
    ({ step = "test", stream = "stdout", text }, index): LogLine => ({
      line: index + 1,
      time: 0,
      stream,
      step,
      text,
    }),
  );
  const ref = { taskId: "task-1", attempt };
  for (let start = 0; start < lines.length; start += 1000)
    await logs.append(ref, lines.slice(start, start + 1000));
  await logs.finish(ref);
}

const numbered = (from: number, to: number, name = "line"): Written[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ text: `${name} ${from + index}` }));

test("the first line that looks like an error is shown with what follows it", async () => {
  await write([
    ...numbered(1, 300),
    { text: "TypeError: x is undefined" },
    ...numbered(1, 20, "    at frame"),
  ]);
  expect(await failingLines(logs, "task-1", 1)).toEqual([
    "TypeError: x is undefined",
    ...numbered(1, 9, "at frame").map(({ text }) => text),
  ]);
});

test("an earlier step, notes of mflow, and counts of no errors are not the failure", async () => {
  await write([
    { step: "build", text: "error: of another step" },
    { text: "0 errors, 0 failed" },
    { text: "errors: 0" },
    { text: "make: *** [all] Error 2", stream: "stderr" },
    { text: "error: output was cut", stream: "mflow", step: "" },
  ]);
  expect(await failingLines(logs, "task-1", 1)).toEqual(["make: *** [all] Error 2"]);
});

test("without such a line the last lines of stderr are shown, and without those the last lines", async () => {
  await write([{ text: "usage: deploy TARGET", stream: "stderr" }, ...numbered(1, 30)]);
  expect(await failingLines(logs, "task-1", 1)).toEqual(["usage: deploy TARGET"]);
  await write(numbered(1, 30), 2);
  expect(await failingLines(logs, "task-1", 2)).toEqual(numbered(21, 30).map(({ text }) => text));
});

test("lines lose their colours, blank ones are left out, and long ones are cut", async () => {
  await write([{ text: "\u001b[31mFAILED\u001b[0m\tnow" }, { text: "  " }, { text: "y".repeat(400) }]);
  expect(await failingLines(logs, "task-1", 1)).toEqual(["FAILED now", `${"y".repeat(299)}…`]);
});

test("a log without lines gives none", async () => {
  expect(await failingLines(logs, "task-1", 1)).toEqual([]);
});

test("of a huge log only its end is read", async () => {
  await write([{ text: "error: too far away" }, ...numbered(2, 20_000)]);
  let read = 0;
  const counting = {
    length: (ref: { taskId: string; attempt: number }) => logs.length(ref),
    async read(ref: { taskId: string; attempt: number }, from: number, limit: number) {
      const lines = await logs.read(ref, from, limit);
      read += lines.length;
      return lines;
    },
  };
  expect(await failingLines(counting, "task-1", 1)).toEqual(numbered(19_991, 20_000).map(({ text }) => text));
  expect(read).toBe(2000);
});
