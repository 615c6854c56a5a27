// The secret key and other private files.

import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readOrMake, secretFromFile, secretOf } from "./secret-key.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-key-"));
  file = join(folder, "secret.key");
});
afterEach(() => rm(folder, { recursive: true }));

test("the key is made at the first start, for its owner alone, and is the same at the next", async () => {
  const key = secretFromFile(file);
  expect(key.length).toBe(32);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(["secret.key"]);
  expect(secretFromFile(file)).toEqual(key);
  expect(secretFromFile(join(folder, "other.key"))).not.toEqual(key);
});

test("the key of the file can be given as text instead, with or without its line break", async () => {
  const key = secretFromFile(file);
  const text = await readFile(file, "utf8");
  expect(secretOf(text)).toEqual(key);
  expect(secretOf(text.trim())).toEqual(key);
});

const refused = (message: string) =>
  expect.objectContaining({ code: "DATA_FOLDER_REFUSED", message: expect.stringContaining(message) });

test("a private file that others can read is refused", async () => {
  secretFromFile(file);
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(file, mode);
    expect(() => secretFromFile(file)).toThrow(refused(`chmod 600 ${file}`));
  }
});

test.runIf(process.getuid?.() === 0)("a private file of another user is refused", async () => {
  secretFromFile(file);
  await chown(file, 12_345, 12_345);
  expect(() => secretFromFile(file)).toThrow(refused("belongs to user 12345"));
});

test("an empty private file is refused, not filled: it may stand in for a lost key", async () => {
  await writeFile(file, "\n", { mode: 0o600 });
  expect(() => readOrMake(file, () => "new")).toThrow(refused("is empty"));
  expect(await readFile(file, "utf8")).toBe("\n");
});
