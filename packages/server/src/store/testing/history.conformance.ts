// The event stream: order, filters and places.

import type { NewHistoryEvent } from "@mflow/core/schema/event";
import { describe, expect, test } from "vitest";
import type { Bench } from "./bench.ts";
import { aNewRun, aNewTask, anEvent, aRun, aTask, aTaskOf, LEASE } from "./records.ts";

export function describeHistory(bench: Bench): void {
  const run = aRun(1);
  const write = (history: NewHistoryEvent[]) => bench.store.catalog.commit([], history);
  const list = (query: Partial<Parameters<typeof bench.store.history.list>[0]>) =>
    bench.store.history.list({ after: 0, limit: 100, ...query });

  describe("history", () => {
    test("is empty at first", async () => {
      expect(await bench.store.history.lastSeq()).toBe(0);
      expect(await list({})).toEqual([]);
    });

    test("holds the events of runs, lone tasks and the catalogue in commit order", async () => {
      const task = { pipelineTaskId: run.id, taskId: aTask(1).id };
      const ofRun = [
        anEvent({ type: "RUN_STAGE", pipelineTaskId: run.id }),
        anEvent({ ...task, stage: "ACTIVE" }),
      ];
      const ofTask = [anEvent({ taskId: aTask(2).id, actor: "ana", message: "why" })];
      const ofJob = [anEvent({ type: "JOB_STAGE", name: "compile" })];
      const results = await bench.store.runs.commit(
        [aNewRun(run, [aTaskOf(run, 1, 1)], { history: ofRun }), aNewTask(aTask(2), { history: ofTask })],
        LEASE,
      );
      const published = await bench.store.catalog.commit([], ofJob);
      const stored = [...ofRun, ...ofTask, ...ofJob].map((event, i) => ({ seq: i + 1, ...event }));
      expect(results).toEqual([
        { ok: true, events: stored.slice(0, 2) },
        { ok: true, events: stored.slice(2, 3) },
      ]);
      expect(published).toEqual(stored.slice(3));
      expect(await list({})).toEqual(stored);
      expect(await bench.store.history.lastSeq()).toBe(4);
    });

    test("takes events of its own, in order, behind what was committed", async () => {
      const [committed] = await write([anEvent({ type: "JOB_STAGE" })]);
      const opened = anEvent({ type: "TERMINAL_OPENED", taskId: aTask(1).id, actor: "ana" });
      const closed = anEvent({ type: "TERMINAL_CLOSED", taskId: aTask(1).id, message: "exit code 0" });
      const added = await bench.store.history.append([opened, closed]);
      expect(added).toEqual([
        { seq: 2, ...opened },
        { seq: 3, ...closed },
      ]);
      expect(await bench.store.history.append([])).toEqual([]);
      expect(await list({})).toEqual([committed, ...added]);
      expect(await list({ taskId: aTask(1).id })).toEqual(added);
      expect(await bench.store.history.lastSeq()).toBe(3);
    });

    test("is read from a place on, in parts", async () => {
      const written = await write([1, 2, 3, 4, 5].map((attempt) => anEvent({ attempt })));
      expect(await list({ after: 1, limit: 2 })).toEqual(written.slice(1, 3));
      expect(await list({ after: 3 })).toEqual(written.slice(3));
      expect(await list({ after: 5 })).toEqual([]);
      expect(await list({ after: 500 })).toEqual([]);
    });

    test("is filtered by scope, run and task", async () => {
      await bench.store.runs.commit(
        [
          aNewRun(
            run,
            [1, 2].map((n) => aTaskOf(run, n, n)),
          ),
          aNewTask(aTask(3)),
        ],
        LEASE,
      );
      const [a, b, c, d, e] = await write([
        anEvent({ pipelineTaskId: run.id }),
        anEvent({ pipelineTaskId: run.id, taskId: aTask(1).id }),
        anEvent({ pipelineTaskId: run.id, taskId: aTask(2).id, namespace: "ops" }),
        anEvent({ taskId: aTask(3).id, domain: "acme" }),
        anEvent({ domain: "acme", namespace: "ops" }),
      ]);
      expect(await list({ scope: { domain: "acme" } })).toEqual([d, e]);
      expect(await list({ scope: { namespace: "ops" } })).toEqual([c, e]);
      expect(await list({ scope: { domain: "default", namespace: "default" } })).toEqual([a, b]);
      expect(await list({ scope: {} })).toEqual([a, b, c, d, e]);
      expect(await list({ pipelineTaskId: run.id })).toEqual([a, b, c]);
      expect(await list({ pipelineTaskId: run.id, after: 1, limit: 1 })).toEqual([b]);
      expect(await list({ taskId: aTask(2).id })).toEqual([c]);
      expect(await list({ taskId: aTask(3).id })).toEqual([d]);
      expect(await list({ pipelineTaskId: run.id, taskId: aTask(1).id })).toEqual([b]);
      expect(await list({ pipelineTaskId: run.id, scope: { namespace: "ops" } })).toEqual([c]);
      expect(await list({ pipelineTaskId: "run-unknown" })).toEqual([]);
      expect(await list({ taskId: "task-unknown" })).toEqual([]);
    });

    test("in the archive is no longer read, and its places stay taken", async () => {
      const { history } = bench.store;
      expect(await history.archived()).toEqual({ upTo: 0, file: "", bytes: 0 });
      const written = await write([1, 2, 3, 4].map((attempt) => anEvent({ attempt, namespace: "ops" })));
      const archived = { upTo: 3, file: "events-2026-01.jsonl.gz", bytes: 99 };
      await history.archive(archived);
      expect(await history.archived()).toEqual(archived);
      expect(await list({})).toEqual(written.slice(3));
      expect(await list({ scope: { namespace: "ops" } })).toEqual(written.slice(3));
      await history.archive({ ...archived, upTo: 4 });
      expect(await list({})).toEqual([]);
      expect(await history.lastSeq()).toBe(4);
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.history.lastSeq()).toBe(4);
      expect(await reopened.history.append([anEvent()])).toEqual([{ seq: 5, ...anEvent() }]);
    });

    test("finds the rare events of a scope among very many others", async () => {
      const many = Array.from({ length: 3500 }, (_, i) =>
        anEvent({ namespace: i % 500 === 0 ? "rare" : "busy" }),
      );
      const rare = (await write(many)).filter((event) => event.namespace === "rare");
      expect(await list({ scope: { namespace: "rare" } })).toEqual(rare);
      expect(await list({ scope: { namespace: "rare" }, limit: 3 })).toEqual(rare.slice(0, 3));
      expect(await list({ scope: { namespace: "rare" }, after: rare[4]?.seq })).toEqual(rare.slice(5));
    });
  });
}
