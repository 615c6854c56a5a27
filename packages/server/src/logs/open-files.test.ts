// The bounded set of open files.

import { constants } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OpenFiles } from "./open-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-files-"));
  for (const name of ["a", "b", "c"]) await writeFile(join(folder, name), name);
});
afterEach(() => rm(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

test("with fewer places than files everybody gets a turn", async () => {
  const files = new OpenFiles(2);
  const contents = await Promise.all(
    ["a", "b", "c", "a", "b", "c", "c", "a"].map((name) =>
      files.use(path(name), constants.O_RDONLY, async (handle) => {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(9), 0, 9, 0);
        return buffer.toString("utf8", 0, bytesRead);
      }),
    ),
  );
  expect(contents).toEqual(["a", "b", "c", "a", "b", "c", "c", "a"]);
  await files.close();
});

test("the same file stays open between uses, until it is forgotten", async () => {
  const files = new OpenFiles(2);
  const descriptor = () => files.use(path("a"), constants.O_RDONLY, async (handle) => handle);
  const first = await descriptor();
  expect(await descriptor()).toBe(first);
  await files.forget(path("a"));
  expect(first.fd).toBe(-1);
  expect(await descriptor()).not.toBe(first);
  await files.close();
});

test("a forgotten file is closed only when its last user is done", async () => {
  const files = new OpenFiles(1);
  const handle = await files.use(path("a"), constants.O_RDONLY, async (file) => {
    await files.forget(path("a"));
    await rename(path("a"), path("moved"));
    expect((await file.read(Buffer.alloc(1), 0, 1, 0)).bytesRead).toBe(1);
    return file;
  });
  expect(handle.fd).toBe(-1);
  await files.close();
});

test("a file that cannot be opened rejects, takes no place, and may exist later", async () => {
  const files = new OpenFiles(1);
  const read = () => files.use(path("new"), constants.O_RDONLY, async () => "read");
  await expect(Promise.all([read(), read()])).rejects.toMatchObject({ code: "ENOENT" });
  await writeFile(path("new"), "");
  expect(await read()).toBe("read");
  await files.close();
});

test("work that fails gives its place back", async () => {
  const files = new OpenFiles(1);
  for (const name of ["a", "b", "c"]) {
    await expect(
      files.use(path(name), constants.O_RDONLY, () => Promise.reject(new Error(name))),
    ).rejects.toThrow(name);
  }
  await files.close();
});
