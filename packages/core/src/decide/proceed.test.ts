import { describe, expect, test } from "vitest";
import type { Play } from "../testing/play.ts";
import { playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const confirm = { checkers: ["ann"] };
const audit = { auditors: ["ann"] };

function succeed(play: Play, ...names: string[]): Play {
  for (const name of names) play.report(name, "SUCCEEDED");
  return play;
}

describe("stages and tasks", () => {
  test("run one after another, and the run ends SUCCEEDED when all have", () => {
    const play = succeed(playPipeline("a b > c"), "a", "b", "c");
    expect(play.lines()).toEqual([
      "run: ACTIVE",
      "a: PENDING -> CREATING",
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> CREATING",
      "b: CREATING -> SUCCEEDED",
      "c: PENDING -> CREATING",
      "c: CREATING -> SUCCEEDED",
      "run: ACTIVE -> SUCCEEDED",
    ]);
    expect(play.effects()).toEqual(["START a 1", "START b 1", "START c 1", "RELEASE run"]);
    expect(play.run.status).toEqual({
      stage: "SUCCEEDED",
      startAt: play.world.now,
      endAt: play.world.now,
      progress: { tasks: 3, open: 0, ended: 3 },
    });
  });

  test("of a parallel stage start at once, and the next stage waits for the last of them", () => {
    const play = playPipeline("[a b c] > d");
    const first = play.effects();
    succeed(play, "c", "a");
    const before = play.effects();
    succeed(play, "b");
    expect([first, before, play.effects().slice(3)]).toEqual([
      ["START a 1", "START b 1", "START c 1"],
      ["START a 1", "START b 1", "START c 1"],
      ["START d 1"],
    ]);
  });

  test("of a parallel stage start `maxParallel` at a time, the next when one ends", () => {
    const play = playPipeline("[a b c d]/2");
    const steps = [play.effects()];
    for (const name of ["b", "a", "d"]) {
      const decision = play.report(name, "SUCCEEDED");
      steps.push(play.effects(decision));
    }
    expect(steps).toEqual([["START a 1", "START b 1"], ["START c 1"], ["START d 1"], []]);
    expect(play.effects(play.report("c", "SUCCEEDED"))).toEqual(["RELEASE run"]);
  });

  test("of a serial stage ignore `maxParallel`", () => {
    const play = playPipeline("a b", { stages: { s1: { maxParallel: 2 } } });
    expect(play.effects()).toEqual(["START a 1"]);
  });

  test("with `skipRun` are skipped when their turn comes, wherever they stand", () => {
    const play = playPipeline("a b > [c d]", {
      tasks: { b: { skipRun: true }, c: { skipRun: true }, d: { skipRun: true } },
    });
    const last = play.report("a", "SUCCEEDED");
    expect(play.lines(last)).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> SKIPPED",
      "c: PENDING -> SKIPPED",
      "d: PENDING -> SKIPPED",
      "run: ACTIVE -> SUCCEEDED",
    ]);
  });

  test("wait for an audit before they run and for a confirm before the run goes on", () => {
    const play = playPipeline("a > b", { tasks: { a: { audit, confirm } } });
    const steps = [
      play.lines(),
      play.lines(play.audit("a", "PASS", "ann")),
      play.lines(play.report("a", "SUCCEEDED")),
      play.lines(play.confirm("a", "PASS", "ann")),
    ];
    expect(steps).toEqual([
      ["run: ACTIVE", "a: AUDIT_WAITING"],
      ["a: AUDIT_DECISION PASS", "a: AUDIT_PASS", "a: PENDING -> CREATING"],
      ["a: CREATING -> ACTIVE", "a: TASK_REPORTED SUCCEEDED", "a: CONFIRM_WAITING"],
      ["a: CONFIRM_DECISION PASS", "a: CONFIRM_PASS", "a: ACTIVE -> SUCCEEDED", "b: PENDING -> CREATING"],
    ]);
  });
});

describe("runtime envs", () => {
  const jobs = { noop: { runParams: [{ name: "V", value: "default" }] } };
  const paramsOf = (play: Play, name: string) => play.task(name).params?.map(({ value }) => value);

  test("reach the tasks after the one that put them out, once it has ended", () => {
    const play = playPipeline("a > b > c", { jobs });
    play.output("a", { V: "1", own: "2" });
    succeed(play, "a");
    play.report("b", "SUCCEEDED", { runtimeEnvs: { V: "3" } });
    expect([paramsOf(play, "a"), paramsOf(play, "b"), paramsOf(play, "c")]).toEqual([
      ["default"],
      ["1"],
      ["3"],
    ]);
    expect([...play.state.exported]).toEqual([["V", "3"]]);
    expect([play.task("a").exportedAt, play.task("b").exportedAt, play.task("c").exportedAt]).toEqual([
      3,
      4,
      undefined,
    ]);
  });

  test("do not reach siblings that run already, nor anybody while the task runs", () => {
    const play = playPipeline("[a b c]/2 > d", { jobs });
    play.output("a", { V: "1" });
    succeed(play, "b");
    expect(paramsOf(play, "c")).toEqual(["default"]);
    succeed(play, "a", "c");
    expect(paramsOf(play, "d")).toEqual(["1"]);
  });

  test("of a failed task reach those after it when its failure is ignored", () => {
    const play = playPipeline("a b", { jobs, tasks: { a: { ignoreFailed: true } } });
    play.report("a", "FAILED", { runtimeEnvs: { V: "1" } });
    expect(paramsOf(play, "b")).toEqual(["1"]);
  });

  test("of a task that waits for its confirm reach those after it when it has ended", () => {
    const play = playPipeline("a b", { jobs, tasks: { a: { confirm } } });
    play.report("a", "SUCCEEDED", { runtimeEnvs: { V: "1" } });
    expect(play.state.exported.size).toBe(0);
    play.confirm("a", "PASS", "ann");
    expect(paramsOf(play, "b")).toEqual(["1"]);
  });
});

