// Reading a log file that is not packed. Every line carries its number, so a line is found by bisection: no
// index is kept, and none has to be rebuilt after a crash.

import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { decodeLine, lineNumberAt } from "./log-line.ts";

const NEWLINE = 0x0a;
/** A region of this size is read through rather than bisected further. */
const SCANNED = 64 * 1024;
const PROBE = 4 * 1024;

/** What of a file is whole. */
export interface Extent {
  /** Bytes up to the end of the last whole line. */
  size: number;
  /** Number of that line, 0 when there is none. */
  length: number;
}

/** Bytes of the file from `position` on; fewer than `length` only at its end. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/**
 * How much of a file is whole: a write that was cut off leaves a torn line at the end, a lost power supply
 * perhaps zeros.
 */
export async function wholeExtent(handle: FileHandle): Promise<Extent> {
  let { size } = await handle.stat();
  for (;;) {
    const end = (await lastNewline(handle, size)) + 1;
    if (end === 0) return { size: 0, length: 0 };
    const start = (await lastNewline(handle, end - 1)) + 1;
    const line = decodeLine((await readAt(handle, start, end - 1 - start)).toString("utf8"));
    if (line) return { size: end, length: line.line };
    size = start;
  }
}

/** Position of the last line break before `end`, -1 when there is none. */
async function lastNewline(handle: FileHandle, end: number): Promise<number> {
  let until = end;
  while (until > 0) {
    const from = Math.max(0, until - SCANNED);
    const found = (await readAt(handle, from, until - from)).lastIndexOf(NEWLINE);
    if (found !== -1) return from + found;
    until = from;
  }
  return -1;
}

/** Where line `line` starts; the log must have it. */
export async function findLine(handle: FileHandle, extent: Extent, line: number): Promise<number> {
  // The line starts in [low, high), and a line starts at low.
  let low = 0;
  let high = extent.size;
  while (high - low > SCANNED) {
    const middle = low + Math.floor((high - low) / 2);
    const probe = await firstLineAfter(handle, middle, high);
    if (probe && probe.line <= line) low = probe.start;
    else high = middle + 1;
  }
  for (;;) {
    const bytes = await wholeLines(handle, low, extent.size, SCANNED);
    const offset = offsetOf(bytes, line);
    if (offset < bytes.length || bytes.length === 0) return low + offset;
    low += bytes.length;
  }
}

/** The first line that starts after `position` and before `end`. */
async function firstLineAfter(
  handle: FileHandle,
  position: number,
  end: number,
): Promise<{ start: number; line: number } | undefined> {
  for (let from = position; from < end; from += PROBE) {
    const found = (await readAt(handle, from, Math.min(PROBE, end - from))).indexOf(NEWLINE);
    if (found === -1) continue;
    const start = from + found + 1;
    if (start >= end) return undefined;
    const line = lineNumberAt(await readAt(handle, start, 20), 0);
    if (line !== undefined) return { start, line };
  }
  return undefined;
}

/** Offset at which the line of this number, or the first after it, starts in whole encoded lines. */
export function offsetOf(bytes: Buffer, line: number): number {
  let start = 0;
  while (start < bytes.length) {
    const number = lineNumberAt(bytes, start);
    if (number !== undefined && number >= line) return start;
    start = bytes.indexOf(NEWLINE, start) + 1;
  }
  return bytes.length;
}

/** Whole lines from `start` on: about `want` bytes, more when a single line is longer, none at the end. */
export async function wholeLines(
  handle: FileHandle,
  start: number,
  size: number,
  want: number,
): Promise<Buffer> {
  for (let length = want; start < size; length *= 2) {
    const bytes = await readAt(handle, start, Math.min(length, size - start));
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) return bytes.subarray(0, end);
    if (bytes.length < length) break;
  }
  return Buffer.alloc(0);
}
