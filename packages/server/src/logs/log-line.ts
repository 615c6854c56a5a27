// How a line stands in a log file: one JSON array a line, its number first, so that a file can be searched
// for a line by bisection and read with common tools. JSON escapes line breaks: a break in the file is
// always the end of a line.

import type { Buffer } from "node:buffer";
import type { LogLine } from "./log-store.ts";

const NEWLINE = 0x0a;
const codes = { stdout: "o", stderr: "e", mflow: "m" } as const;
const streams = new Map<unknown, LogLine["stream"]>([
  ["o", "stdout"],
  ["e", "stderr"],
  ["m", "mflow"],
]);

/** The line as it is written, with its line break. */
export function encodeLine(line: LogLine): string {
  const { step, text } = line;
  return `[${line.line},${line.time},"${codes[line.stream]}",${JSON.stringify(step)},${JSON.stringify(text)}]\n`;
}

/** A line from what `encodeLine` wrote, or nothing when it is not of that form. */
export function decodeLine(json: string): LogLine | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== 5) return undefined;
  const [line, time, code, step, text] = fields;
  const stream = streams.get(code);
  if (typeof line !== "number" || typeof time !== "number" || stream === undefined) return undefined;
  if (typeof step !== "string" || typeof text !== "string") return undefined;
  return { line, time, stream, step, text };
}

/**
 * The first `limit` lines of whole encoded lines. One that does not decode (a damaged disk) shows as a note of
 * mflow, so that it neither hides the rest of the log nor shifts the numbers.
 */
export function decodeLines(bytes: Buffer, limit = Number.POSITIVE_INFINITY): LogLine[] {
  const lines: LogLine[] = [];
  let start = 0;
  let expected = lineNumberAt(bytes, 0) ?? 0;
  while (start < bytes.length && lines.length < limit) {
    const end = bytes.indexOf(NEWLINE, start);
    const line = decodeLine(bytes.toString("utf8", start, end));
    lines.push(line ?? unreadable(expected));
    expected = (line?.line ?? expected) + 1;
    start = end + 1;
  }
  return lines;
}

function unreadable(line: number): LogLine {
  return {
    line,
    time: 0,
    stream: "mflow",
    step: "",
    text: "(this line cannot be read back: the log file is damaged here)",
  };
}

/** The number of the encoded line that starts at `start`; nothing when none does. */
export function lineNumberAt(bytes: Buffer, start: number): number | undefined {
  const end = bytes.indexOf(",", start);
  if (bytes[start] !== 0x5b || end === -1 || end - start > 17) return undefined;
  const line = Number(bytes.toString("latin1", start + 1, end));
  return Number.isSafeInteger(line) && line > 0 ? line : undefined;
}
