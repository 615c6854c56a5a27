// The log of an attempt goes on where the store says that it is.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FileLogStore, openFileLogStore } from "../../../logs/file-log-store.ts";
import { AttemptLog } from "./attempt-log.ts";

const ref = { taskId: "task-00000000000000000000000001", attempt: 1 };

let folder: string;
let logs: FileLogStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "attempt-log-"));
  logs = await openFileLogStore(folder);
});
afterEach(async () => {
  await logs.close();
  await rm(folder, { recursive: true });
});

function attemptLog(): AttemptLog {
  return new AttemptLog(ref, { logs, mask: (text) => text, maxBytes: 1000, warn: () => {} });
}

const line = (text: string, time = 1000) => ({ time, text });

test("a later life goes on behind the lines of an earlier one, and finds its last second", async () => {
  await attemptLog().append("main", [line("one", 1999), line("two", 2000), line("three", 2900)]);
  const later = attemptLog();
  expect(await later.storedSince("main")).toEqual([line("two", 2000), line("three", 2900)]);
  await later.append("main", [line("four", 3000)]);
  const texts = (await logs.read(ref, 1, 10)).map(({ line, text }) => `${line} ${text}`);
  expect(texts).toEqual(["1 one", "2 two", "3 three", "4 four"]);
});

test("a log that an earlier life finished takes no more, and nobody waits for ever", async () => {
  const earlier = attemptLog();
  await earlier.append("main", [line("one")]);
  await earlier.finish();
  const later = attemptLog();
  await later.append("main", [line("late")], "mflow");
  await later.finish();
  expect((await logs.read(ref, 1, 10)).map(({ text }) => text)).toEqual(["one"]);
});
