// What every log store does: each sentence of the contract in log-store.ts, tested.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LogLine, LogRef, LogStore } from "./log-store.ts";
import { someLines } from "./testing/some-lines.ts";

/** A place for logs that outlives the store that works on it. */
export interface LogPlace {
  open(): Promise<LogStore>;
  /** Waits for what the store does in the background after `finish`. */
  settled(store: LogStore): Promise<void>;
  dispose(): Promise<void>;
}

const ref: LogRef = { taskId: "task-00000000000000000000000001", attempt: 1 };
const never = new AbortController().signal;

/** Long enough to make a log of many pieces. */
const long = (line: number) => `line ${line} ${"=".repeat(line % 200)} ünïcødé "quoted" \\ \t\u001b[31m`;

export function logStoreConformance(name: string, makePlace: () => Promise<LogPlace>): void {
  describe(`${name} keeps the contract of log stores`, () => {
    let place: LogPlace;
    let logs: LogStore;

    beforeEach(async () => {
      place = await makePlace();
      logs = await place.open();
    });
    afterEach(async () => {
      await logs.close();
      await place.dispose();
    });

    async function reopen(): Promise<void> {
      await logs.close();
      logs = await place.open();
    }

    /** Runs the check on a growing log, after a restart, on a finished one, and on that after a restart. */
    async function inEveryForm(lines: LogLine[], check: () => Promise<void>): Promise<void> {
      await logs.append(ref, lines);
      await check();
      await reopen();
      await check();
      await logs.finish(ref);
      await check();
      await place.settled(logs);
      await check();
      await reopen();
      await check();
    }

    test("a line comes back as it was appended, whatever its text", async () => {
      const texts = [
        "",
        " ",
        "two\nlines\r\n",
        '["json",1]',
        "\u0000\u2028\u2029",
        "日本語 🎉",
        "x".repeat(300_000),
      ];
      const lines = someLines(1, texts.length, (line) => texts[line - 1] ?? "");
      const noted: LogLine[] = [...lines, { line: 8, time: 5, stream: "mflow", step: "", text: "cut here" }];
      await inEveryForm(noted, async () => {
        expect(await logs.read(ref, 1, 100)).toEqual(noted);
        expect(await logs.length(ref)).toBe(8);
      });
    });

    test("any part of a long log is read by line number", async () => {
      const lines = someLines(1, 5000, long);
      await inEveryForm(lines, async () => {
        for (const [from, limit] of [
          [1, 1],
          [1, 700],
          [2, 5000],
          [2499, 3],
          [4321, 100],
          [5000, 10],
          [5001, 10],
          [9000, 10],
          [0, 2],
          [1, 0],
        ] as const) {
          const first = Math.max(from, 1);
          expect(await logs.read(ref, from, limit)).toEqual(lines.slice(first - 1, first - 1 + limit));
        }
      });
    });

    test("the tail is the last lines, or all when there are fewer", async () => {
      const lines = someLines(1, 3000, long);
      await inEveryForm(lines, async () => {
        expect(await logs.tail(ref, 2)).toEqual(lines.slice(-2));
        expect(await logs.tail(ref, 1500)).toEqual(lines.slice(-1500));
        expect(await logs.tail(ref, 10_000)).toEqual(lines);
        expect(await logs.tail(ref, 0)).toEqual([]);
      });
    });

    test("a search finds the first lines that contain the text, and case counts only when asked", async () => {
      const lines = someLines(
        1,
        4000,
        (line) => `${line % 1000 === 7 ? 'Error: "disk" is full' : "fine"} ${long(line)}`,
      );
      const hits = lines.filter((line) => line.line % 1000 === 7);
      await inEveryForm(lines, async () => {
        expect(await logs.search(ref, { text: 'ERROR: "disk"', limit: 10 })).toEqual(hits);
        expect(await logs.search(ref, { text: 'error: "disk"', limit: 3 })).toEqual(hits.slice(0, 3));
        expect(await logs.search(ref, { text: 'Error: "disk"', caseSensitive: true, limit: 3 })).toEqual(
          hits.slice(0, 3),
        );
        expect(await logs.search(ref, { text: 'error: "disk"', caseSensitive: true, limit: 3 })).toEqual([]);
        expect(await logs.search(ref, { text: "build", limit: 3 })).toEqual([]);
        expect(await logs.search(ref, { text: "ÜNÏCØDÉ", limit: 1 })).toEqual(lines.slice(0, 1));
      });
    });

    test("an append that repeats stored lines adds the new ones alone", async () => {
      await logs.append(ref, someLines(1, 5));
      await logs.append(ref, someLines(3, 8));
      await logs.append(ref, someLines(1, 8));
      await logs.append(ref, []);
      expect(await logs.read(ref, 1, 100)).toEqual(someLines(1, 8));
    });

    test("a gap is refused and nothing of that append is stored", async () => {
      await logs.append(ref, someLines(1, 2));
      await expect(logs.append(ref, someLines(4, 5))).rejects.toMatchObject({ code: "CONFLICT" });
      const holed = [...someLines(3, 3), ...someLines(5, 5)];
      await expect(logs.append(ref, holed)).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await logs.length(ref)).toBe(2);
      await logs.append(ref, someLines(3, 4));
      expect(await logs.read(ref, 1, 10)).toEqual(someLines(1, 4));
    });

    test("appends that are not awaited are stored in the order of their calls", async () => {
      await Promise.all(
        Array.from({ length: 200 }, (_, i) => logs.append(ref, someLines(i * 10 + 1, i * 10 + 10, long))),
      );
      expect(await logs.read(ref, 1, 10_000)).toEqual(someLines(1, 2000, long));
    });

    test("after a restart the log goes on where it was", async () => {
      await logs.append(ref, someLines(1, 3));
      await reopen();
      expect(await logs.length(ref)).toBe(3);
      await logs.append(ref, someLines(2, 6));
      expect(await logs.read(ref, 1, 10)).toEqual(someLines(1, 6));
    });

    test("a finished log takes repeated lines silently and refuses new ones", async () => {
      await logs.append(ref, someLines(1, 3));
      await logs.finish(ref);
      await logs.finish(ref);
      for (const restart of [false, true]) {
        if (restart) await reopen();
        await logs.append(ref, someLines(1, 3));
        await expect(logs.append(ref, someLines(3, 4))).rejects.toMatchObject({ code: "CONFLICT" });
        expect(await logs.read(ref, 1, 10)).toEqual(someLines(1, 3));
      }
    });

    test("a task that said nothing has no log, finished or not", async () => {
      await logs.finish(ref);
      expect(await logs.length(ref)).toBe(0);
      expect(await logs.read(ref, 1, 10)).toEqual([]);
      expect(await logs.tail(ref, 10)).toEqual([]);
      expect(await logs.search(ref, { text: "x", limit: 1 })).toEqual([]);
      expect(await logs.attempts(ref.taskId)).toEqual([]);
      expect(await logs.unfinished()).toEqual([]);
      await expect(logs.append(ref, someLines(1, 1))).rejects.toMatchObject({ code: "CONFLICT" });
    });

    test("each attempt has its own log", async () => {
      for (const attempt of [2, 10, 1]) {
        await logs.append(
          { ...ref, attempt },
          someLines(1, 1, () => `attempt ${attempt}`),
        );
      }
      await logs.finish({ ...ref, attempt: 1 });
      await logs.append({ taskId: `${ref.taskId.slice(0, -1)}2`, attempt: 3 }, someLines(1, 1));
      expect(await logs.attempts(ref.taskId)).toEqual([1, 2, 10]);
      expect((await logs.read({ ...ref, attempt: 10 }, 1, 9)).map((line) => line.text)).toEqual([
        "attempt 10",
      ]);
    });

    test("after a restart the unfinished logs are known", async () => {
      const other = { ...ref, attempt: 2 };
      await logs.append(ref, someLines(1, 1));
      await logs.append(other, someLines(1, 1));
      await logs.finish(other);
      await reopen();
      expect(await logs.unfinished()).toEqual([ref]);
      await logs.finish(ref);
      expect(await logs.unfinished()).toEqual([]);
    });

    test("a removed task has no logs, and others keep theirs", async () => {
      const other = { taskId: `${ref.taskId.slice(0, -1)}2`, attempt: 1 };
      await logs.append(other, someLines(1, 2));
      await logs.append(ref, someLines(1, 2));
      for (const attempt of [2, 3]) {
        await logs.append({ ...ref, attempt }, someLines(1, attempt === 2 ? 2 : 2000, long));
        await logs.finish({ ...ref, attempt });
      }
      await place.settled(logs);
      await logs.remove(ref.taskId);
      for (const restart of [false, true]) {
        if (restart) await reopen();
        expect(await logs.attempts(ref.taskId)).toEqual([]);
        expect(await logs.read({ ...ref, attempt: 3 }, 1, 10)).toEqual([]);
        expect(await logs.read(other, 1, 10)).toEqual(someLines(1, 2));
      }
    });

    test("a task is removed while its log is being compressed", async () => {
      await logs.append(ref, someLines(1, 20_000, long));
      await logs.finish(ref);
      await logs.remove(ref.taskId);
      await place.settled(logs);
      await reopen();
      expect(await logs.attempts(ref.taskId)).toEqual([]);
    });

    test("an id that is no id is refused", async () => {
      for (const bad of [
        { taskId: "../../etc/passwd", attempt: 1 },
        { taskId: "", attempt: 1 },
        { taskId: "task-1", attempt: 0 },
        { taskId: "task-1", attempt: 1.5 },
      ]) {
        await expect(logs.append(bad, someLines(1, 1))).rejects.toMatchObject({ code: "BAD_REQUEST" });
        await expect(logs.read(bad, 1, 1)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      }
      await expect(logs.remove("..")).rejects.toMatchObject({ code: "BAD_REQUEST" });
    });

    describe("follow", () => {
      async function collect(stream: AsyncIterable<LogLine[]>, seen: LogLine[] = []): Promise<LogLine[]> {
        for await (const lines of stream) seen.push(...lines);
        return seen;
      }

      test("gives all lines once, stored and live, from any line on, and ends with the log", async () => {
        await logs.append(ref, someLines(1, 1500, long));
        const followers = [1, 700, 1500, 1501, 2100].map(async (from) => {
          expect(await collect(logs.follow(ref, from, never))).toEqual(someLines(from, 3000, long));
        });
        for (let from = 1501; from <= 3000; from += 15) {
          await logs.append(ref, someLines(from, from + 14, long));
        }
        await logs.finish(ref);
        await Promise.all(followers);
      });

      test("gives each line as it comes, without waiting for more", async () => {
        const stream = logs.follow(ref, 1, never)[Symbol.asyncIterator]();
        for (let line = 1; line <= 5; line++) {
          const next = stream.next();
          await logs.append(ref, someLines(line, line));
          expect(await next).toEqual({ done: false, value: someLines(line, line) });
        }
        const end = stream.next();
        await logs.finish(ref);
        expect(await end).toEqual({ done: true, value: undefined });
      });

      test("ends at once on a finished log, and on a silent one that was finished", async () => {
        await logs.append(ref, someLines(1, 3));
        await logs.finish(ref);
        expect(await collect(logs.follow(ref, 2, never))).toEqual(someLines(2, 3));
        expect(await collect(logs.follow(ref, 9, never))).toEqual([]);
        await reopen();
        expect(await collect(logs.follow(ref, 1, never))).toEqual(someLines(1, 3));
        const silent = { ...ref, attempt: 2 };
        const waiting = collect(logs.follow(silent, 1, never));
        await logs.finish(silent);
        expect(await waiting).toEqual([]);
        expect(await collect(logs.follow(silent, 1, never))).toEqual([]);
      });

      test("goes on through the compression of the log", async () => {
        await logs.append(ref, someLines(1, 20_000, long));
        const stream = logs.follow(ref, 1, never)[Symbol.asyncIterator]();
        const first = await stream.next();
        const seen: LogLine[] = first.done ? [] : [...first.value];
        expect(seen.length).toBeLessThan(20_000);
        await logs.finish(ref);
        await place.settled(logs);
        await collect({ [Symbol.asyncIterator]: () => stream }, seen);
        expect(seen).toEqual(someLines(1, 20_000, long));
      });

      test("hands a slow reader a bounded piece at a time", async () => {
        await logs.append(ref, someLines(1, 20_000, long));
        await logs.finish(ref);
        let largest = 0;
        for await (const lines of logs.follow(ref, 1, never)) largest = Math.max(largest, lines.length);
        expect(largest).toBeLessThan(5000);
      });

      test("ends without an error when the signal aborts, before and while it waits", async () => {
        await logs.append(ref, someLines(1, 1));
        expect(await collect(logs.follow(ref, 1, AbortSignal.abort()))).toEqual([]);
        const stop = new AbortController();
        const stream = logs.follow(ref, 1, stop.signal)[Symbol.asyncIterator]();
        await stream.next();
        const waiting = stream.next();
        stop.abort();
        expect(await waiting).toEqual({ done: true, value: undefined });
      });

      test("ends when the task is removed, and when the store closes", async () => {
        await logs.append(ref, someLines(1, 1));
        const removed = collect(logs.follow(ref, 1, never));
        const closed = collect(logs.follow({ ...ref, taskId: "task-2" }, 1, never));
        await logs.remove(ref.taskId);
        await removed;
        await logs.close();
        expect(await closed).toEqual([]);
      });
    });
  });
}
