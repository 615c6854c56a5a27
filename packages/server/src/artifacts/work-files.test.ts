// What runners get of artifacts and caches, with the bytes in files and in a bucket.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create as createTar } from "tar";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { aNewRun, aRun, aTaskOf, LEASE } from "../store/testing/records.ts";
import { type OpenArtifacts, openArtifacts } from "./open-artifacts.ts";
import { S3_KEYS, type S3Server, startS3Server } from "./testing/s3-server.ts";

const run = aRun(1);
const [maker, other, user] = [
  aTaskOf(run, 1, 1, { stage: "SUCCEEDED", attempt: 2, name: "make (linux)" }),
  aTaskOf(run, 2, 2, { stage: "SUCCEEDED", attempt: 1, name: "make (mac)" }),
  aTaskOf(run, 3, 3, { stage: "ACTIVE", attempt: 1, name: "use" }),
];

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

describe.each(["folder", "bucket"])("with the bytes in a %s", (where) => {
  let folder: string;
  let store: Store;
  let open: OpenArtifacts;
  let id = 0;
  let warnings: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mflow-work-files-"));
    warnings = [];
    store = await openSqliteStore(join(folder, "mflow.db"));
    await store.runs.commit([aNewRun(run, [maker, other, user])], LEASE);
    open = await openArtifacts({
      store,
      folder: join(folder, "artifacts"),
      settings: {
        ...(where === "bucket" && { s3: { place: await s3.newPlace(""), keys: S3_KEYS } }),
        ...{ artifactBytes: 1000, cacheBytes: 3000, cacheAgeMs: 1e9 },
      },
      newId: (prefix) => `${prefix}-${id++}`,
      log: { warn: (message) => warnings.push(message) },
    });
  });
  afterEach(async () => {
    await open.close();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const refOf = ({ id: taskId, attempt }: { id: string; attempt: number }) => ({ taskId, attempt });

  async function keep(task: typeof maker, name: string, text: string): Promise<void> {
    const file = join(folder, "packed");
    await writeFile(file, text);
    const sha256 = createHash("sha256").update(text).digest("hex");
    const facts = { kind: "FILE", path: `out/${name}.txt`, executable: true } as const;
    await open.files.keep(refOf(task), [{ name, ...facts, file, sha256 }]);
  }

  test("all ways of a task are fetched, each of its last attempt, as files that go with the attempt", async () => {
    await keep({ ...maker, attempt: 1 }, "app", "old");
    await keep(maker, "app", "linux");
    await keep(other, "app", "mac");
    await keep(user, "app", "own");
    const given = await open.files.fetch(refOf(user), [
      { from: "make", name: "app" },
      { from: "make (mac)", name: "app", path: "here" },
      { from: "make", name: "none", optional: true },
    ]);
    const hashed = (text: string) => ({ sha256: createHash("sha256").update(text).digest("hex") });
    expect(given.map(({ file: _, ...rest }) => rest)).toEqual([
      {
        kind: "FILE",
        folder: "out",
        name: "app.txt",
        executable: true,
        ...hashed("linux"),
        what: "artifact `app` of `make` (5 bytes)",
      },
      {
        kind: "FILE",
        folder: "out",
        name: "app.txt",
        executable: true,
        ...hashed("mac"),
        what: "artifact `app` of `make` (3 bytes)",
      },
      {
        kind: "FILE",
        folder: "here",
        name: "app.txt",
        executable: true,
        ...hashed("mac"),
        what: "artifact `app` of `make (mac)` (3 bytes)",
      },
    ]);
    const texts = await Promise.all(given.map(({ file }) => readFile(file, "utf8")));
    expect(texts).toEqual(["linux", "mac", "mac"]);
    await open.files.forget(refOf(user));
    expect(given.map(({ file }) => existsSync(file))).toEqual(given.map(() => where === "folder"));
    await expect(open.files.fetch(refOf(user), [{ from: "use", name: "app" }])).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("it is kept by `make (linux)`, `make (mac)`"),
    });
  });

  test("kept again after a crash, an artifact is there once; one that is too large is refused by name", async () => {
    await keep(maker, "app", "same");
    await keep(maker, "app", "same");
    await keep(maker, "app", "other");
    const { items } = await open.artifacts.list({ taskId: maker.id }, { limit: 10 });
    expect(items).toMatchObject([{ name: "app", size: 5 }]);
    await expect(keep(maker, "big", "x".repeat(1001))).rejects.toMatchObject({
      code: "ARTIFACT_TOO_LARGE",
      message: "artifact `big`: it is larger than 1000 bytes",
    });
    await keep({ ...maker, id: "task-gone" }, "app", "nobody's");
    await open.files.removeOf(run.id);
    expect((await open.artifacts.list({ aggregateId: run.id }, { limit: 10 })).items).toEqual([]);
  });

  test("caches are saved and restored by key and prefix, and what is no archive is a warning", async () => {
    const file = join(folder, "packed");
    await writeFile(join(folder, "x"), "x");
    await createTar({ cwd: folder, file, gzip: true }, ["x"]);
    const ref = refOf(user);
    await open.files.save(ref, [{ key: "npm-1", paths: "p", file, replace: false }]);
    const [exact, near, none] = await open.files.restore(ref, [
      { key: "npm-1", paths: "p" },
      { key: "npm-2", prefix: "npm-", paths: "p" },
      { key: "npm-2", prefix: "npm-", paths: "q" },
    ]);
    expect([exact?.key, near?.key, none]).toEqual(["npm-1", "npm-1", undefined]);
    expect((await readFile(exact?.file ?? "")).equals(await readFile(file))).toBe(true);
    const at = new Date().toISOString();
    const gone = { key: "npm-0", paths: "p", size: 1, sha256: "0".repeat(64), createdAt: at, usedAt: at };
    const { domain, namespace } = user;
    await store.artifacts.putCache({ ...gone, domain, namespace, blob: "caches/gone" }, false);
    const [, other] = await open.files.restore(ref, [
      { key: "npm-0", paths: "p" },
      { key: "npm-1", paths: "p" },
    ]);
    expect(other?.key).toBe("npm-1");
    await writeFile(file, "no archive");
    await open.files.save(ref, [{ key: "bad", paths: "p", file, replace: false }]);
    expect(warnings).toEqual([expect.stringContaining(`the cache bad of task ${user.id} was not saved`)]);
  });
});
