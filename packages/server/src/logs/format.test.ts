// Logs as plain text.

import { expect, test } from "vitest";
import { formatLine, plainText } from "./format.ts";
import type { LogLine } from "./log-store.ts";

const time = Date.UTC(2026, 0, 1);

test("a line shows its time, its step and its text; a note of mflow shows mflow", () => {
  const line: LogLine = { line: 1, time, stream: "stderr", step: "build", text: "a | b" };
  expect(formatLine(line)).toBe("2026-01-01T00:00:00.000Z build | a | b");
  expect(formatLine({ ...line, stream: "mflow", step: "build", text: "cut" })).toBe(
    "2026-01-01T00:00:00.000Z mflow | cut",
  );
});

test("a long log is read page by page, from any line on, to its end", async () => {
  const stored: LogLine[] = Array.from({ length: 5000 }, (_, i) => ({
    line: i + 1,
    time,
    stream: "stdout",
    step: "s",
    text: `${i + 1}`,
  }));
  const logs = {
    read: async (_: unknown, from: number, limit: number) => stored.slice(from - 1, from - 1 + limit),
  };
  const pieces: string[] = [];
  for await (const piece of plainText(logs, { taskId: "task-1", attempt: 1 }, 3)) pieces.push(piece);
  expect(pieces.length).toBe(3);
  expect(pieces.join("")).toBe(
    stored
      .slice(2)
      .map((line) => `2026-01-01T00:00:00.000Z s | ${line.text}\n`)
      .join(""),
  );
});
