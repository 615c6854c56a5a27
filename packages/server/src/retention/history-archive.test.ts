import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { anEvent } from "../store/testing/records.ts";
import { HistoryArchive } from "./history-archive.ts";

const DAY = 86_400_000;
let folder: string;
let store: Store;
/** Of the archive. */
let now: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-archive-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  now = Date.parse("2026-03-10T00:00:00Z");
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

function open(keepMs: number | undefined = 30 * DAY, portion = 2): HistoryArchive {
  return new HistoryArchive({
    history: store.history,
    folder: join(folder, "archive"),
    keepMs,
    portion,
    clock: { now: () => now, setTimeout: () => () => undefined },
    log: { warn: () => undefined },
  });
}

/** Writes an event for each day of 2026, `MM-DD`. */
function write(...days: string[]): Promise<HistoryEvent[]> {
  return store.history.append(days.map((day) => anEvent({ at: `2026-${day}T00:00:00.000Z`, name: day })));
}

async function read(archive = open(), query = {}): Promise<HistoryEvent[]> {
  const found: HistoryEvent[] = [];
  for await (const event of archive.read({ after: 0, ...query }, new AbortController().signal))
    found.push(event);
  return found;
}

const round = (archive = open()) => archive.round(new AbortController().signal);
const left = () => store.history.list({ after: 0, limit: 100 });

test("events that are old enough go, in files of months that zcat reads", async () => {
  const written = await write("01-01", "01-02", "01-31", "02-01", "02-02", "03-01");
  await round();
  expect(await left()).toEqual(written.slice(5));
  expect(await read()).toEqual(written.slice(0, 5));
  const files = await readdir(join(folder, "archive"));
  expect(files.sort()).toEqual(["events-2026-01.jsonl.gz", "events-2026-02.jsonl.gz"]);
  const january = gunzipSync(await readFile(join(folder, "archive", "events-2026-01.jsonl.gz"))).toString();
  expect(january).toBe(
    written
      .slice(0, 3)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(""),
  );
  expect(await store.history.archived()).toMatchObject({ upTo: 5, file: "events-2026-02.jsonl.gz" });
});

test("fewer than a portion wait a day longer, so that files stay small", async () => {
  const written = await write("02-07", "03-09");
  now = Date.parse("2026-03-10T00:00:00Z");
  await round();
  expect(await left()).toEqual(written);
  now += DAY;
  await round();
  expect(await left()).toEqual(written.slice(1));
});

test("everything stays when nothing is said", async () => {
  const written = await write("01-01", "01-02");
  const archive = open();
  await new HistoryArchive({
    ...{ history: store.history, folder: join(folder, "archive"), keepMs: undefined },
    ...{ clock: { now: () => now, setTimeout: () => () => undefined }, log: { warn: () => undefined } },
  }).round(new AbortController().signal);
  expect(await left()).toEqual(written);
  expect(await read(archive)).toEqual([]);
  expect(await archive.bytes()).toBe(0);
});

test("what a crash left behind the part that was noted is cut off, and nothing comes twice", async () => {
  const written = await write("01-01", "01-02");
  await round();
  const file = join(folder, "archive", "events-2026-01.jsonl.gz");
  const whole = await readFile(file);
  written.push(...(await write("01-03", "01-04")));
  // The portion was written, and the server killed before it was noted: whole, or torn.
  const { archive } = store.history;
  store.history.archive = async () => {
    throw new Error("killed");
  };
  await expect(round()).rejects.toThrow("killed");
  store.history.archive = archive;
  expect(await read()).toEqual(written.slice(0, 2));
  expect((await left()).length).toBe(2);
  await appendFile(file, whole.subarray(0, 20));
  await round();
  expect(await read()).toEqual(written);
  expect(await left()).toEqual([]);
  expect(
    gunzipSync(await readFile(file))
      .toString()
      .trim()
      .split("\n").length,
  ).toBe(4);
});

test("a new month that a crash cut off is written anew", async () => {
  const written = await write("01-01", "01-02");
  await round();
  written.push(...(await write("02-01", "02-02")));
  await writeFile(join(folder, "archive", "events-2026-02.jsonl.gz"), "torn");
  expect(await read()).toEqual(written.slice(0, 2));
  await round();
  expect(await read()).toEqual(written);
});

test("files come in the order of the stream also when the clock went back", async () => {
  const written = await write("02-01", "02-02", "01-01", "01-02");
  await round();
  expect(await read()).toEqual(written);
  expect(await readdir(join(folder, "archive"))).toEqual(["events-2026-02.jsonl.gz"]);
});

test("files that somebody took away are not missed", async () => {
  const written = await write("01-01", "01-02", "02-01", "02-02");
  await round();
  await rm(join(folder, "archive", "events-2026-01.jsonl.gz"));
  expect(await read()).toEqual(written.slice(2));
  await rm(join(folder, "archive"), { recursive: true });
  expect(await read()).toEqual([]);
  written.push(...(await write("02-03", "02-04")));
  await round();
  expect(await read()).toEqual(written.slice(4));
});

test("the archive is read by place, scope, run and task", async () => {
  const at = "2026-01-01T00:00:00.000Z";
  const [a, b, c] = await store.history.append([
    anEvent({ at, pipelineTaskId: "run-1" }),
    anEvent({ at, pipelineTaskId: "run-1", taskId: "task-1" }),
    anEvent({ at, namespace: "ops", taskId: "task-2" }),
  ]);
  await round();
  expect(await read(open(), { after: 1 })).toEqual([b, c]);
  expect(await read(open(), { pipelineTaskId: "run-1" })).toEqual([a, b]);
  expect(await read(open(), { taskId: "task-1" })).toEqual([b]);
  expect(await read(open(), { scope: { namespace: "ops" } })).toEqual([c]);
  expect(await read(open(), { scope: { domain: "acme" } })).toEqual([]);
});

test("a file that is damaged is an error, not a shorter archive", async () => {
  await write("01-01", "01-02", "02-01", "02-02");
  await round();
  await writeFile(join(folder, "archive", "events-2026-01.jsonl.gz"), "no gzip");
  await expect(read()).rejects.toThrow();
});
