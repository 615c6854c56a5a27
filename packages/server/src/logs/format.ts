// A log as plain text, for people and their tools: the download, and logs in a pipe.

import type { LogLine, LogRef, LogStore } from "./log-store.ts";

const PAGE = 2000;

/** `2026-01-01T00:00:00.000Z build | text`; in the place of the step, a note of mflow itself has `mflow`. */
export function formatLine(line: LogLine): string {
  const speaker = line.stream === "mflow" ? "mflow" : line.step;
  return `${new Date(line.time).toISOString()} ${speaker} | ${line.text}`;
}

/** All lines that are stored, in pieces of text as the reader takes them. */
export async function* plainText(
  logs: Pick<LogStore, "read">,
  ref: LogRef,
  from = 1,
): AsyncGenerator<string> {
  for (let next = from; ; ) {
    const lines = await logs.read(ref, next, PAGE);
    const last = lines.at(-1);
    if (!last) return;
    yield lines.map((line) => `${formatLine(line)}\n`).join("");
    next = last.line + 1;
  }
}
