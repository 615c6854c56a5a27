// The packed form of a finished log: zstd frames of whole lines, then an index in a skippable frame. A line
// is read by unpacking its block alone, and `zstd -dc` still unpacks the whole file, as it skips the index.
//
// The index: position and first line of each block (two float64 each), then its footer: number of blocks
// (uint32), number of lines (float64), "MFLOWLOG". All little endian.

import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { MflowError } from "@mflow/core/errors";
import { lineNumberAt } from "./log-line.ts";
import { type Extent, readAt, wholeLines } from "./plain-log.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Bytes of lines in a block: large enough to compress well, small enough to unpack for one line. */
const BLOCK = 128 * 1024;
const MAGIC = Buffer.from("MFLOWLOG");
const FOOTER = 4 + 8 + MAGIC.length;
const SKIPPABLE = 0x184d2a5f;

/** What the end of a packed file says. */
export interface PackedIndex {
  /** Number of lines. */
  length: number;
  /** Where each block starts; the last entry is where the blocks end. */
  positions: number[];
  /** First line of each block. */
  firstLines: number[];
}

/** Packs the lines of `source` into a new file that is on the disk when this resolves. Stops when aborted. */
export async function packLog(
  source: FileHandle,
  extent: Extent,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const output = await open(target, "w", 0o600);
  try {
    const index: PackedIndex = { length: extent.length, positions: [], firstLines: [] };
    let position = 0;
    for (let read = 0; read < extent.size; ) {
      signal.throwIfAborted();
      const lines = await wholeLines(source, read, extent.size, BLOCK);
      if (lines.length === 0) throw damaged(target);
      const block = await compress(lines, { chunkSize: BLOCK / 4 });
      await writeAll(output, block, position);
      index.positions.push(position);
      index.firstLines.push(lineNumberAt(lines, 0) ?? 1);
      read += lines.length;
      position += block.length;
    }
    await writeAll(output, encodeIndex(index), position);
    await output.sync();
  } finally {
    await output.close();
  }
}

/** Reads the index. Rejects with INTERNAL, naming the file, when there is none. */
export async function readIndex(handle: FileHandle, path: string): Promise<PackedIndex> {
  const { size } = await handle.stat();
  const footer = await readAt(handle, Math.max(0, size - FOOTER), FOOTER);
  if (footer.length < FOOTER || !footer.subarray(12).equals(MAGIC)) throw damaged(path);
  const count = footer.readUInt32LE(0);
  const start = size - FOOTER - count * 16;
  if (start < 8) throw damaged(path);
  const entries = await readAt(handle, start, count * 16);
  const index: PackedIndex = { length: footer.readDoubleLE(4), positions: [], firstLines: [] };
  for (let at = 0; at < entries.length; at += 16) {
    index.positions.push(entries.readDoubleLE(at));
    index.firstLines.push(entries.readDoubleLE(at + 8));
  }
  index.positions.push(start - 8);
  return index;
}

/** Number of the block that holds a line. */
export function blockOf(index: PackedIndex, line: number): number {
  let low = 0;
  let high = index.firstLines.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((index.firstLines[middle] ?? 0) <= line) low = middle;
    else high = middle;
  }
  return low;
}

/** The whole lines of a block. */
export async function readBlock(
  handle: FileHandle,
  path: string,
  index: PackedIndex,
  block: number,
): Promise<Buffer> {
  const start = index.positions[block] ?? 0;
  const end = index.positions[block + 1] ?? start;
  try {
    return await decompress(await readAt(handle, start, end - start), { chunkSize: BLOCK });
  } catch {
    throw damaged(path);
  }
}

function encodeIndex(index: PackedIndex): Buffer {
  const count = index.positions.length;
  const payload = count * 16 + FOOTER;
  const frame = Buffer.alloc(8 + payload);
  frame.writeUInt32LE(SKIPPABLE, 0);
  frame.writeUInt32LE(payload, 4);
  for (let i = 0; i < count; i++) {
    frame.writeDoubleLE(index.positions[i] ?? 0, 8 + i * 16);
    frame.writeDoubleLE(index.firstLines[i] ?? 0, 16 + i * 16);
  }
  const footer = frame.length - FOOTER;
  frame.writeUInt32LE(count, footer);
  frame.writeDoubleLE(index.length, footer + 4);
  MAGIC.copy(frame, footer + 12);
  return frame;
}

/** Writes all bytes at a position; one write may write only a part of them. */
export async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

function damaged(path: string): MflowError {
  return new MflowError("INTERNAL", `The log file ${path} is damaged: its index or a block cannot be read.`);
}
