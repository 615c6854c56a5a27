// The file log store: the contract of log stores, and what files add to it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FileLogStore, openFileLogStore } from "./file-log-store.ts";
import { logStoreConformance } from "./log-store.conformance.ts";
import { someLines } from "./testing/some-lines.ts";

const ref = { taskId: "task-00000000000000000000000001", attempt: 1 };

logStoreConformance("the file log store", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mflow-logs-"));
  return {
    open: () => openFileLogStore(folder, { maxOpenFiles: 2 }),
    settled: (store) => (store as FileLogStore).packed(),
    dispose: () => rm(folder, { recursive: true }),
  };
});

let folder: string;
let logs: FileLogStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-logs-"));
  logs = await openFileLogStore(folder);
});
afterEach(async () => {
  await logs.close();
  await rm(folder, { recursive: true });
});

/** Files below the folder, relative to it. */
async function files(): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

test("a silent task creates no file", async () => {
  await logs.finish(ref);
  expect(await logs.length(ref)).toBe(0);
  expect(await files()).toEqual([]);
});

test("a log is one file while it grows, and one packed file afterwards that zstd alone can read", async () => {
  const lines = someLines(1, 20_000);
  await logs.append(ref, lines);
  expect(await files()).toEqual([`active/${ref.taskId}.1.open`]);
  const { size } = await stat(join(folder, `active/${ref.taskId}.1.open`));
  await logs.finish(ref);
  await logs.packed();
  const [packed = "", ...others] = await files();
  expect(others).toEqual([]);
  expect(packed).toMatch(/^[0-9a-f]{3}\/task-00000000000000000000000001\.1\.jsonl\.zst$/);
  const bytes = await readFile(join(folder, packed));
  expect(bytes.length).toBeLessThan(size / 4);
  expect(unpackFrames(bytes)).toBe(encoded(lines));
});

function encoded(lines: ReturnType<typeof someLines>): string {
  const code = { stdout: "o", stderr: "e", mflow: "m" };
  return lines
    .map((line) => `${JSON.stringify([line.line, line.time, code[line.stream], line.step, line.text])}\n`)
    .join("");
}

/** What `zstd -dc` gives: all frames one after the other. */
function unpackFrames(bytes: Buffer): string {
  let text = "";
  let rest = bytes;
  while (rest.readUInt32LE(0) === 0xfd2fb528) {
    const frame: unknown = zstdDecompressSync(rest, { info: true });
    const { buffer, engine } = frame as { buffer: Buffer; engine: { bytesWritten: number } };
    text += buffer.toString();
    rest = rest.subarray(engine.bytesWritten);
  }
  // The index: one skippable frame up to the end.
  expect(rest.readUInt32LE(0)).toBe(0x184d2a5f);
  expect(rest.readUInt32LE(4)).toBe(rest.length - 8);
  return text;
}

test("a log of a few lines is kept as it is", async () => {
  await logs.append(ref, someLines(1, 3));
  await logs.finish(ref);
  await logs.packed();
  expect(await files()).toEqual([expect.stringMatching(/^[0-9a-f]{3}\/task-0+1\.1\.jsonl$/)]);
});

test("a torn end is cut off, wherever the write was interrupted", async () => {
  const lines = someLines(1, 4, (line) => `${"ä".repeat(line)}\n`);
  await logs.append(ref, lines);
  await logs.close();
  const file = join(folder, `active/${ref.taskId}.1.open`);
  const whole = await readFile(file);
  for (let size = whole.length; size >= 0; size--) {
    await writeFile(file, whole.subarray(0, size));
    const kept = whole.subarray(0, size).toString().split("\n").length - 1;
    logs = await openFileLogStore(folder);
    expect(await logs.read(ref, 1, 10)).toEqual(lines.slice(0, kept));
    expect(await logs.length(ref)).toBe(kept);
    expect((await readFile(file, "utf8")).split("\n").length - 1).toBe(kept);
    expect((await readFile(file)).at(-1) ?? 0x0a).toBe(0x0a);
    await logs.append(ref, lines.slice(kept));
    expect(await logs.read(ref, 1, 10)).toEqual(lines);
    await logs.close();
  }
  logs = await openFileLogStore(folder);
});

test("zeros at the end, as a power failure leaves them, are cut off", async () => {
  await logs.append(ref, someLines(1, 3));
  await logs.close();
  const file = join(folder, `active/${ref.taskId}.1.open`);
  await truncate(file, (await stat(file)).size + 100_000);
  await writeFile(file, "\n", { flag: "a" });
  logs = await openFileLogStore(folder);
  expect(await logs.length(ref)).toBe(3);
  await logs.append(ref, someLines(4, 4));
  expect(await logs.read(ref, 1, 10)).toEqual(someLines(1, 4));
});

test("a damaged line shows as a note and hides no other line", async () => {
  await logs.append(ref, someLines(1, 5));
  await logs.close();
  const file = join(folder, `active/${ref.taskId}.1.open`);
  await writeFile(file, (await readFile(file, "utf8")).replace("line 3", 'x"x"xx'));
  logs = await openFileLogStore(folder);
  const texts = (await logs.read(ref, 1, 10)).map((line) => `${line.line} ${line.text}`);
  expect(texts).toEqual([
    "1 line 1",
    "2 line 2",
    expect.stringMatching(/^3 .*damaged/),
    "4 line 4",
    "5 line 5",
  ]);
});

test("a packed file that is damaged is an error that names the file", async () => {
  await logs.append(ref, someLines(1, 1000));
  await logs.finish(ref);
  await logs.packed();
  const file = join(folder, (await files())[0] ?? "");
  await truncate(file, (await stat(file)).size - 1);
  await expect(logs.read(ref, 1, 10)).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining(file),
  });
});

