import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { markMade, prepareFolder } from "./demo-folder.ts";
import { serviceSource } from "./example-manifests.ts";
import { makeRepository } from "./repository.ts";

const searchPath = process.env.PATH;
let place: string;
let path: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "mflow-demo-"));
  path = join(place, ".mflow", "demo");
});
afterEach(() => rm(place, { recursive: true }));

/** A folder as a demo leaves it. */
async function demoWasHere(): Promise<void> {
  const folder = await prepareFolder(path, searchPath);
  const commit = await makeRepository(folder.repository, serviceSource(), {
    broken: false,
    path: searchPath,
  });
  await markMade(path, commit);
  await writeFile(join(path, "mflow.db"), "state");
}

test("the folder is made with its parents, for its owner alone", async () => {
  await prepareFolder(path, searchPath);
  for (const made of [join(place, ".mflow"), path]) expect((await stat(made)).mode & 0o777).toBe(0o700);
});

test("what an earlier demo left is gone the next time", async () => {
  await demoWasHere();
  const folder = await prepareFolder(path, searchPath);
  expect(folder.keptAside).toBeUndefined();
  expect(existsSync(folder.repository)).toBe(false);
  expect(await readdir(path)).toEqual(["made-by-mflow-demo.json"]);
});

test("a demo that was interrupted on the way is cleared too", async () => {
  await prepareFolder(path, searchPath);
  await mkdir(join(path, "repository"));
  expect((await prepareFolder(path, searchPath)).keptAside).toBeUndefined();
});

test("a repository that somebody worked in is kept under another name", async () => {
  await demoWasHere();
  await writeFile(join(path, "repository", "notes.txt"), "mine");
  const { keptAside = "" } = await prepareFolder(path, searchPath);
  expect(await readFile(join(keptAside, "repository", "notes.txt"), "utf8")).toBe("mine");
  expect(existsSync(join(path, "repository"))).toBe(false);
});

test("a folder with anything else is refused and left alone", async () => {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "notes.txt"), "mine");
  await expect(prepareFolder(path, searchPath)).rejects.toMatchObject({
    name: "UsageError",
    message: `${path} holds something else than a demo`,
  });
  expect(await readFile(join(path, "notes.txt"), "utf8")).toBe("mine");
});

test("without git the demo says what to install", async () => {
  await prepareFolder(path, searchPath);
  const making = makeRepository(join(path, "repository"), serviceSource(), { broken: false, path: place });
  await expect(making).rejects.toMatchObject({
    message: "git was not found",
    remedy: expect.stringContaining("install git"),
  });
});
