// Ended runs and lone tasks in the order of their ends.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask, RunStage } from "@mflow/core/schema/pipeline-task";
import { describe, expect, test } from "vitest";
import type { EndedGroupKey, RunCommit } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aCommit, aNewRun, aNewTask, aRun, aTask, aTaskOf, LEASE, START, timeOf } from "./records.ts";

/** A run that ended so many seconds after the start. */
function endedRun(
  n: number,
  stage: RunStage,
  second: number,
  more: Partial<PipelineTask> = {},
): PipelineTask {
  const run = aRun(n, { stage, ...more });
  run.status.endAt = timeOf(second);
  return run;
}

function endedTask(n: number, second: number, job = "compile"): JobTask {
  const task = aTask(n, { stage: "FAILED", job });
  task.status.endAt = timeOf(second);
  return task;
}

export function describeEndedRuns(bench: Bench): void {
  const commit = (...commits: RunCommit[]) => bench.store.runs.commit(commits, LEASE);
  const release: EndedGroupKey = { kind: "RUN", domain: "default", namespace: "default", name: "release" };
  const releases = async () => {
    const found = await bench.store.ended.group(release);
    if (!found) throw new Error("there is no group");
    return found;
  };
  const BOTH = ["SUCCEEDED", "OTHER"] as const;

  describe("ended runs", () => {
    test("are counted by pipeline and scope, lone tasks by their job; what has not ended is not", async () => {
      await commit(
        aNewRun(endedRun(1, "SUCCEEDED", 10), [aTaskOf(aRun(1), 1, 1, { stage: "SUCCEEDED" })]),
        aNewRun(endedRun(2, "FAILED", 11)),
        aNewRun(endedRun(3, "CANCELED", 12)),
        aNewRun(endedRun(4, "SUCCEEDED", 13, { namespace: "ops" })),
        aNewRun(aRun(5)),
        aNewTask(endedTask(6, 14)),
        aNewTask(aTask(7, { stage: "ACTIVE" })),
      );
      const groups = await bench.store.ended.groups(-1, 10);
      expect(groups.map(({ place, ...rest }) => rest)).toEqual([
        { ...release, succeeded: 1, other: 2 },
        { ...release, namespace: "ops", succeeded: 1, other: 0 },
        { ...release, kind: "TASK", name: "compile", succeeded: 0, other: 1 },
      ]);
      expect(await bench.store.ended.groups(groups[0]?.place ?? 0, 1)).toEqual([groups[1]]);
      expect(await bench.store.ended.group(release)).toEqual(groups[0]);
      expect(await bench.store.ended.group({ ...release, name: "unknown" })).toBeUndefined();
    });

    test("come in the order of their ends, by id when those are the same", async () => {
      await commit(
        aNewRun(endedRun(1, "SUCCEEDED", 30)),
        aNewRun(endedRun(2, "FAILED", 10)),
        aNewRun(endedRun(3, "SUCCEEDED", 20)),
        aNewRun(endedRun(4, "CANCELED", 20)),
      );
      const { ended } = bench.store;
      const at = (n: number, ending: "SUCCEEDED" | "OTHER", second: number) => ({
        ...{ id: aRun(n).id, ending },
        endedAt: START + second * 1000,
      });
      const all = [at(2, "OTHER", 10), at(3, "SUCCEEDED", 20), at(4, "OTHER", 20), at(1, "SUCCEEDED", 30)];
      const group = await releases();
      expect(await ended.oldest(group, BOTH, 10)).toEqual(all);
      expect(await ended.oldest(group, BOTH, 2)).toEqual(all.slice(0, 2));
      expect(await ended.oldest(group, BOTH, 10, all[1])).toEqual(all.slice(2));
      expect(await ended.oldest(group, ["OTHER"], 10)).toEqual([all[0], all[2]]);
      expect(await ended.newest(group, "SUCCEEDED")).toEqual(all[3]);
      expect(await ended.newest(group, "OTHER")).toEqual(all[2]);
    });

    test("follow what becomes of them: an end, another end, a new attempt", async () => {
      const run = aRun(1);
      await commit(aNewRun(run), aNewTask(endedTask(2, 5)));
      expect(await bench.store.ended.group(release)).toBeUndefined();
      await commit(aCommit(run.id, 1, { run: endedRun(1, "FAILED", 20, { revision: 2 }) }));
      expect(await releases()).toMatchObject({ succeeded: 0, other: 1 });
      await commit(aCommit(run.id, 2, { run: endedRun(1, "SUCCEEDED", 30, { revision: 3 }) }));
      expect(await releases()).toMatchObject({ succeeded: 1, other: 0 });
      expect(await bench.store.ended.oldest(await releases(), BOTH, 10)).toEqual([
        { id: run.id, ending: "SUCCEEDED", endedAt: START + 30_000 },
      ]);
      await commit(aCommit(run.id, 3, { run: aRun(1, { revision: 4 }) }));
      expect(await bench.store.ended.group(release)).toBeUndefined();
      await commit(aCommit(aTask(2).id, 1, { tasks: [aTask(2, { stage: "PENDING", revision: 2 })] }));
      expect(await bench.store.ended.groups(-1, 10)).toEqual([]);
    });

    test("are forgotten when they are removed, also when their end was corrected before", async () => {
      const run = endedRun(1, "FAILED", 10, { revision: 1 });
      await commit(aNewRun(run), aNewRun(endedRun(2, "FAILED", 11)), aNewTask(endedTask(3, 12)));
      await commit(aCommit(run.id, 1, { run: endedRun(1, "FAILED", 15, { revision: 2 }) }));
      await bench.store.runs.remove(run.id);
      expect(await releases()).toMatchObject({ succeeded: 0, other: 1 });
      expect((await bench.store.ended.oldest(await releases(), BOTH, 10)).map(({ id }) => id)).toEqual([
        aRun(2).id,
      ]);
      await bench.store.runs.remove(aRun(2).id);
      await bench.store.runs.remove(aTask(3).id);
      expect(await bench.store.ended.groups(-1, 10)).toEqual([]);
    });
  });
}