test("a log whose packing a crash interrupted is packed after the next start", async () => {
  const lines = someLines(1, 5000);
  await logs.append(ref, lines);
  await logs.close();
  // As the crash leaves it: finished, and the packed file half written.
  const file = join(folder, `active/${ref.taskId}.1`);
  await rename(`${file}.open`, `${file}.ended`);
  await writeFile(`${file}.part`, "half");
  logs = await openFileLogStore(folder);
  expect(await logs.tail(ref, 1)).toEqual(lines.slice(-1));
  await logs.packed();
  expect(await files()).toEqual([expect.stringMatching(/^[0-9a-f]{3}\/task-0+1\.1\.jsonl\.zst$/)]);
  expect(await logs.read(ref, 1, 10_000)).toEqual(lines);
});

test("logs are spread over folders, and a thousand of them need few open files", async () => {
  await logs.close();
  logs = await openFileLogStore(folder, { maxOpenFiles: 8 });
  const refs = Array.from({ length: 1000 }, (_, i) => ({ taskId: `task-${i}`, attempt: 1 }));
  await Promise.all(refs.map((one) => logs.append(one, someLines(1, 2))));
  await Promise.all(refs.map((one) => logs.append(one, someLines(3, 4))));
  expect(await openBelow(folder)).toBeLessThanOrEqual(8);
  await Promise.all(refs.map((one) => logs.finish(one)));
  const shards = (await readdir(folder)).filter((name) => name !== "active");
  expect(shards.length).toBeGreaterThan(700);
  const read = await Promise.all(refs.map((one) => logs.read(one, 1, 10)));
  expect(read).toEqual(refs.map(() => someLines(1, 4)));
  expect(await openBelow(folder)).toBeLessThanOrEqual(8);
});

/** Files of the folder that this process has open. */
async function openBelow(path: string): Promise<number> {
  const { stdout } = await promisify(execFile)("sh", ["-c", `ls -l /proc/${process.pid}/fd`]);
  return stdout.split("\n").filter((line) => line.includes(path)).length;
}

test("a log that gets a lot does not hold up another", async () => {
  const flood = logs.append(ref, someLines(1, 300_000));
  let flooding = true;
  flood.then(() => {
    flooding = false;
  });
  const other = { taskId: "task-other", attempt: 1 };
  for (let line = 1; line <= 5; line++) await logs.append(other, someLines(line, line));
  expect(flooding).toBe(true);
  await flood;
});

test("the store refuses to work after it was closed", async () => {
  await logs.append(ref, someLines(1, 1));
  await logs.close();
  await expect(logs.append(ref, someLines(2, 2))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(logs.read(ref, 1, 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a folder that cannot be made is an error that names it", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(openFileLogStore(join(file, "logs"))).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining(file),
  });
});

test("a full disk is said, and nothing of what was stored is lost", async () => {
  await logs.append(ref, someLines(1, 3));
  const full = { ...ref, attempt: 2 };
  await symlink("/dev/full", join(folder, `active/${full.taskId}.2.open`));
  await expect(logs.append(full, someLines(1, 3))).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(await logs.length(full)).toBe(0);
  expect(await logs.read(ref, 1, 10)).toEqual(someLines(1, 3));
});

test("a write that fails in its middle leaves whole lines, and the log goes on from them", async () => {
  const script = join(import.meta.dirname, "testing/append-to-limit.ts");
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    'ulimit -f 1000 && exec "$0" "$1" "$2"',
    process.execPath,
    script,
    folder,
  ]);
  const result = JSON.parse(stdout);
  expect(result.code).toBe("STORE_FULL");
  expect(result.kept).toBeGreaterThanOrEqual(10);
  expect(result.tail).toEqual([String(result.kept), "after the failure"]);
  await logs.close();
  logs = await openFileLogStore(folder);
  expect(await logs.length({ taskId: "task-full", attempt: 1 })).toBe(result.kept + 1);
});

test("after kill -9 in the middle of writes every line that was acknowledged is there, once, and in order", async () => {
  await logs.close();
  const script = join(import.meta.dirname, "testing/append-until-killed.ts");
  for (let round = 1; round <= 4; round++) {
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const acknowledged = new Map<number, number>();
    const until = 20 + Math.random() * 30;
    let seen = 0;
    for await (const line of createInterface(child.stdout)) {
      const [attempt = 0, stored = 0] = line.split(" ").map(Number);
      acknowledged.set(attempt, stored);
      if (++seen > until) child.kill("SIGKILL");
    }
    await exited;
    logs = await openFileLogStore(folder);
    for (const [attempt, stored] of acknowledged) {
      const log = { taskId: "task-killed", attempt };
      const lines = await logs.read(log, 1, Number.POSITIVE_INFINITY);
      expect(lines.length).toBeGreaterThanOrEqual(stored);
      expect(lines.every((line, i) => line.line === i + 1 && line.text.startsWith(`${i + 1} `))).toBe(true);
      expect(await logs.length(log)).toBe(lines.length);
    }
    await logs.close();
  }
  logs = await openFileLogStore(folder);
});

test("a log of 150 MB is written, packed, searched and followed in less memory than its size", async () => {
  const script = join(import.meta.dirname, "testing/big-log.ts");
  // A small young generation: else garbage that V8 is in no hurry to collect hides what is held.
  const args = ["--max-semi-space-size=4", script, folder, "700000"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const figures = JSON.parse(stdout);
  expect(figures).toMatchObject({ followed: 700_000, middle: 350_000, last: 700_000 });
  expect(figures.followKib * 1024).toBeLessThan(figures.textBytes);
}, 120_000);
