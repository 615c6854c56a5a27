// The thread that answers lists: its start, its death and its end.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Reader } from "./reader.ts";
import { openSqliteStore } from "./sqlite.ts";

test("a thread that cannot work refuses its lists, and the next list starts another", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mflow-reader-"));
  const path = join(folder, "mflow.db");
  const reader = new Reader(path);
  const refused = { code: "INTERNAL", message: expect.stringContaining(path) };
  const lists = [1, 2].map(() => reader.list("run", { limit: 1 }));
  for (const list of lists) await expect(list).rejects.toMatchObject(refused);
  const store = await openSqliteStore(path);
  expect(await reader.list("run", { limit: 1 })).toEqual({ items: [] });
  await reader.close();
  await store.close();
  await rm(folder, { recursive: true });
});

test("closing waits for the lists that were asked for, and refuses later ones", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mflow-reader-"));
  const path = join(folder, "mflow.db");
  const store = await openSqliteStore(path);
  const reader = new Reader(path);
  const lists = [1, 2, 3].map(() => reader.list("run", { limit: 1 }));
  await Promise.all([reader.close(), reader.close()]);
  expect(await Promise.all(lists)).toEqual([{ items: [] }, { items: [] }, { items: [] }]);
  await expect(reader.list("run", { limit: 1 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await store.close();
  await rm(folder, { recursive: true });
});
