// What waits for whom, and what a task did when it last SUCCEEDED.

import type { JobTask } from "@mflow/core/schema/job-task";
import { describe, expect, test } from "vitest";
import type { LastSucceededQuery, RunCommit, WaitingGateQuery } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aGate } from "./delivery-records.ts";
import { allPages } from "./pages.ts";
import {
  aCommit,
  aNewRun,
  aNewTask,
  aRun,
  aTask,
  aTaskOf,
  LEASE,
  type TaskOverrides,
  timeOf,
} from "./records.ts";

export function describeGates(bench: Bench): void {
  const commit = (...commits: RunCommit[]) => bench.store.runs.commit(commits, LEASE);
  const waiting = async (names: string[], query: Partial<WaitingGateQuery> = {}) =>
    (await bench.store.runs.waitingGates({ names, limit: 100, ...query })).items;

  describe("waiting gates", () => {
    test("are those that list one of the names, oldest first, each once", async () => {
      const run = aRun(1);
      const tasks = [
        aTaskOf(run, 1, 1, { audit: aGate(30, ["bob", "@qa"]) }),
        aTaskOf(run, 2, 2, { confirm: aGate(20, ["@qa", "bob", "carl"]) }),
        aTaskOf(run, 3, 3, { audit: aGate(10, ["carl"], { stage: "PASS" }) }),
        aTaskOf(run, 4, 4, { audit: aGate(5, ["bob"], { stage: "PENDING" }) }),
      ];
      const lone = aTask(5, { audit: aGate(20, ["bob"], { stage: "PASS" }), confirm: aGate(25, ["bob"]) });
      await commit(aNewRun(run, tasks), aNewTask(lone));
      const [audit, confirm] = tasks as [JobTask, JobTask];
      const first = { task: confirm, gate: "confirm" };
      const last = { task: audit, gate: "audit" };
      expect(await waiting(["bob", "@qa", "bob"])).toEqual([first, { task: lone, gate: "confirm" }, last]);
      expect(await waiting(["@qa"])).toEqual([first, last]);
      expect(await waiting(["carl"])).toEqual([first]);
      expect(await waiting(["bo"])).toEqual([]);
      expect(await waiting([])).toEqual([]);
    });

    test("follow what becomes of the task", async () => {
      const { id } = aTask(1);
      let revision = 0;
      const become = async (overrides: TaskOverrides) => {
        const task = aTask(1, { ...overrides, revision: ++revision });
        await commit(revision === 1 ? aNewTask(task) : aCommit(id, revision - 1, { tasks: [task] }));
        return task;
      };
      const gates = async (name: string) => (await waiting([name])).map(({ gate }) => gate);
      await become({ audit: aGate(1, ["bob"], { stage: "PENDING" }) });
      expect(await gates("bob")).toEqual([]);
      await become({ audit: aGate(1, ["bob"]) });
      expect(await gates("bob")).toEqual(["audit"]);
      const escalated = await become({ audit: aGate(1, ["bob", "carl"]) });
      expect(await waiting(["carl"])).toEqual([{ task: escalated, gate: "audit" }]);
      const passed = { audit: aGate(1, ["bob", "carl"], { stage: "PASS" }) };
      await become({ ...passed, stage: "ACTIVE", confirm: aGate(9, ["dora"], { stage: "PENDING" }) });
      expect(await gates("bob")).toEqual([]);
      await become({ ...passed, stage: "ACTIVE", confirm: aGate(9, ["dora"]) });
      expect(await gates("dora")).toEqual(["confirm"]);
      await become({ ...passed, stage: "FAILED", confirm: aGate(9, ["dora"], { stage: "DENY" }) });
      expect(await gates("dora")).toEqual([]);
    });

    test("of a commit whose guard fails stay as they were", async () => {
      const run = aRun(1);
      const task = aTaskOf(run, 1, 1, { audit: aGate(1, ["bob"]) });
      await commit(aNewRun(run, [task]));
      const passed = aTaskOf(run, 1, 1, { audit: aGate(1, ["bob"], { stage: "PASS" }), revision: 2 });
      await commit(aCommit(run.id, 7, { run: aRun(1, { revision: 8 }), tasks: [passed] }));
      expect(await waiting(["bob"])).toEqual([{ task, gate: "audit" }]);
    });

    test("come in pages, of which none skips or repeats", async () => {
      const tasks = Array.from({ length: 40 }, (_, i) => {
        const people = i % 3 ? ["bob", "@qa"] : i % 2 ? ["bob"] : ["@qa", "carl"];
        return aTask(i + 1, { audit: aGate(100 - (i >> 2), people) });
      });
      await commit(...tasks.map((task) => aNewTask(task)));
      const ordered = tasks
        .map((task) => ({ task, gate: "audit" }))
        .toSorted(
          (a, b) =>
            Date.parse(a.task.audit?.openedAt as string) - Date.parse(b.task.audit?.openedAt as string) ||
            (a.task.id < b.task.id ? -1 : 1),
        );
      for (const limit of [1, 7, 40]) {
        const names = ["@qa", "bob", "carl"];
        const list = (cursor?: string) =>
          bench.store.runs.waitingGates({ names, limit, ...(cursor && { cursor }) });
        expect(await allPages(limit, list)).toEqual(ordered);
      }
    });

    test("cannot be asked for with a bad limit or cursor", async () => {
      for (const query of [{ limit: 0 }, { limit: 501 }, { cursor: "x" }])
        await expect(waiting(["bob"], query)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    });
  });

  describe("the last success", () => {
    const scope = { domain: "default", namespace: "default" };
    const asked = (before: number): LastSucceededQuery => ({
      scope,
      pipeline: "release",
      job: "compile",
      stageName: "main",
      name: "build",
      before: aTask(before).id,
    });
    const last = async (query: LastSucceededQuery) => (await bench.store.runs.lastSucceeded(query))?.id;
    /** A task `n` of a run `n` that ended in the second `ended`. */
    const succeeded = (n: number, ended: number, overrides: TaskOverrides = {}, name = "release") => {
      const run = aRun(n, { name, stage: "SUCCEEDED" });
      const task = aTaskOf(run, 1, n, { stage: "SUCCEEDED", ...overrides });
      task.status.endAt = timeOf(ended);
      return aNewRun(run, [task]);
    };

    test("of a task is that of the older one which ended last", async () => {
      const made = [succeeded(1, 50), succeeded(2, 70), succeeded(3, 60), succeeded(5, 90)];
      await commit(...made);
      expect(await bench.store.runs.lastSucceeded(asked(4))).toEqual(made[1]?.tasks[0]);
      expect(await last(asked(2))).toBe(aTask(1).id);
      expect(await last(asked(1))).toBeUndefined();
      expect(await last(asked(9))).toBe(aTask(5).id);
    });

    test("is of the same task in the same pipeline and scope alone", async () => {
      const lone = aTask(7, { stage: "SUCCEEDED" });
      await commit(
        succeeded(1, 1),
        succeeded(2, 2, { name: "deploy" }),
        succeeded(3, 3, { job: "shell" }),
        succeeded(4, 4, { stageName: "prod" }),
        succeeded(5, 5, {}, "nightly"),
        succeeded(6, 6, { namespace: "ops" }),
        aNewTask(lone),
        succeeded(8, 8, { stage: "FAILED" }),
      );
      const query = asked(99);
      expect(await last(query)).toBe(aTask(1).id);
      expect(await last({ ...query, name: "deploy" })).toBe(aTask(2).id);
      expect(await last({ ...query, job: "shell" })).toBe(aTask(3).id);
      expect(await last({ ...query, stageName: "prod" })).toBe(aTask(4).id);
      expect(await last({ ...query, pipeline: "nightly" })).toBe(aTask(5).id);
      expect(await last({ ...query, scope: { ...scope, namespace: "ops" } })).toBe(aTask(6).id);
      expect(await last({ ...query, scope: { ...scope, domain: "acme" } })).toBeUndefined();
      const { pipeline: _pipeline, stageName: _stage, ...alone } = query;
      expect(await bench.store.runs.lastSucceeded(alone)).toEqual(lone);
    });

    test("follows what becomes of the tasks", async () => {
      const run = aRun(1);
      await commit(aNewRun(run, [aTaskOf(run, 1, 1, { stage: "ACTIVE" })]));
      const become = async (revision: number, stage: "SUCCEEDED" | "FAILED", ended: number) => {
        const task = aTaskOf(run, 1, 1, { stage, revision });
        task.status.endAt = timeOf(ended);
        await commit(aCommit(run.id, revision - 1, { run: aRun(1, { revision }), tasks: [task] }));
        return task;
      };
      expect(await last(asked(9))).toBeUndefined();
      await become(2, "SUCCEEDED", 10);
      const corrected = await become(3, "SUCCEEDED", 20);
      expect(await bench.store.runs.lastSucceeded(asked(9))).toEqual(corrected);
      await become(4, "FAILED", 30);
      expect(await last(asked(9))).toBeUndefined();
    });

    test("goes with a removed run", async () => {
      await commit(succeeded(1, 1), succeeded(2, 2), aNewTask(aTask(3, { stage: "SUCCEEDED" })));
      await bench.store.runs.remove(aRun(2).id);
      expect(await last(asked(9))).toBe(aTask(1).id);
      await bench.store.runs.remove(aTask(3).id);
      expect(await last({ scope, job: "compile", name: "build", before: aTask(9).id })).toBeUndefined();
    });
  });
}
