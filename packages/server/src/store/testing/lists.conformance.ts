// Lists while records are written: paging, reading one's own writes, and many names and scopes.

import { describe, expect, test } from "vitest";
import type { RunCommit, RunQuery, TaskQuery } from "../store.ts";
import type { Bench } from "./bench.ts";
import { allPages } from "./pages.ts";
import { aCommit, aNewRun, aNewTask, aRun, aTask, LEASE } from "./records.ts";

export function describeLists(bench: Bench): void {
  describe("lists", () => {
    test("a text that very many names have is found in all of them", async () => {
      const { store } = bench;
      const named = Array.from({ length: 90 }, (_, i) =>
        aRun(i + 1, { name: `service-${i}`, stage: i % 2 ? "FAILED" : "ACTIVE", labels: { app: "web" } }),
      );
      const others = [91, 92].map((n) => aRun(n, { name: "other", stage: "FAILED", labels: { app: "web" } }));
      await store.runs.commit(
        [...named, ...others].map((run) => aNewRun(run)),
        LEASE,
      );
      const found = (stages?: string[]) =>
        named.filter((run) => !stages || stages.includes(run.status.stage)).reverse();
      const list = (query: Partial<RunQuery>) =>
        store.runs.listRuns({ limit: 500, text: "SERVICE", ...query });
      expect((await list({})).items).toEqual(found());
      expect((await list({ labels: { app: "web" }, stages: ["FAILED"] })).items).toEqual(found(["FAILED"]));
      expect((await list({ text: "service-1" })).items.map((run) => run.name).toSorted()).toEqual(
        named
          .map((run) => run.name)
          .filter((name) => name.startsWith("service-1"))
          .toSorted(),
      );
    });

    test("labels are told apart however their keys and values are cut", async () => {
      const { runs } = bench.store;
      const labels = [{ ab: "c" }, { a: "bc" }, { "": "abc" }, { abc: "" }] as Record<string, string>[];
      const labelled = labels.map((each, i) => aRun(i + 1, { labels: each }));
      await runs.commit(
        labelled.map((run) => aNewRun(run)),
        LEASE,
      );
      for (const run of labelled)
        expect((await runs.listRuns({ limit: 10, labels: run.labels })).items).toEqual([run]);
    });

    test("a cursor may be used with an earlier end", async () => {
      const { runs } = bench.store;
      const made = [1, 2, 3, 4, 5].map((n) => aRun(n));
      await runs.commit(
        made.map((run) => aNewRun(run)),
        LEASE,
      );
      const { nextCursor: cursor } = await runs.listRuns({ limit: 1 });
      const { items } = await runs.listRuns({ limit: 5, cursor, createdTo: made[2]?.createdAt });
      expect(items).toEqual([made[1], made[0]]);
    });

    test("records of very many scopes are merged in order", async () => {
      const { store } = bench;
      const scattered = Array.from({ length: 300 }, (_, i) =>
        aRun(i + 1, { namespace: `team-${(i * 7) % 300}` }),
      );
      await store.runs.commit(
        scattered.map((run) => aNewRun(run)),
        LEASE,
      );
      const listed = await allPages(50, (cursor) => store.runs.listRuns({ limit: 50, cursor }));
      expect(listed).toEqual(scattered.toReversed());
    });

    test("paging while runs are added shows each earlier run once", async () => {
      const { store } = bench;
      const earlier = Array.from({ length: 40 }, (_, i) => aRun(i + 1, { labels: { app: "web" } }));
      await store.runs.commit(
        earlier.map((run) => aNewRun(run)),
        LEASE,
      );
      let n = 100;
      const listed = await allPages(6, async (cursor) => {
        const page = await store.runs.listRuns({ limit: 6, cursor, labels: { app: "web" } });
        await store.runs.commit([aNewRun(aRun(++n, { labels: { app: "web" } }))], LEASE);
        return page;
      });
      expect(listed).toEqual(earlier.toReversed());
    });

    test("a list sees every commit that was acknowledged", async () => {
      const { runs } = bench.store;
      for (let n = 1; n <= 30; n++) {
        const run = aRun(n);
        await runs.commit([aNewRun(run)], LEASE);
        expect((await runs.listRuns({ limit: 1 })).items).toEqual([run]);
        const ended = aRun(n, { stage: "FAILED", revision: 2 });
        await runs.commit([aCommit(run.id, 1, { run: ended })], LEASE);
        expect((await runs.listRuns({ limit: 1, stages: ["FAILED"] })).items).toEqual([ended]);
        expect((await runs.listRuns({ limit: 1, stages: ["ACTIVE"] })).items).toEqual([]);
      }
    });

    test("records are found by their present stage and labels, no longer by earlier ones", async () => {
      const { runs } = bench.store;
      const { id } = aTask(1);
      const change = async (revision: number, overrides: Parameters<typeof aTask>[1]) => {
        const task = aTask(1, { revision, ...overrides });
        const commits: RunCommit[] = [
          revision === 1 ? aNewTask(task) : aCommit(id, revision - 1, { tasks: [task] }),
        ];
        expect(await runs.commit(commits, LEASE)).toEqual([{ ok: true, events: [] }]);
        return task;
      };
      const count = async (query: Partial<TaskQuery>) =>
        (await runs.listTasks({ limit: 5, ...query })).items.length;
      await change(1, { stage: "PENDING" });
      await change(2, { stage: "ACTIVE", labels: { v: "1" } });
      expect(await count({ stages: ["PENDING"] })).toBe(0);
      expect(await count({ stages: ["ACTIVE"], labels: { v: "1" } })).toBe(1);
      await change(3, { stage: "FAILED", labels: { v: "1", w: "2" } });
      expect(await count({ stages: ["ACTIVE"] })).toBe(0);
      expect(await count({ stages: ["FAILED"], labels: { w: "2", v: "1" } })).toBe(1);
      // Ended is not for ever: a forced status corrects the ending, a rerun leaves it.
      await change(4, { stage: "SUCCEEDED", labels: { w: "2" } });
      expect(await count({ stages: ["FAILED"] })).toBe(0);
      expect(await count({ labels: { v: "1" } })).toBe(0);
      const again = await change(5, { stage: "PENDING", labels: { w: "2" } });
      expect(await count({ stages: ["SUCCEEDED"] })).toBe(0);
      expect((await runs.listTasks({ limit: 5, stages: ["PENDING"], labels: { w: "2" } })).items).toEqual([
        again,
      ]);
    });
  });
}
