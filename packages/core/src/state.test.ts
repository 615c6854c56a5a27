import { describe, expect, test } from "vitest";
import type { JobTaskStatus } from "./schema/job-task.ts";
import { addExports, holdsSlot, isExportedName, isOver, isWorking, makeState, revisionOf } from "./state.ts";
import { OPERATOR } from "./testing/play.ts";
import { playJob, playPipeline } from "./testing/start.ts";

const { definition, run, tasks } = playPipeline("a b").state;
const [a, b] = [...tasks.values()];
if (!run || !a || !b) throw new Error("the run has two tasks");

describe("the state of a run", () => {
  test("takes exported runtime envs in the order in which they were handed on, not in that of the rows", () => {
    const first = {
      ...a,
      exportedAt: 3,
      status: { ...a.status, runtimeEnvs: { V: "old", own: "1", A: "a" } },
    };
    const second = { ...b, exportedAt: 5, status: { ...b.status, runtimeEnvs: { V: "new" } } };
    const { exported } = makeState(run.id, run, definition, [second, first]);
    expect([...exported]).toEqual([
      ["V", "new"],
      ["A", "a"],
    ]);
  });

  test("keeps the later value when the record of the task that handed on the earlier one is corrected", () => {
    const play = playPipeline("a b c", { tasks: { a: { ignoreFailed: true } } });
    play.report("a", "FAILED", { runtimeEnvs: { V: "old" } });
    play.report("b", "SUCCEEDED", { runtimeEnvs: { V: "new" } });
    play.status("a", "SUCCEEDED", { forceUpdateStatus: true }, OPERATOR);
    expect([...play.state.exported]).toEqual([["V", "new"]]);
  });

  test("knows no runtime envs of a task that has not handed them on", () => {
    const running = { ...a, status: { ...a.status, runtimeEnvs: { V: "1" } } };
    expect(makeState(run.id, run, definition, [running, b]).exported.size).toBe(0);
  });

  test("has the revision of the run, and of a lone task its own", () => {
    const lone = playJob();
    lone.report("noop", "ACTIVE");
    expect([revisionOf(makeState("x", undefined, definition, [])), revisionOf(lone.state)]).toEqual([0, 2]);
    expect(revisionOf({ ...lone.state, run: { ...run, revision: 9 } })).toBe(9);
  });

  test.each([
    ["PENDING", false],
    ["ACTIVE", false],
    ["CANCELING", false],
    ["CANCELED", true],
    ["FAILED", true],
    ["SUCCEEDED", true],
  ] as const)("of a run that is %s is over: %s", (stage, over) => {
    const row = { ...run, status: { ...run.status, stage } };
    expect(isOver(makeState(run.id, row, definition, [a, b]))).toBe(over);
  });

  test("of a lone task is over when the task has ended", () => {
    const play = playJob();
    const before = isOver(play.state);
    play.report("noop", "SUCCEEDED");
    expect([before, isOver(play.state)]).toEqual([false, true]);
  });
});

test("names that start with an upper case letter are exported", () => {
  const exported = new Map<string, string>();
  addExports(exported, {
    ...a,
    status: { ...a.status, runtimeEnvs: { Version: "1", version: "2", _V: "3" } },
  });
  expect([...exported]).toEqual([["Version", "1"]]);
  expect(["A", "Ab", "a", "_A", "Ä"].filter(isExportedName)).toEqual(["A", "Ab"]);
});

const at = "2026-01-01T00:00:00.000Z";
const holding: [string, boolean, JobTaskStatus][] = [
  ["waits for its turn", false, { stage: "PENDING" }],
  ["waits for a slot", false, { stage: "SCHEDULING" }],
  ["is being created", true, { stage: "CREATING" }],
  ["runs", true, { stage: "ACTIVE" }],
  ["is being stopped", true, { stage: "CANCELING" }],
  ["waits for its confirm", false, { stage: "ACTIVE", reported: { stage: "FAILED", at } }],
  ["waits for its status call", false, { stage: "CREATING", workGoneAt: at }],
  ["has ended", false, { stage: "SUCCEEDED" }],
];
test.each(holding)("a task that %s holds a slot: %s", (_when, holds, status) => {
  expect(holdsSlot({ ...a, status })).toBe(holds);
});

test("a task on a cluster holds no slot of the server", () => {
  const task = { ...a, runnerType: "K8S_JOB", status: { stage: "ACTIVE" } } as const;
  expect([holdsSlot(task), isWorking(task)]).toEqual([false, true]);
});
