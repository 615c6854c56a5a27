// The archive of history on disk: one file per month, `events-2026-11.jsonl.gz`, each event one line of JSON, in the
// order of the stream. A portion is a gzip member of its own, so that files only grow at their end and `zcat` reads them.

import { mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { createGunzip, gzip } from "node:zlib";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { ArchivedHistory } from "../store/store.ts";

const FILE = /^events-\d{4}-\d{2}\.jsonl\.gz$/;
const compress = promisify(gzip);

/**
 * The file for events of a time. Never one before the last: should a clock go back, files still come in the order of
 * the stream.
 */
export function fileFor(at: string, last: string): string {
  const file = `events-${at.slice(0, 7)}.jsonl.gz`;
  return file > last ? file : last;
}

/**
 * Appends events, and resolves with the file's length once it is on the disk. What the file has beyond `bytes` is cut
 * off first: a portion that was written, and not noted before the server ended. Its events are still in the database.
 */
export async function appendEvents(
  folder: string,
  file: string,
  bytes: number,
  events: readonly HistoryEvent[],
): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const member = await compress(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  const opened = await open(join(folder, file), "a", 0o600);
  try {
    // Shorter it is when somebody took the file away.
    const whole = Math.min(bytes, (await opened.stat()).size);
    await opened.truncate(whole);
    await opened.appendFile(member);
    await opened.sync();
    return whole + member.length;
  } finally {
    await opened.close();
    await syncFolder(folder);
  }
}

/** The entry of a new file is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, "r");
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** All events of the archive, in order; ends early when `signal` aborts. */
export async function* readEvents(
  folder: string,
  archived: ArchivedHistory,
  signal: AbortSignal,
): AsyncGenerator<HistoryEvent> {
  for (const file of await filesOf(folder, archived)) {
    const opened = await open(join(folder, file));
    const end = file === archived.file ? { end: archived.bytes - 1 } : {};
    const plain = createGunzip();
    const packed = opened.createReadStream(end);
    packed.on("error", (error) => plain.destroy(error));
    try {
      for await (const line of createInterface({ input: packed.pipe(plain), crlfDelay: Infinity })) {
        if (signal.aborted) return;
        yield JSON.parse(line) as HistoryEvent;
      }
      if (plain.errored) throw plain.errored;
    } finally {
      packed.destroy();
      plain.destroy();
    }
  }
}

/** What the archive takes of the disk, bytes. */
export async function archiveBytes(folder: string, archived: ArchivedHistory): Promise<number> {
  let bytes = 0;
  for (const file of await filesOf(folder, archived)) {
    bytes += file === archived.file ? archived.bytes : (await stat(join(folder, file))).size;
  }
  return bytes;
}

async function filesOf(folder: string, { file: last }: ArchivedHistory): Promise<string[]> {
  if (last === "") return [];
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => FILE.test(name) && name <= last).sort();
}
