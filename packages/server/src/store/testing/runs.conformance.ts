// Reading and removing runs and lone tasks.

import type { JobTask } from "@mflow/core/schema/job-task";
import { describe, expect, test } from "vitest";
import type { RunCommit } from "../store.ts";
import type { Bench } from "./bench.ts";
import {
  aCommit,
  aNewRun,
  aNewTask,
  anEffect,
  anEvent,
  aRun,
  asAggregate,
  aTask,
  aTaskOf,
  LEASE,
  START,
} from "./records.ts";

export function describeRuns(bench: Bench): void {
  const commit = (...commits: RunCommit[]) => bench.store.runs.commit(commits, LEASE);

  describe("runs", () => {
    test("what does not exist is not found", async () => {
      const { runs } = bench.store;
      expect(await runs.load("run-unknown")).toBeUndefined();
      expect(await runs.run("run-unknown")).toBeUndefined();
      expect(await runs.task("task-unknown")).toBeUndefined();
      expect(await runs.tasksOfRun("run-unknown")).toEqual([]);
      expect(await runs.definition("run-unknown")).toBeUndefined();
      expect(await runs.aggregateOf("task-unknown")).toBeUndefined();
    });

    test("each record of a run can be read by itself", async () => {
      const run = aRun(1);
      const tasks = [aTaskOf(run, 1, 1), aTaskOf(run, 2, 2)];
      const created = aNewRun(run, tasks);
      await commit(created);
      const { runs } = bench.store;
      expect(await runs.run(run.id)).toEqual(run);
      expect(await runs.task(aTask(2).id)).toEqual(tasks[1]);
      expect(await runs.tasksOfRun(run.id)).toEqual(tasks);
      expect(await runs.definition(run.id)).toEqual(created.definition);
    });

    test("tasks come in the pipeline's order, however they were written", async () => {
      const run = aRun(1);
      const place = (stageNumber: number, taskNumber: number, n: number): JobTask =>
        aTaskOf(run, taskNumber, n, { stageNumber, stageName: `s${stageNumber}` });
      const ordered = [place(1, 1, 9), place(1, 2, 3), place(2, 1, 7), place(2, 2, 1), place(2, 10, 5)];
      const written = [ordered[4], ordered[1], ordered[3], ordered[0], ordered[2]] as JobTask[];
      await commit(aNewRun(run, written));
      expect((await bench.store.runs.load(run.id))?.tasks).toEqual(ordered);
      expect(await bench.store.runs.someTasksOfRun(run.id, 0, 2)).toEqual(ordered.slice(0, 2));
      expect(await bench.store.runs.someTasksOfRun(run.id, 2, 9)).toEqual(ordered.slice(2));
      expect(await bench.store.runs.tasksOfRun(run.id)).toEqual(ordered);
    });

    test("the tasks of another run are not among them", async () => {
      const [first, second] = [aRun(1), aRun(2)];
      const tasks = [aTaskOf(first, 1, 1)];
      await commit(aNewRun(first, tasks), aNewRun(second, [aTaskOf(second, 1, 2)]));
      expect(await bench.store.runs.tasksOfRun(first.id)).toEqual(tasks);
    });

    test("a task belongs to its run, a lone one to itself", async () => {
      const run = aRun(1);
      await commit(aNewRun(run, [aTaskOf(run, 1, 1)]), aNewTask(aTask(2)));
      expect(await bench.store.runs.aggregateOf(aTask(1).id)).toBe(run.id);
      expect(await bench.store.runs.aggregateOf(aTask(2).id)).toBe(aTask(2).id);
      expect(await bench.store.runs.aggregateOf(run.id)).toBeUndefined();
    });

    test("a task of a run is not an aggregate", async () => {
      const run = aRun(1);
      await commit(aNewRun(run, [aTaskOf(run, 1, 1)]));
      expect(await bench.store.runs.load(aTask(1).id)).toBeUndefined();
    });

    test("unfinished are runs and lone tasks that have begun and not ended, oldest first; those in line are told whole", async () => {
      const ending = aRun(4);
      await commit(
        aNewTask(aTask(5, { stage: "SCHEDULING" })),
        aNewRun(ending, [aTaskOf(ending, 1, 40)]),
        aNewRun(aRun(3, { stage: "CANCELING" })),
        aNewTask(aTask(2, { stage: "SKIPPED" })),
        aNewRun(aRun(6, { stage: "PENDING" })),
        aNewRun(aRun(1, { stage: "PENDING" })),
      );
      const { runs } = bench.store;
      expect(await runs.unfinished()).toEqual([aRun(3).id, aRun(4).id, aTask(5).id]);
      expect(await runs.pending()).toEqual([1, 6].map((n) => aRun(n, { stage: "PENDING" })));
      await commit(
        aCommit(ending.id, 1, { run: aRun(4, { stage: "FAILED", revision: 2 }) }),
        aCommit(aTask(5).id, 1, { tasks: [aTask(5, { stage: "SUCCEEDED", revision: 2 })] }),
        aCommit(aRun(1).id, 1, { run: aRun(1, { stage: "ACTIVE", revision: 2 }) }),
        aCommit(aRun(6).id, 1, { run: aRun(6, { stage: "CANCELED", revision: 2 }) }),
      );
      expect(await runs.unfinished()).toEqual([aRun(1).id, aRun(3).id]);
      expect(await runs.pending()).toEqual([]);
    });

    test("a lone task that is run again is unfinished again", async () => {
      await commit(aNewTask(aTask(1, { stage: "FAILED" })));
      expect(await bench.store.runs.unfinished()).toEqual([]);
      await commit(aCommit(aTask(1).id, 1, { tasks: [aTask(1, { stage: "PENDING", revision: 2 })] }));
      expect(await bench.store.runs.unfinished()).toEqual([aTask(1).id]);
    });

    test("everything is there after the store was closed and opened again", async () => {
      const run = aRun(1);
      const created = aNewRun(run, [aTaskOf(run, 1, 1)], { claims: ["seq"], history: [anEvent()] });
      await commit(created);
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.runs.load(run.id)).toEqual(asAggregate(created));
      expect(await reopened.runs.lockHolder("seq")).toBe(run.id);
      expect(await reopened.history.lastSeq()).toBe(1);
    });

    test("a closed store refuses every call, and closing it again does nothing", async () => {
      const { store } = bench;
      await store.close();
      await store.close();
      const closed = { code: "UNAVAILABLE" };
      await expect(commit(aNewRun(aRun(1)))).rejects.toMatchObject(closed);
      await expect(store.runs.run(aRun(1).id)).rejects.toMatchObject(closed);
      await expect(store.runs.listRuns({ limit: 1 })).rejects.toMatchObject(closed);
      await expect(store.history.lastSeq()).rejects.toMatchObject(closed);
    });
  });

  describe("removal", () => {
    test("an ended run goes with all that belongs to it; history and other runs stay", async () => {
      const run = aRun(1, { stage: "SUCCEEDED", labels: { app: "web" } });
      const other = aRun(2, { labels: { app: "web" } });
      const kept = aNewRun(other, [aTaskOf(other, 1, 2)]);
      await commit(
        aNewRun(run, [aTaskOf(run, 1, 1, { stage: "SUCCEEDED" })], {
          history: [anEvent({ pipelineTaskId: run.id, taskId: aTask(1).id })],
          effects: [anEffect(1, run.id)],
          claims: ["seq"],
          idempotency: { key: "k", digest: "d" },
        }),
        kept,
      );
      const deleted = anEvent({ type: "DELETED", pipelineTaskId: run.id });
      expect(await bench.store.runs.remove(run.id, [deleted])).toEqual([{ seq: 2, ...deleted }]);
      const { runs, outbox, history } = bench.store;
      expect(await runs.load(run.id)).toBeUndefined();
      expect(await runs.definition(run.id)).toBeUndefined();
      expect(await runs.task(aTask(1).id)).toBeUndefined();
      expect(await runs.tasksOfRun(run.id)).toEqual([]);
      expect(await runs.lockHolder("seq")).toBeUndefined();
      // The same request must not start another run.
      expect(await runs.findIdempotency("k")).toEqual({ digest: "d", aggregateId: run.id });
      expect(await outbox.claim({ owner: "b", until: START + 90_000 }, START + 60_000, 10)).toEqual([]);
      const event = { seq: 1, ...anEvent({ pipelineTaskId: run.id, taskId: aTask(1).id }) };
      expect(await history.list({ after: 0, limit: 10, pipelineTaskId: run.id })).toEqual([
        event,
        { seq: 2, ...deleted },
      ]);
      expect(await history.list({ after: 0, limit: 10, taskId: aTask(1).id })).toEqual([event]);
      expect(await runs.load(other.id)).toEqual(asAggregate(kept));
      expect((await runs.listRuns({ limit: 10, labels: { app: "web" } })).items).toEqual([other]);
      expect((await runs.listTasks({ limit: 10 })).items).toEqual(kept.tasks);
    });

    test("an ended lone task goes, and its id is free again", async () => {
      await commit(aNewTask(aTask(1, { stage: "FAILED" })));
      await bench.store.runs.remove(aTask(1).id);
      expect(await bench.store.runs.load(aTask(1).id)).toBeUndefined();
      const created = aNewTask(aTask(1));
      expect(await commit(created)).toEqual([{ ok: true, events: [] }]);
      expect(await bench.store.runs.load(aTask(1).id)).toEqual(asAggregate(created));
    });

    test("what comes after a removal is found by the same names and labels", async () => {
      const { runs } = bench.store;
      const named = (n: number) =>
        aTask(n, { stage: "FAILED", name: "nightly", job: "shell", labels: { app: "web" } });
      await commit(aNewTask(named(1)));
      await runs.remove(aTask(1).id);
      await commit(aNewTask(named(2)));
      for (const query of [{ labels: { app: "web" } }, { job: "shell" }, { text: "night" }, {}])
        expect((await runs.listTasks({ limit: 10, ...query })).items).toEqual([named(2)]);
    });

    test("a wide run goes whole, and commits come in between", async () => {
      const run = aRun(1, { stage: "SUCCEEDED" });
      const tasks = Array.from({ length: 230 }, (_, i) => aTaskOf(run, i + 1, i + 1, { stage: "SUCCEEDED" }));
      await commit(aNewRun(run, tasks));
      const { runs } = bench.store;
      let isGone = false;
      const removed = runs.remove(run.id).then(() => {
        isGone = true;
      });
      await commit(aNewRun(aRun(2)));
      const wasGone = isGone;
      await removed;
      expect(wasGone).toBe(false);
      expect(await runs.run(run.id)).toBeUndefined();
      expect(await runs.tasksOfRun(run.id)).toEqual([]);
      expect((await runs.listTasks({ limit: 10 })).items).toEqual([]);
      const query = { scope: run, pipeline: "release", stageName: "main", name: "build", job: "compile" };
      expect(await runs.lastSucceeded(query)).toBeUndefined();
    });

    test("what has not ended stays", async () => {
      const created = aNewRun(aRun(1, { stage: "CANCELING" }));
      await commit(created, aNewTask(aTask(1, { stage: "ACTIVE" })));
      for (const id of [aRun(1).id, aTask(1).id])
        await expect(bench.store.runs.remove(id)).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await bench.store.runs.load(aRun(1).id)).toEqual(asAggregate(created));
      expect(await bench.store.runs.task(aTask(1).id)).toBeDefined();
    });

    test("what does not exist, or is a part of a run, is not found", async () => {
      const run = aRun(1, { stage: "SUCCEEDED" });
      await commit(aNewRun(run, [aTaskOf(run, 1, 1, { stage: "SUCCEEDED" })]));
      for (const id of ["run-unknown", aTask(1).id])
        await expect(bench.store.runs.remove(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await bench.store.runs.task(aTask(1).id)).toBeDefined();
    });
  });
}
