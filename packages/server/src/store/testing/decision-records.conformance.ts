// The decision record: chained rows that stay for ever.

import { verifyChain } from "@mflow/core/decision-chain";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import { describe, expect, test } from "vitest";
import type { RecordQuery } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aDecision } from "./delivery-records.ts";
import { aCommit, aNewRun, aNewTask, aRun, aTask, aTaskOf, LEASE } from "./records.ts";

export function describeDecisionRecords(bench: Bench): void {
  const list = (query: Partial<RecordQuery> = {}) =>
    bench.store.records.list({ after: 0, limit: 1000, ...query });
  const comments = async (query: Partial<RecordQuery>) =>
    (await list(query)).map(({ comment }) => Number(comment?.split(" ")[1]));
  const told = async () => (await list()).map(({ seq: _s, previous: _p, hash: _h, ...record }) => record);

  describe("decision records", () => {
    test("are chained from 1 without gaps, whether they come with a commit or alone", async () => {
      const run = aRun(1);
      const decisions = [1, 2, 3, 4, 5, 6].map((n) => aDecision(n)) as NewDecisionRecord[];
      await bench.store.runs.commit(
        [
          aNewRun(run, [], { records: decisions.slice(0, 2) }),
          aNewTask(aTask(9), { records: decisions.slice(2, 3) }),
        ],
        LEASE,
      );
      const appended = await bench.store.records.append(decisions.slice(3, 5));
      expect(await bench.store.records.append([])).toEqual([]);
      await bench.store.close();
      const reopened = await bench.another();
      await reopened.records.append(decisions.slice(5));
      const all = await reopened.records.list({ after: 0, limit: 100 });
      expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(all.slice(3, 5)).toEqual(appended);
      expect(all.map(({ seq: _s, previous: _p, hash: _h, ...record }) => record)).toEqual(decisions);
      expect(verifyChain(all)).toBeUndefined();
    });

    test("of a commit whose guard fails are not written, and leave no gap", async () => {
      await bench.store.runs.commit([aNewRun(aRun(1))], LEASE);
      const stale = aCommit(aRun(1).id, 7, { run: aRun(1, { revision: 8 }), records: [aDecision(2)] });
      const commits = [
        aNewRun(aRun(2), [], { records: [aDecision(1)] }),
        stale,
        aNewRun(aRun(3), [], { records: [aDecision(3)] }),
      ];
      const results = await bench.store.runs.commit(commits, LEASE);
      expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
      expect(await told()).toEqual([aDecision(1), aDecision(3)]);
      expect(verifyChain(await list())).toBeUndefined();
    });

    test("of a transaction that failed are not written, and the chain goes on", async () => {
      await bench.store.records.append([aDecision(1)]);
      const twice = aNewRun(aRun(1), [], { records: [aDecision(2)] });
      const run = aRun(2);
      const broken = aNewRun(run, [aTaskOf(run, 1, 7), aTaskOf(run, 2, 7)], { records: [aDecision(3)] });
      await expect(bench.store.runs.commit([twice, broken], LEASE)).rejects.toMatchObject({
        code: "INTERNAL",
      });
      await bench.store.records.append([aDecision(4)]);
      expect(await told()).toEqual([aDecision(1), aDecision(4)]);
      expect(verifyChain(await list())).toBeUndefined();
    });

    test("of several servers make one chain", async () => {
      const other = await bench.another();
      for (const [i, store] of [bench.store, other, other, bench.store, other].entries())
        await store.records.append([aDecision(i + 1)]);
      const all = await list();
      expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
      expect(verifyChain(all)).toBeUndefined();
    });

    test("are listed in order after a place, by scope, run and task", async () => {
      const [first, second] = [aRun(1), aRun(2)];
      const ofRun = { pipelineTaskId: first.id };
      const tasks = [aTaskOf(first, 1, 1), aTaskOf(first, 2, 2)];
      await bench.store.runs.commit([aNewRun(first, tasks), aNewTask(aTask(9))], LEASE);
      await bench.store.records.append([
        aDecision(1, { ...ofRun, taskId: aTask(1).id }),
        aDecision(2, { ...ofRun, taskId: aTask(2).id, namespace: "ops" }),
        aDecision(3, { taskId: aTask(9).id }),
        aDecision(4, { pipelineTaskId: second.id, taskId: aTask(4).id, domain: "acme" }),
        aDecision(5, { ...ofRun, taskId: aTask(1).id, namespace: "ops" }),
        aDecision(6, { act: "REFUSE", code: "BAD_LINK" }),
      ]);
      expect(await comments({})).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await comments({ after: 2, limit: 3 })).toEqual([3, 4, 5]);
      expect(await comments({ after: 6 })).toEqual([]);
      expect(await comments(ofRun)).toEqual([1, 2, 5]);
      expect(await comments({ ...ofRun, after: 1, limit: 1 })).toEqual([2]);
      expect(await comments({ taskId: aTask(1).id })).toEqual([1, 5]);
      expect(await comments({ taskId: aTask(9).id })).toEqual([3]);
      expect(await comments({ taskId: aTask(4).id })).toEqual([4]);
      expect(await comments({ ...ofRun, taskId: aTask(2).id })).toEqual([2]);
      expect(await comments({ scope: { domain: "default" } })).toEqual([1, 2, 3, 5, 6]);
      expect(await comments({ scope: { namespace: "ops" } })).toEqual([2, 5]);
      expect(await comments({ scope: { domain: "acme", namespace: "ops" } })).toEqual([]);
      expect(await comments({ ...ofRun, scope: { namespace: "ops" }, limit: 1 })).toEqual([2]);
    });

    test("stay when their run is removed", async () => {
      const run = aRun(1, { stage: "FAILED" });
      const record = aDecision(1, { pipelineTaskId: run.id, taskId: aTask(1).id });
      await bench.store.runs.commit([aNewRun(run, [aTaskOf(run, 1, 1)], { records: [record] })], LEASE);
      await bench.store.runs.remove(run.id);
      expect(await comments({ pipelineTaskId: run.id })).toEqual([1]);
      expect(await comments({ taskId: aTask(1).id })).toEqual([1]);
    });

    test("tell whether a decision was made with a link", async () => {
      const { records } = bench.store;
      const source = (link: string) => ({ source: { via: "LINK" as const, link } });
      expect(await records.isLinkUsed("a")).toBe(false);
      await records.append([
        aDecision(1, source("a")),
        aDecision(2, { ...source("b"), act: "REFUSE" }),
        aDecision(3, { source: { via: "API" } }),
      ]);
      expect(await records.isLinkUsed("a")).toBe(true);
      expect(await records.isLinkUsed("b")).toBe(false);
      expect(await records.isLinkUsed("")).toBe(false);
    });
  });
}
