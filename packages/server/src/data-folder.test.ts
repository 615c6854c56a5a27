// The data folder: who may use it, and that only one server does.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DataFolder, openDataFolder } from "./data-folder.ts";

let base: string;
let path: string;
const open: DataFolder[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "mflow-data-"));
  path = join(base, "data");
});
afterEach(async () => {
  for (const folder of open.splice(0)) folder.release();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(base, { recursive: true });
});

function openHere(): DataFolder {
  const folder = openDataFolder(path);
  open.push(folder);
  return folder;
}

/** Another process that holds the folder. */
async function holder(address?: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "testing/hold-data-folder.ts");
  const args = [script, path, ...(address ? [address] : [])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  if (child.stdout) await once(child.stdout, "data");
  return child;
}

const record = async () => JSON.parse(await readFile(join(path, "server.json"), "utf8"));

test("the folder is made for its owner alone, and git leaves it alone", async () => {
  openHere();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(path, ".gitignore"), "utf8")).toBe("*\n");
});

test("clients find the running server in server.json, and nothing once it has ended", async () => {
  const folder = openHere();
  expect(await record()).toEqual({ pid: process.pid });
  folder.announce({ address: "http://127.0.0.1:1", pid: process.pid });
  expect(await record()).toEqual({ address: "http://127.0.0.1:1", pid: process.pid });
  expect((await stat(join(path, "server.json"))).mode & 0o777).toBe(0o600);
  open.pop()?.release();
  await expect(record()).rejects.toMatchObject({ code: "ENOENT" });
});

test("a second server on the folder is refused and told which one has it", async () => {
  const first = await holder("http://127.0.0.1:4711");
  expect(() => openHere()).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_IN_USE",
      message: expect.stringContaining(`pid ${first.pid} at http://127.0.0.1:4711`),
    }),
  );
  expect(await record()).toEqual({ address: "http://127.0.0.1:4711", pid: first.pid });
});

test("a server that is still starting holds the folder too", async () => {
  const first = await holder();
  expect(() => openHere()).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_IN_USE",
      message: expect.stringContaining(`pid ${first.pid}, not listening yet`),
    }),
  );
});

test("a second opening in the same process is refused too", () => {
  openHere();
  expect(() => openHere()).toThrow(expect.objectContaining({ code: "DATA_FOLDER_IN_USE" }));
});

test("after kill -9 the folder is free at once, and what the dead server announced is replaced", async () => {
  for (let round = 0; round < 3; round++) {
    const server = await holder("http://127.0.0.1:4711");
    server.kill("SIGKILL");
    await once(server, "exit");
    expect(await record()).toEqual({ address: "http://127.0.0.1:4711", pid: server.pid });
    openHere();
    expect(await record()).toEqual({ pid: process.pid });
    open.pop()?.release();
  }
});

test("of many servers that start at once one gets the folder", async () => {
  const script = join(import.meta.dirname, "testing/hold-data-folder.ts");
  const starts = Array.from({ length: 4 }, async () => {
    const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    return await Promise.race([
      once(child.stdout, "data").then(() => "holds"),
      once(child, "exit").then(() => "refused"),
    ]);
  });
  expect((await Promise.all(starts)).sort()).toEqual(["holds", "refused", "refused", "refused"]);
});

test("a folder that others can look into is refused with the command that mends it", async () => {
  await mkdir(path);
  await chmod(path, 0o750);
  expect(() => openHere()).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_REFUSED",
      message: expect.stringContaining(`chmod 700 ${path}`),
    }),
  );
  await chmod(path, 0o700);
  openHere();
});

test.runIf(process.getuid?.() === 0)("a folder of another user is refused, even to root", async () => {
  await mkdir(path, { mode: 0o700 });
  await chown(path, 12_345, 12_345);
  expect(() => openHere()).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_REFUSED",
      message: expect.stringContaining("belongs to user 12345"),
    }),
  );
});

test("a path that is a file, or below one, is refused and named", async () => {
  await writeFile(path, "");
  for (const bad of [path, join(path, "below")]) {
    expect(() => openDataFolder(bad)).toThrow(
      expect.objectContaining({ code: "DATA_FOLDER_REFUSED", message: expect.stringContaining(bad) }),
    );
  }
});

test("a lock file that is no lock is refused instead of used", async () => {
  await mkdir(path, { mode: 0o700 });
  await mkdir(join(path, "lock"));
  expect(() => openHere()).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_REFUSED",
      message: expect.stringContaining("cannot lock"),
    }),
  );
});
