// Which URLs name a store.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "./open.ts";

test("`sqlite:PATH` opens the file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mflow-open-"));
  const path = join(folder, "with space & ünïcødé.db");
  const store = await openStore(`sqlite:${path}`);
  expect(await store.history.lastSeq()).toBe(0);
  await store.close();
  expect(existsSync(path)).toBe(true);
  await rm(folder, { recursive: true });
});

test.each([
  ["postgres://ana:secret@db/mflow", "There is no store for `postgres:` URLs; use `sqlite:PATH`"],
  ["sqlite:", "The store needs a file: `sqlite:PATH`"],
  ["sqlite::memory:", "The store needs a file: `sqlite:PATH`"],
  ["mflow.db", "The store is given as a URL such as `sqlite:PATH`"],
  ["", "The store is given as a URL such as `sqlite:PATH`"],
])("%s is refused", async (url, message) => {
  await expect(openStore(url)).rejects.toMatchObject({ code: "BAD_REQUEST", message });
});
