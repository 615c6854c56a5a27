import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeArtifactStore } from "./artifact-store.conformance.ts";
import { openFolderStore } from "./folder-store.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "mflow-artifacts-"));

describeArtifactStore("the folder store", async () => {
  const folder = await newFolder();
  return {
    open: () => openFolderStore(join(folder, "artifacts")),
    dispose: () => rm(folder, { recursive: true }),
  };
});

test("what a killed process left half written is removed at the next start, and never listed", async () => {
  const folder = await newFolder();
  const store = await openFolderStore(folder);
  await writeFile(join(folder, ".incoming", "half"), "half");
  for await (const one of store.list("")) expect.fail(one.key);
  await openFolderStore(folder);
  expect(await readdir(join(folder, ".incoming"))).toEqual([]);
  await rm(folder, { recursive: true });
});

test("a put gets over the removal of the folder's last file at the same moment", async () => {
  const folder = await newFolder();
  const store = await openFolderStore(folder);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("x");
  }
  const put = (key: string) => store.put(key, bytes(), 10);
  async function rounds(of: string): Promise<void> {
    for (let round = 0; round < 60; round++) {
      await put(`${of}/old`);
      await Promise.all([put(`${of}/new`), store.remove(`${of}/old`)]);
      await store.remove(`${of}/new`);
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, number) => rounds(`caches-${number}`)));
  expect(await readdir(folder)).toEqual([".incoming"]);
  await rm(folder, { recursive: true });
});

test("removing leaves no empty folders", async () => {
  const folder = await newFolder();
  const store = await openFolderStore(folder);
  const bytes = (async function* () {
    yield Buffer.from("x");
  })();
  await store.put("artifacts/run-1/task-1/1/app/0", bytes, 10);
  await store.remove("artifacts/run-1/task-1/1/app/0");
  expect(await readdir(folder)).toEqual([".incoming"]);
  await rm(folder, { recursive: true });
});
