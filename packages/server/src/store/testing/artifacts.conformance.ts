// What is known of artifacts and caches.

import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { beforeEach, describe, expect, test } from "vitest";
import type { ArtifactRow, CacheRow } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aNewRun, aRun, aTaskOf, idOf, LEASE, START, timeOf } from "./records.ts";

const run = aRun(1, { stage: "SUCCEEDED" });
const other = aRun(2);

function anArtifact(task: number, name: string, more: Partial<ArtifactRow> = {}): ArtifactRow {
  return {
    taskId: idOf("task", task),
    attempt: 1,
    name,
    aggregateId: run.id,
    kind: "FILE",
    path: `out/${name}.txt`,
    size: 3,
    sha256: "ab".repeat(32),
    createdAt: timeOf(1),
    blob: `blob-${task}-${name}`,
    ...more,
  };
}

function aCache(key: string, n: number, more: Partial<CacheRow> = {}): CacheRow {
  const sha256 = "cd".repeat(32);
  const times = { createdAt: timeOf(n), usedAt: timeOf(n) };
  return { ...DEFAULT_SCOPE, key, paths: "p", size: 10, sha256, ...times, blob: `blob-${key}`, ...more };
}

export function describeArtifacts(bench: Bench): void {
  const rows = () => bench.store.artifacts;

  describe("artifacts", () => {
    beforeEach(async () => {
      const tasks = [aTaskOf(run, 1, 1), aTaskOf(run, 2, 2)];
      await bench.store.runs.commit([aNewRun(run, tasks), aNewRun(other, [aTaskOf(other, 1, 3)])], LEASE);
    });

    test("are found by task, name and attempt, without one that of the newest", async () => {
      const first = anArtifact(1, "app", { kind: "FOLDER" });
      const second = anArtifact(1, "app", { attempt: 2, executable: true, expiresAt: timeOf(9), blob: "b" });
      for (const row of [second, first]) expect(await rows().put(row, 64)).toBeUndefined();
      expect(await rows().find(first.taskId, "app")).toEqual(second);
      expect(await rows().find(first.taskId, "app", 1)).toEqual(first);
      expect(await rows().find(first.taskId, "app", 3)).toBeUndefined();
      expect(await rows().find(first.taskId, "other")).toBeUndefined();
    });

    test("take the place of one of the same name, whose blob is answered, and outlive the store", async () => {
      await rows().put(anArtifact(1, "app"), 1);
      expect(await rows().put(anArtifact(1, "app", { size: 4, blob: "new" }), 1)).toBe("blob-1-app");
      await bench.store.close();
      const again = await bench.another();
      expect(await again.artifacts.find(idOf("task", 1), "app")).toMatchObject({ size: 4, blob: "new" });
    });

    test("are refused beyond as many as a task may have, and when their run is gone", async () => {
      await rows().put(anArtifact(1, "a"), 1);
      await expect(rows().put(anArtifact(1, "b"), 1)).rejects.toMatchObject({ code: "ARTIFACT_REFUSED" });
      await expect(rows().put(anArtifact(1, "c", { aggregateId: idOf("run", 9) }), 64)).rejects.toMatchObject(
        { code: "NOT_FOUND" },
      );
      expect((await rows().list({ aggregateId: run.id }, { limit: 10 })).items).toHaveLength(1);
    });

    test("are listed by task or run, page by page, by task, attempt and name", async () => {
      const all = [
        anArtifact(1, "a"),
        anArtifact(1, "b"),
        anArtifact(1, "a", { attempt: 2, blob: "x" }),
        anArtifact(2, "a"),
      ];
      const foreign = anArtifact(3, "a", { aggregateId: other.id });
      for (const row of [...all, foreign].reverse()) await rows().put(row, 64);
      const pages: ArtifactRow[][] = [];
      let cursor: string | undefined;
      do {
        const page = await rows().list({ aggregateId: run.id }, { limit: 3, ...(cursor && { cursor }) });
        pages.push(page.items);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(pages).toEqual([all.slice(0, 3), all.slice(3)]);
      expect(await rows().list({ taskId: idOf("task", 1) }, { limit: 3 })).toEqual({
        items: all.slice(0, 3),
      });
      expect(await rows().named(run.id, "a")).toEqual([all[0], all[2], all[3]]);
      await expect(
        rows().list({ taskId: idOf("task", 1) }, { limit: 3, cursor: "rubbish" }),
      ).rejects.toMatchObject({ code: "BAD_REQUEST" });
    });

    test("are removed one by one, with their run by their own call, and with the rows of their run", async () => {
      for (const name of ["a", "b", "c"]) await rows().put(anArtifact(1, name), 64);
      await rows().put(anArtifact(3, "a", { aggregateId: other.id }), 64);
      expect(await rows().remove(idOf("task", 1), 1, "b")).toBe("blob-1-b");
      expect(await rows().remove(idOf("task", 1), 1, "b")).toBeUndefined();
      expect((await rows().removeOf(run.id)).sort()).toEqual(["blob-1-a", "blob-1-c"]);
      await rows().put(anArtifact(1, "late"), 64);
      await bench.store.runs.remove(run.id);
      expect((await rows().list({ aggregateId: run.id }, { limit: 9 })).items).toEqual([]);
      expect((await rows().list({ aggregateId: other.id }, { limit: 9 })).items).toHaveLength(1);
    });

    test("of a task that a rerun kept are there too, over the same bytes, which go with the last run that has them", async () => {
      const [first, second] = [anArtifact(1, "a"), anArtifact(1, "b", { attempt: 2, expiresAt: timeOf(9) })];
      for (const row of [first, second, anArtifact(2, "again")]) await rows().put(row, 64);
      const keptFrom = { runId: run.id, taskId: idOf("task", 1) };
      const again = aRun(3, { stage: "SUCCEEDED", rerunOf: { runId: run.id, mode: "FAILED" } });
      const kept = [aTaskOf(again, 1, 11, { keptFrom }), aTaskOf(again, 2, 12)];
      await bench.store.runs.commit([aNewRun(again, kept)], LEASE);
      const inRun = (row: ArtifactRow, task: number, aggregateId: string) => ({
        ...{ ...row, taskId: idOf("task", task), aggregateId },
      });
      const listed = async (aggregateId: string) => (await rows().list({ aggregateId }, { limit: 9 })).items;
      expect(await listed(again.id)).toEqual([inRun(first, 11, again.id), inRun(second, 11, again.id)]);
      expect(await rows().removeOf(run.id)).toEqual(["blob-2-again"]);
      await bench.store.runs.remove(run.id);
      // What a rerun of the rerun keeps is still the work of the first run, which is gone.
      const third = aRun(4, { stage: "SUCCEEDED", rerunOf: { runId: again.id, mode: "FAILED" } });
      await bench.store.runs.commit([aNewRun(third, [aTaskOf(third, 1, 21, { keptFrom })])], LEASE);
      expect(await listed(third.id)).toEqual([inRun(first, 21, third.id), inRun(second, 21, third.id)]);
      expect(await rows().remove(idOf("task", 11), 1, "a")).toBeUndefined();
      expect(await rows().removeOf(again.id)).toEqual([]);
      expect((await rows().removeOf(third.id)).sort()).toEqual(["blob-1-a", "blob-1-b"]);
    });

    test("expire when their time has come, those due first", async () => {
      expect(await rows().nextExpiry()).toBeUndefined();
      await rows().put(anArtifact(1, "stays"), 64);
      const [soon, later] = [5, 7].map((n) => anArtifact(1, `e${n}`, { expiresAt: timeOf(n) }));
      for (const row of [later, soon]) await rows().put(row as ArtifactRow, 64);
      expect(await rows().nextExpiry()).toBe(START + 5000);
      expect(await rows().expired(START + 4999, 10)).toEqual([]);
      expect(await rows().expired(START + 7000, 10)).toEqual([soon, later]);
      expect(await rows().expired(START + 7000, 1)).toEqual([soon]);
    });

    test("tell the blobs that are nobody's", async () => {
      await rows().put(anArtifact(1, "a"), 64);
      await rows().putCache(aCache("k", 1), false);
      expect(await rows().strangers(["blob-1-a", "x", "blob-k", "y"])).toEqual(["x", "y"]);
    });
  });

  describe("caches", () => {
    const asked = { scope: DEFAULT_SCOPE, paths: "p" };

    test("are found by their key, or else the one saved last that begins with the prefix", async () => {
      for (const [key, n] of [
        ["npm-b", 3],
        ["npm-c", 2],
        ["npm-a", 1],
        ["npn-z", 9],
      ] as const) {
        expect(await rows().putCache(aCache(key, n), false)).toEqual({ written: true });
      }
      await rows().putCache(aCache("npm-q", 8, { paths: "other", blob: "q" }), false);
      await rows().putCache(aCache("npm-r", 8, { namespace: "team", blob: "r" }), false);
      const use = async (key: string, prefix?: string) =>
        (await rows().useCache({ ...asked, key, ...(prefix && { prefix }) }, START))?.key;
      expect(await use("npm-a", "npm-")).toBe("npm-a");
      expect(await use("npm-x", "npm-")).toBe("npm-b");
      expect(await use("npm-x")).toBeUndefined();
      expect(await use("go-x", "go-")).toBeUndefined();
      expect(await rows().hasCache({ ...asked, key: "npm-c" })).toBe(true);
      expect(await rows().hasCache({ ...asked, key: "npm-q" })).toBe(false);
    });

    test("stay when there is one of the key, unless it is replaced", async () => {
      await rows().putCache(aCache("k", 1), false);
      expect(await rows().putCache(aCache("k", 2, { blob: "new" }), false)).toEqual({ written: false });
      expect(await rows().putCache(aCache("k", 2, { blob: "new" }), true)).toEqual({
        written: true,
        old: "blob-k",
      });
      expect(await rows().listCaches({}, 10)).toEqual([aCache("k", 2, { blob: "new" })]);
    });

    test("are trimmed by their last use, and by size the least recently used first", async () => {
      for (const n of [1, 2, 3, 4]) await rows().putCache(aCache(`k${n}`, n), false);
      await rows().useCache({ ...asked, key: "k1" }, START + 9000);
      expect(await rows().trimCaches(START + 2500, 20)).toEqual(["blob-k2", "blob-k3"]);
      expect((await rows().listCaches({}, 10)).map(({ key, usedAt }) => [key, usedAt])).toEqual([
        ["k1", timeOf(9)],
        ["k4", timeOf(4)],
      ]);
    });

    test("are listed and removed by scope and key", async () => {
      await rows().putCache(aCache("a", 1), false);
      await rows().putCache(aCache("b", 2), false);
      await rows().putCache(aCache("a", 3, { namespace: "team", blob: "t" }), false);
      expect((await rows().listCaches({ namespace: "default" }, 10)).map(({ key }) => key)).toEqual([
        "b",
        "a",
      ]);
      expect(await rows().listCaches({}, 1)).toHaveLength(1);
      expect(await rows().removeCaches({ namespace: "default" }, "a")).toEqual(["blob-a"]);
      expect((await rows().removeCaches({})).sort()).toEqual(["blob-b", "t"]);
    });
  });
}
