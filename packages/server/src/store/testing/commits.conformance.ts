// Commits of runs and lone tasks: guards, groups, locks and idempotency keys.

import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import { describe, expect, test } from "vitest";
import type { CommitResult, RunCommit } from "../store.ts";
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

const DAY = 24 * 60 * 60 * 1000;
const STALE: CommitResult = { ok: false, conflict: "REVISION" };
const WRITTEN: CommitResult = { ok: true, events: [] };

export function describeCommits(bench: Bench): void {
  const commit = (...commits: RunCommit[]) => bench.store.runs.commit(commits, LEASE);
  const events = (): Promise<HistoryEvent[]> => bench.store.history.list({ after: 0, limit: 100 });

  describe("commits", () => {
    test("a new run is there whole: run, definition and tasks", async () => {
      const run = aRun(1, { labels: { app: "web" }, lockKey: "default/default/release" });
      const created = aNewRun(run, [aTaskOf(run, 1, 1), aTaskOf(run, 2, 2)]);
      expect(await commit(created)).toEqual([WRITTEN]);
      expect(await bench.store.runs.load(run.id)).toEqual(asAggregate(created));
    });

    test("a new lone task is there whole, without a run", async () => {
      const created = aNewTask(aTask(1, { labels: { app: "web" } }));
      expect(await commit(created)).toEqual([WRITTEN]);
      expect(await bench.store.runs.load(created.id)).toEqual(asAggregate(created));
    });

    test("a change replaces the rows that it names and leaves the others", async () => {
      const run = aRun(1);
      const [first, second] = [aTaskOf(run, 1, 1), aTaskOf(run, 2, 2)];
      const created = aNewRun(run, [first, second]);
      await commit(created);
      const changedRun = aRun(1, { stage: "SUCCEEDED", revision: 2, labels: { app: "web" } });
      const changedTask = aTaskOf(run, 2, 2, { stage: "ACTIVE", revision: 2, message: "runs" });
      expect(await commit(aCommit(run.id, 1, { run: changedRun, tasks: [changedTask] }))).toEqual([WRITTEN]);
      expect(await bench.store.runs.load(run.id)).toEqual({
        ...asAggregate(created),
        run: changedRun,
        tasks: [first, changedTask],
      });
    });

    test("a run can get more tasks later", async () => {
      const run = aRun(1);
      const created = aNewRun(run, [aTaskOf(run, 1, 1)]);
      await commit(created);
      const added = aTaskOf(run, 2, 2);
      await commit(aCommit(run.id, 1, { run: aRun(1, { revision: 2 }), tasks: [added] }));
      expect(await bench.store.runs.tasksOfRun(run.id)).toEqual([...created.tasks, added]);
    });

    test("what was decided on another revision of a run is not written", async () => {
      const run = aRun(1);
      const created = aNewRun(run, [aTaskOf(run, 1, 1)]);
      await commit(created);
      await commit(aCommit(run.id, 1, { run: aRun(1, { revision: 2 }) }));
      const before = await bench.store.runs.load(run.id);
      for (const expectedRevision of [0, 1, 3]) {
        const decided = aCommit(run.id, expectedRevision, {
          run: aRun(1, { stage: "FAILED", revision: 4 }),
          tasks: [aTaskOf(run, 1, 1, { stage: "FAILED", revision: 4 }), aTaskOf(run, 2, 2)],
        });
        expect(await commit(decided)).toEqual([STALE]);
      }
      expect(await bench.store.runs.load(run.id)).toEqual(before);
    });

    test("a lone task is guarded by its own revision", async () => {
      const created = aNewTask(aTask(1));
      await commit(created);
      const change = (expected: number, revision: number) =>
        commit(aCommit(created.id, expected, { tasks: [aTask(1, { stage: "ACTIVE", revision })] }));
      expect(await change(1, 2)).toEqual([WRITTEN]);
      expect(await change(1, 3)).toEqual([STALE]);
      expect(await commit(aNewTask(aTask(1)))).toEqual([STALE]);
      expect(await bench.store.runs.task(created.id)).toEqual(aTask(1, { stage: "ACTIVE", revision: 2 }));
    });

    test("a change of a run that does not exist is not written", async () => {
      expect(await commit(aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 2 }) }))).toEqual([STALE]);
      expect(await bench.store.runs.run(aRun(1).id)).toBeUndefined();
    });

    test("history and effects alone are guarded too", async () => {
      const run = aRun(1, { stage: "SUCCEEDED" });
      await commit(aNewRun(run), aNewTask(aTask(1, { stage: "SUCCEEDED" })));
      const late = (expected: number, id: string) =>
        commit(aCommit(id, expected, { history: [anEvent({ type: "LATE_REPORT" })] }));
      expect(await late(2, run.id)).toEqual([STALE]);
      expect(await late(2, aTask(1).id)).toEqual([STALE]);
      expect((await late(1, run.id))[0]?.ok).toBe(true);
      expect((await late(1, aTask(1).id))[0]?.ok).toBe(true);
      expect(await events()).toHaveLength(2);
    });

    test("a conflict in the middle of a group leaves nothing behind, and the others are written", async () => {
      const stored = aRun(1);
      await commit(aNewRun(stored, [], { claims: ["taken"], idempotency: { key: "used", digest: "d1" } }));
      const everything = (n: number): Partial<RunCommit> => ({
        history: [anEvent({ pipelineTaskId: aRun(n).id })],
        effects: [anEffect(n, aRun(n).id)],
        doneEffects: [anEffect(2, aRun(2).id).id],
      });
      const withTask = (n: number, changes: Partial<RunCommit>) =>
        aNewRun(aRun(n), [aTaskOf(aRun(n), 1, n)], { ...everything(n), ...changes });
      const results = await commit(
        withTask(2, { doneEffects: [] }),
        aCommit(stored.id, 7, { ...everything(1), run: aRun(1, { revision: 8 }) }),
        withTask(3, { claims: ["free", "taken"], idempotency: { key: "fresh", digest: "d3" } }),
        withTask(4, { claims: ["free"], idempotency: { key: "used", digest: "d4" } }),
        withTask(5, { doneEffects: [], claims: ["free"] }),
      );
      const [second, fifth] = await events();
      expect(results).toEqual([
        { ok: true, events: [second] },
        STALE,
        { ok: false, conflict: "LOCKED", key: "taken", holder: stored.id },
        { ok: false, conflict: "IDEMPOTENCY", digest: "d1", aggregateId: stored.id },
        { ok: true, events: [fifth] },
      ]);
      expect(await events()).toEqual([
        { seq: expect.any(Number), ...anEvent({ pipelineTaskId: aRun(2).id }) },
        { seq: expect.any(Number), ...anEvent({ pipelineTaskId: aRun(5).id }) },
      ]);
      expect(await bench.store.runs.unfinished()).toEqual([1, 2, 5].map((n) => aRun(n).id));
      expect(await bench.store.runs.load(aRun(3).id)).toBeUndefined();
      expect(await bench.store.runs.definition(aRun(3).id)).toBeUndefined();
      expect(await bench.store.runs.task(aTask(3).id)).toBeUndefined();
      expect(await bench.store.runs.task(aTask(4).id)).toBeUndefined();
      expect(await bench.store.runs.lockHolder("free")).toBe(aRun(5).id);
      expect(await bench.store.runs.findIdempotency("fresh")).toBeUndefined();
      const effects = await bench.store.outbox.claim({ owner: "b", until: START + 60_000 }, LEASE.until, 10);
      expect(effects.map((effect) => effect.aggregateId)).toEqual([aRun(2).id, aRun(5).id]);
    });

    test("commits of one group follow one another", async () => {
      const results = await commit(
        aNewRun(aRun(1)),
        aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 2 }) }),
        aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 3 }) }),
        aCommit(aRun(1).id, 2, { run: aRun(1, { stage: "FAILED", revision: 4 }) }),
      );
      expect(results).toEqual([WRITTEN, WRITTEN, STALE, WRITTEN]);
      expect(await bench.store.runs.run(aRun(1).id)).toEqual(aRun(1, { stage: "FAILED", revision: 4 }));
    });

    test("an empty group writes nothing", async () => {
      expect(await commit()).toEqual([]);
    });

    test("of two servers that decided on the same revision one wins", async () => {
      const other = await bench.another();
      await commit(aNewRun(aRun(1)));
      const decided = (runBy: string) => aCommit(aRun(1).id, 1, { run: aRun(1, { runBy, revision: 2 }) });
      const results = await Promise.all([
        commit(decided("ana")),
        other.runs.commit([decided("bob")], { owner: "server-2", until: LEASE.until }),
      ]);
      const winners = results.flat().map((result) => result.ok);
      expect(winners.toSorted()).toEqual([false, true]);
      const runBy = winners[0] ? "ana" : "bob";
      expect(await other.runs.run(aRun(1).id)).toEqual(aRun(1, { runBy, revision: 2 }));
    });

    test("events get increasing places in commit order, also from commits at the same time", async () => {
      const other = await bench.another();
      const withEvents = (n: number) =>
        aNewRun(aRun(n), [], {
          history: [1, 2, 3].map((attempt) => anEvent({ pipelineTaskId: aRun(n).id, attempt })),
        });
      const results = await Promise.all([
        commit(withEvents(1), withEvents(2)),
        other.runs.commit([withEvents(3)], LEASE),
        commit(withEvents(4)),
      ]);
      const committed = results.flat().flatMap((result) => (result.ok ? result.events : []));
      const stored = await events();
      expect(stored).toEqual(committed.toSorted((a, b) => a.seq - b.seq));
      expect(new Set(stored.map((event) => event.seq)).size).toBe(12);
      for (const n of [1, 2, 3, 4]) {
        const ofRun = stored.filter((event) => event.pipelineTaskId === aRun(n).id);
        expect(ofRun.map((event) => event.attempt)).toEqual([1, 2, 3]);
      }
    });

    test("any text comes back as it was, however long", async () => {
      const odd = 'ünïcødé 日本語 🚀 "quotes" \\ \n\t \u0000 \u2028 %_ \' ';
      const run = aRun(1, { labels: { [odd]: odd, "a\nb": "c", a: "b\nc" }, runBy: odd });
      const task = aTaskOf(run, 1, 1, { message: odd.repeat(100_000) });
      const created = aNewRun(run, [task], {
        history: [anEvent({ message: odd })],
        claims: [odd],
        idempotency: { key: odd, digest: odd },
      });
      await commit(created);
      expect(await bench.store.runs.load(run.id)).toEqual(asAggregate(created));
      expect(await events()).toEqual([{ seq: expect.any(Number), ...anEvent({ message: odd }) }]);
      expect(await bench.store.runs.lockHolder(odd)).toBe(run.id);
      expect(await bench.store.runs.findIdempotency(odd)).toEqual({ digest: odd, aggregateId: run.id });
    });

    test("a run with thousands of tasks is written and loaded", async () => {
      const run = aRun(1);
      const tasks: JobTask[] = Array.from({ length: 3000 }, (_, i) => aTaskOf(run, i + 1, i + 1));
      const created = aNewRun(run, tasks);
      await commit(created);
      expect(await bench.store.runs.load(run.id)).toEqual(asAggregate(created));
    });
  });

  describe("sequence locks", () => {
    test("a claimed lock is held by the aggregate until it lets go", async () => {
      expect(await bench.store.runs.lockHolder("seq")).toBeUndefined();
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }));
      expect(await bench.store.runs.lockHolder("seq")).toBe(aRun(1).id);
      await commit(aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 2 }), releases: ["seq"] }));
      expect(await bench.store.runs.lockHolder("seq")).toBeUndefined();
    });

    test("a lock of another refuses the commit and names the holder", async () => {
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }));
      expect(await commit(aNewRun(aRun(2), [], { claims: ["other", "seq"] }))).toEqual([
        { ok: false, conflict: "LOCKED", key: "seq", holder: aRun(1).id },
      ]);
      expect(await bench.store.runs.lockHolder("other")).toBeUndefined();
    });

    test("who holds a lock may claim it again", async () => {
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }));
      const again = aCommit(aRun(1).id, 1, { run: aRun(1, { revision: 2 }), claims: ["seq"] });
      expect(await commit(again)).toEqual([WRITTEN]);
      expect(await bench.store.runs.lockHolder("seq")).toBe(aRun(1).id);
    });

    test("the locks of others are left alone by a release", async () => {
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }));
      expect(await commit(aNewRun(aRun(2), [], { releases: ["seq", "unknown"] }))).toEqual([WRITTEN]);
      expect(await bench.store.runs.lockHolder("seq")).toBe(aRun(1).id);
    });

    test("a lock passes on within one group", async () => {
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }));
      const results = await commit(
        aCommit(aRun(1).id, 1, { run: aRun(1, { stage: "SUCCEEDED", revision: 2 }), releases: ["seq"] }),
        aNewRun(aRun(2), [], { claims: ["seq"] }),
        aNewRun(aRun(3), [], { claims: ["seq"] }),
      );
      expect(results).toEqual([
        WRITTEN,
        WRITTEN,
        { ok: false, conflict: "LOCKED", key: "seq", holder: aRun(2).id },
      ]);
    });

    test("a stale decision is stale, whoever holds the lock", async () => {
      await commit(aNewRun(aRun(1), [], { claims: ["seq"] }), aNewRun(aRun(2)));
      const stale = aCommit(aRun(2).id, 5, { run: aRun(2, { revision: 6 }), claims: ["seq"] });
      expect(await commit(stale)).toEqual([STALE]);
    });
  });

  describe("idempotency keys", () => {
    const asked = { key: "default/default/ana/k1", digest: "sha256:1" };

    test("a key is remembered with its request and what came of it", async () => {
      expect(await bench.store.runs.findIdempotency(asked.key)).toBeUndefined();
      await commit(aNewRun(aRun(1), [], { idempotency: asked }));
      const found = { digest: asked.digest, aggregateId: aRun(1).id };
      expect(await bench.store.runs.findIdempotency(asked.key)).toEqual(found);
    });

    test("a used key refuses a second run and tells of the first, also when a lock would refuse it", async () => {
      await commit(aNewRun(aRun(1), [], { idempotency: asked, claims: ["seq"] }));
      const second = aNewRun(aRun(2), [], { idempotency: { ...asked, digest: "sha256:2" }, claims: ["seq"] });
      expect(await commit(second)).toEqual([
        { ok: false, conflict: "IDEMPOTENCY", digest: asked.digest, aggregateId: aRun(1).id },
      ]);
      expect(await bench.store.runs.run(aRun(2).id)).toBeUndefined();
    });

    test("a key is forgotten after a day and can be used again", async () => {
      await commit(aNewRun(aRun(1), [], { idempotency: asked }));
      bench.clock.now = START + DAY - 1;
      expect(await bench.store.runs.findIdempotency(asked.key)).toBeDefined();
      bench.clock.now = START + DAY;
      expect(await bench.store.runs.findIdempotency(asked.key)).toBeUndefined();
      expect(await commit(aNewRun(aRun(2), [], { idempotency: asked }))).toEqual([WRITTEN]);
      const found = { digest: asked.digest, aggregateId: aRun(2).id };
      expect(await bench.store.runs.findIdempotency(asked.key)).toEqual(found);
    });
  });
}