describe("a failed task", () => {
  test("ends the run FAILED; tasks whose turn never came are SKIPPED with the reason", () => {
    const play = playPipeline("a b > c", { tasks: { c: { audit } } });
    const last = play.report("a", "FAILED", { reason: "EXIT_CODE", message: "exit code 1" });
    expect(play.lines(last)).toEqual([
      "a: CREATING -> FAILED [EXIT_CODE]",
      "b: PENDING -> SKIPPED [RUN_FAILED]",
      "c: PENDING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    expect(play.task("b").status).toEqual({
      stage: "SKIPPED",
      reason: "RUN_FAILED",
      message: "not started: task `a` failed",
    });
    expect(play.task("c").audit?.stage).toBe("CLOSED");
    expect(play.run.status).toMatchObject({ reason: "TASK_FAILED", message: "task `a` failed" });
  });

  test("with `ignoreFailed` stays FAILED, and the run goes on and may succeed", () => {
    const play = playPipeline("a b", { tasks: { a: { ignoreFailed: true } } });
    play.report("a", "FAILED");
    succeed(play, "b");
    expect([play.stages, play.run.status.stage]).toEqual([["a: FAILED", "b: SUCCEEDED"], "SUCCEEDED"]);
  });

  test("of a parallel stage lets its running siblings end, and starts nothing more", () => {
    const play = playPipeline("[a b c]/2 > d");
    const failed = play.report("a", "FAILED");
    const ended = play.report("b", "SUCCEEDED");
    expect([play.lines(failed), play.lines(ended)]).toEqual([
      ["a: CREATING -> FAILED", "c: PENDING -> SKIPPED [RUN_FAILED]", "d: PENDING -> SKIPPED [RUN_FAILED]"],
      ["b: CREATING -> SUCCEEDED", "run: ACTIVE -> FAILED [TASK_FAILED]"],
    ]);
  });

  test("closes the gates of siblings that wait for their audit or for a slot, which never started", () => {
    const play = playPipeline("[a b c]", { world: new World({ slots: 1 }), tasks: { b: { audit } } });
    const failed = play.report("a", "FAILED");
    expect(play.lines(failed)).toEqual([
      "a: CREATING -> FAILED",
      "b: PENDING -> SKIPPED [RUN_FAILED]",
      "b: AUDIT_CLOSED",
      "c: SCHEDULING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    expect(play.task("b").audit?.stage).toBe("CLOSED");
  });

  test("lets a sibling that waits for its confirm be decided", () => {
    const play = playPipeline("[a b]", { tasks: { b: { confirm } } });
    succeed(play, "b");
    play.report("a", "FAILED");
    const before = play.run.status.stage;
    play.confirm("b", "PASS", "ann");
    expect([before, play.stages, play.run.status.stage]).toEqual([
      "ACTIVE",
      ["a: FAILED", "b: SUCCEEDED"],
      "FAILED",
    ]);
  });

  test("that fails while it is started takes the same way", () => {
    const play = playPipeline("a b > c", {
      jobs: { strict: { runParams: [{ name: "V", required: true }] } },
      tasks: { b: { job: "strict" } },
    });
    expect(play.lines(play.report("a", "SUCCEEDED"))).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> FAILED [START_ERROR]",
      "c: PENDING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    expect(play.task("b").status.message).toBe("task `b`: param V is required and has no value");
  });

  test("names the first failure as the run's reason", () => {
    const play = playPipeline("[a b]");
    play.report("b", "FAILED");
    play.report("a", "FAILED");
    expect(play.run.status.message).toBe("task `b` failed");
  });
});

describe("`failFast`", () => {
  const failFast = { failFast: true };

  test("also cancels the siblings that run, and the run ends FAILED when they are gone", () => {
    const play = playPipeline("[a b c] > d", { spec: failFast, tasks: { c: { audit } } });
    play.report("b", "ACTIVE");
    const failed = play.report("a", "FAILED");
    const gone = play.report("b", "CANCELED");
    expect([play.lines(failed), play.effects(failed), play.lines(gone)]).toEqual([
      [
        "a: CREATING -> FAILED",
        "b: ACTIVE -> CANCELING",
        "c: PENDING -> SKIPPED [RUN_FAILED]",
        "c: AUDIT_CLOSED",
        "d: PENDING -> SKIPPED [RUN_FAILED]",
      ],
      ["STOP b 1"],
      ["b: CANCELING -> CANCELED", "run: ACTIVE -> FAILED [TASK_FAILED]"],
    ]);
    expect(play.task("b").status).toMatchObject({
      canceledBy: "failFast",
      message: "stopped: task `a` failed",
    });
  });

  test("cancels a sibling that waits for its confirm at once", () => {
    const play = playPipeline("[a b]", { spec: failFast, tasks: { b: { confirm } } });
    succeed(play, "b");
    const failed = play.report("a", "FAILED");
    expect([play.lines(failed), play.effects(failed)]).toEqual([
      [
        "a: CREATING -> FAILED",
        "b: ACTIVE -> CANCELED",
        "b: CONFIRM_CLOSED",
        "run: ACTIVE -> FAILED [TASK_FAILED]",
      ],
      ["RELEASE run"],
    ]);
  });

  test("leaves alone a sibling that is being stopped for its timeout", () => {
    const play = playPipeline("[a b]", { spec: failFast, tasks: { b: { timeout: "10s" } } });
    play.wake("b");
    const failed = play.report("a", "FAILED");
    play.report("b", "FAILED");
    expect([play.effects(failed), play.stages, play.task("b").status.reason]).toEqual([
      [],
      ["a: FAILED", "b: FAILED"],
      "TIMEOUT",
    ]);
  });

  test("does nothing for a failure that is ignored", () => {
    const play = playPipeline("[a b]", { spec: failFast, tasks: { a: { ignoreFailed: true } } });
    expect(play.effects(play.report("a", "FAILED"))).toEqual([]);
  });

  test("of a stage stops that stage alone, also when the run is failing already", () => {
    const tasks = { c: { needs: [] }, d: { needs: [] } };
    const play = playPipeline("[a b] > [c d]", { stages: { s1: failFast }, tasks });
    expect(play.effects(play.report("c", "FAILED"))).toEqual([]);
    expect(play.effects(play.report("a", "FAILED"))).toEqual(["STOP b 1"]);
    expect([play.task("b").status.message, play.stages.at(-1)]).toEqual([
      "stopped: task `a` failed",
      "d: CREATING",
    ]);
  });

  test("of the pipeline stops all stages but those that say otherwise", () => {
    const tasks = { c: { needs: [] }, d: { needs: [] }, e: { needs: [] } };
    const play = playPipeline("[a b] > [c d] > [e]", {
      spec: failFast,
      stages: { s1: { failFast: false } },
      tasks,
    });
    expect(play.effects(play.report("c", "FAILED"))).toEqual(["STOP d 1", "STOP e 1"]);
    expect(play.effects(play.report("a", "FAILED"))).toEqual([]);
  });

  test("of a stage goes before the pipeline's", () => {
    const play = playPipeline("[a b]", { spec: failFast, stages: { s1: { failFast: false } } });
    expect(play.effects(play.report("a", "FAILED"))).toEqual([]);
    const other = playPipeline("[a b]", { stages: { s1: failFast } });
    expect(other.effects(other.report("a", "FAILED"))).toEqual(["STOP b 1"]);
  });
});

describe("task slots", () => {
  test("that are full let a wanted task wait in SCHEDULING until one is free for it", () => {
    const play = playPipeline("[a b]", { world: new World({ slots: 1 }) });
    const first = play.lines();
    const ended = play.report("a", "SUCCEEDED");
    const granted = play.taskTurn("b");
    expect([first, play.lines(ended), play.lines(granted), play.effects(granted)]).toEqual([
      ["run: ACTIVE", "a: PENDING -> CREATING", "b: PENDING -> SCHEDULING"],
      ["a: CREATING -> SUCCEEDED"],
      ["b: SCHEDULING -> CREATING"],
      ["START b 1"],
    ]);
  });

  test("that a task frees are taken by the next task of its run when nobody else waits", () => {
    const play = playPipeline("a b", { world: new World({ slots: 1 }) });
    expect(play.lines(play.report("a", "SUCCEEDED"))).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> CREATING",
    ]);
  });

  test("that a task frees go to those who waited before", () => {
    const world = new World({ slots: 1 });
    const first = playPipeline("a b", { world });
    const second = playPipeline("c", { world, name: "other" });
    expect(first.lines(first.report("a", "SUCCEEDED"))).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> SCHEDULING",
    ]);
    expect(second.lines(second.taskTurn("c"))).toEqual(["c: SCHEDULING -> CREATING"]);
    expect(first.taskTurn("b").history).toEqual([]);
  });

  test("are free while a task waits for its confirm", () => {
    const play = playPipeline("[a b]", { world: new World({ slots: 1 }), tasks: { a: { confirm } } });
    succeed(play, "a");
    expect(play.lines(play.taskTurn("b"))).toEqual(["b: SCHEDULING -> CREATING"]);
  });

  test("are not taken by a task that does not wait for one", () => {
    const play = playPipeline("a b");
    expect([play.taskTurn("a").history, play.taskTurn("b").history]).toEqual([[], []]);
  });
});
