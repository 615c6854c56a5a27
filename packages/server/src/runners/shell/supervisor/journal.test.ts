// The journal survives the end of its supervisor at any moment, and does not grow without end.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal, type JournalEvent, readJournal } from "./journal.ts";
import { replay } from "./recovery.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mflow-journal-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ref = (number: number) => ({ taskId: `task-${number}`, attempt: 1 });

function start(number: number): JournalEvent {
  const steps = [{ name: "a", continueOnError: false, keepProcesses: false }];
  const leader = { pid: 1, start: 1, boot: "" };
  return {
    leader,
    e: "start",
    ref: ref(number),
    startAt: "2026-01-01T00:00:00.000Z",
    steps,
    files: "f",
    folder: "w",
    exits: "x",
  };
}

function open(before: JournalEvent[] = []): Journal {
  return new Journal(folder, before, (error) => {
    throw error;
  });
}

test("tells what was written, in order", async () => {
  const journal = open();
  journal.writeNow(start(1));
  journal.write({ e: "stop", ref: ref(1) });
  journal.writeSometime({ e: "ack", ref: ref(1) });
  journal.close();
  expect(readJournal(folder).map(({ e }) => e)).toEqual(["start", "stop", "ack"]);
});

test("says when an event is in the file", async () => {
  const journal = open();
  journal.writeNow(start(1));
  const { promise: written, resolve } = Promise.withResolvers<void>();
  journal.write({ e: "ack", ref: ref(1) }, resolve);
  const before = readJournal(folder).length;
  await written;
  expect([before, readJournal(folder).length]).toEqual([1, 2]);
  journal.close();
});

test("goes on in the old file while there can be no new one", () => {
  const failures: unknown[] = [];
  const journal = new Journal(folder, [], (error) => failures.push(error));
  mkdirSync(join(folder, "journal.new"));
  for (let number = 0; number < 2000; number++) journal.writeNow(start(number));
  expect([failures.length > 0, journal.epoch, replay(readJournal(folder)).length]).toEqual([true, 0, 2000]);
  rmSync(join(folder, "journal.new"), { recursive: true });
  journal.writeNow(start(2000));
  expect([journal.epoch, replay(readJournal(folder)).length]).toEqual([1, 2001]);
  journal.close();
});

test("does without a last line that was cut", () => {
  const journal = open();
  journal.writeNow(start(1));
  journal.writeNow(start(2));
  const path = join(folder, "journal");
  truncateSync(path, statSync(path).size - 10);
  expect(replay(readJournal(folder)).map(({ key }) => key)).toEqual(["task-1.1"]);
});

test("begins anew with the attempts that are not forgotten", () => {
  const before = open();
  for (const number of [1, 2, 3]) before.writeNow(start(number));
  before.writeSometime({ e: "ack", ref: ref(2) });
  before.close();
  const after = open(readJournal(folder));
  expect(replay(readJournal(folder)).map(({ key }) => key)).toEqual(["task-1.1", "task-3.1"]);
  expect([...after.exits]).toEqual(["x"]);
  after.close();
});

test("stays short while attempts come and go", () => {
  const journal = open();
  for (let number = 0; number < 5000; number++) {
    journal.writeNow(start(number));
    journal.writeSometime({ e: "ack", ref: ref(number) });
  }
  expect(statSync(join(folder, "journal")).size).toBeLessThan(300 * 1024);
  expect(journal.epoch).toBeGreaterThan(1);
  journal.writeNow(start(1));
  for (let number = 10_000; number < 30_000; number++) {
    journal.writeNow(start(number));
    journal.writeSometime({ e: "ack", ref: ref(number) });
  }
  expect(statSync(join(folder, "journal")).size).toBeLessThan(5 * 1024 * 1024);
  expect(replay(readJournal(folder)).map(({ key }) => key)).toContain("task-1.1");
  journal.close();
});

test("a journal that something else has written into is read as far as it makes sense", () => {
  const journal = open();
  journal.writeNow(start(1));
  appendFileSync(join(folder, "journal"), "\0\0{garbage\n");
  journal.writeNow(start(2));
  expect(readFileSync(join(folder, "journal"), "utf8")).toContain("garbage");
  expect(replay(readJournal(folder))).toHaveLength(2);
  journal.close();
});
