// A process of its own that writes and reads one large log and says how far its memory grew. As the first
// argument it takes a folder, as the second the number of lines.

import { writeSync } from "node:fs";
import { openFileLogStore } from "../file-log-store.ts";
import type { LogLine } from "../log-store.ts";

const BATCH = 500;
const [folder = "", count = "0"] = process.argv.slice(2);
const lines = Number(count);
const ref = { taskId: "task-big", attempt: 1 };
const logs = await openFileLogStore(folder);
const figures: Record<string, number> = {};
const started = process.resourceUsage().maxRSS;

/** Notes milliseconds, and KiB of memory at most so far above the start. */
async function measure<T>(name: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await work();
  figures[`${name}Ms`] = Math.round(performance.now() - begin);
  figures[`${name}Kib`] = process.resourceUsage().maxRSS - started;
  return result;
}

function batch(from: number): LogLine[] {
  return Array.from({ length: Math.min(BATCH, lines - from + 1) }, (_, i) => ({
    line: from + i,
    time: Date.now(),
    stream: "stdout",
    step: "build",
    text: `${from + i} ${Math.sin(from + i)} compiling module ${((from + i) * 7919) % 1000} ${"of many files ".repeat(12)}`,
  }));
}

let bytes = 0;
await measure("append", async () => {
  for (let from = 1; from <= lines; from += BATCH) {
    const next = batch(from);
    for (const line of next) bytes += line.text.length;
    await logs.append(ref, next);
  }
});
await measure("readPlain", () => logs.read(ref, lines >> 1, 100));
await measure("searchPlain", () => logs.search(ref, { text: "no such text", limit: 10 }));
await measure("finish", () => logs.finish(ref));
await measure("pack", () => logs.packed());
const middle = await measure("readPacked", () => logs.read(ref, lines >> 1, 100));
const tail = await measure("tail", () => logs.tail(ref, 100));
await measure("search", () => logs.search(ref, { text: "no such text", limit: 10 }));
let followed = 0;
await measure("follow", async () => {
  for await (const part of logs.follow(ref, 1, new AbortController().signal)) followed += part.length;
});
await logs.close();
const seen = { followed, middle: middle[0]?.line, last: tail.at(-1)?.line };
writeSync(1, `${JSON.stringify({ textBytes: bytes, ...seen, ...figures })}\n`);
