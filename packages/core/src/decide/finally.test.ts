import { describe, expect, test } from "vitest";
import { STARTER } from "../testing/play.ts";
import { type PlayOptions, playPipeline } from "../testing/start.ts";

/** A pipeline whose last stage is `finally`. */
function play(shape: string, last: string, options: PlayOptions = {}) {
  return playPipeline(shape, { ...options, stages: { ...options.stages, [last]: { finally: true } } });
}

describe("a finally stage", () => {
  test("runs after the others, and the run ends after it", () => {
    const run = play("a > z", "s2");
    run.report("a", "SUCCEEDED");
    expect([run.stages, run.run.status.stage, run.run.status.outcome]).toEqual([
      ["a: SUCCEEDED", "z: CREATING"],
      "ACTIVE",
      "SUCCEEDED",
    ]);
    run.report("z", "SUCCEEDED");
    expect([run.run.status.stage, run.run.status.outcome]).toEqual(["SUCCEEDED", undefined]);
  });

  test("runs once what still runs of a failed run has ended, and knows the outcome", () => {
    const run = play("[a b] > c > z y", "s3", {
      tasks: { z: { when: "run.stage == 'SUCCEEDED'" }, y: { when: "run.stage == 'FAILED'" } },
    });
    run.report("a", "FAILED");
    expect(run.stages).toEqual(["a: FAILED", "b: CREATING", "c: SKIPPED", "z: PENDING", "y: PENDING"]);
    run.report("b", "SUCCEEDED");
    expect(run.stages.slice(3)).toEqual(["z: SKIPPED", "y: CREATING"]);
    run.report("y", "SUCCEEDED");
    expect([run.run.status.stage, run.run.status.reason]).toEqual(["FAILED", "TASK_FAILED"]);
  });

  test("runs when the run is canceled, also when it is canceled once more", () => {
    const run = play("a > z", "s2");
    run.cancelRun();
    run.cancelRun();
    run.stopped("a");
    expect([run.stages, run.run.status.stage]).toEqual([["a: CANCELED", "z: CREATING"], "CANCELING"]);
    run.report("z", "SUCCEEDED");
    expect(run.run.status.stage).toBe("CANCELED");
  });

  test("is canceled as well by a forced cancel of a run that is being canceled", () => {
    const run = play("a > z y", "s2");
    run.cancelRun();
    run.stopped("a");
    const forced = run.submit({ type: "cancelRun", request: { force: true } }, STARTER);
    expect([run.stages, run.effects(forced), run.task("z").status.isForced]).toEqual([
      ["a: CANCELED", "z: CANCELING", "y: CANCELED"],
      ["STOP z 1"],
      true,
    ]);
    run.stopped("z");
    expect(run.run.status.stage).toBe("CANCELED");
  });

  test("never begins when the forced cancel comes before it", () => {
    const run = play("a > z", "s2");
    run.cancelRun();
    run.submit({ type: "cancelRun", request: { force: true } }, STARTER);
    expect(run.effects().slice(-1)).toEqual(["STOP a 1"]);
    run.stopped("a");
    expect([run.stages, run.run.status.stage]).toEqual([["a: CANCELED", "z: CANCELED"], "CANCELED"]);
  });

  test("that fails makes the run FAILED that had succeeded, and what comes after it runs all the same", () => {
    const run = playPipeline("a > z > y", { stages: { s2: { finally: true }, s3: { finally: true } } });
    run.report("a", "SUCCEEDED");
    run.report("z", "FAILED");
    expect(run.stages).toEqual(["a: SUCCEEDED", "z: FAILED", "y: CREATING"]);
    run.report("y", "SUCCEEDED");
    expect([run.run.status.stage, run.run.status.message]).toEqual(["FAILED", "task `z` failed"]);
  });

  test("with `ignoreFailed` may fail", () => {
    const run = play("a > z", "s2", { tasks: { z: { ignoreFailed: true } } });
    run.report("a", "SUCCEEDED");
    run.report("z", "FAILED");
    expect(run.run.status.stage).toBe("SUCCEEDED");
  });

  test("whose task is canceled goes on with the others, and the run is FAILED", () => {
    const run = play("a > z y", "s2");
    run.report("a", "SUCCEEDED");
    run.cancel("z");
    run.stopped("z");
    expect(run.stages.slice(1)).toEqual(["z: CANCELED", "y: CREATING"]);
    run.report("y", "SUCCEEDED");
    expect(run.run.status.stage).toBe("FAILED");
  });

  test("whose task is canceled in a run that had failed leaves the reason as it was", () => {
    const run = play("a > z y", "s2");
    run.report("a", "FAILED");
    run.cancel("z");
    run.stopped("z");
    run.report("y", "SUCCEEDED");
    expect(run.run.status).toMatchObject({
      stage: "FAILED",
      reason: "TASK_FAILED",
      message: "task `a` failed",
    });
  });

  test("that is canceled before its turn lets the others run, and the run is FAILED as when it is canceled then", () => {
    const run = playPipeline("a > z y > x", { stages: { s2: { finally: true }, s3: { finally: true } } });
    run.submit({ type: "cancelStage", stage: "s2", request: {} }, STARTER);
    run.restart();
    expect([run.stages, run.run.status.stage]).toEqual([
      ["a: CREATING", "z: CANCELED", "y: CANCELED", "x: PENDING"],
      "ACTIVE",
    ]);
    run.report("a", "SUCCEEDED");
    expect(run.stages).toEqual(["a: SUCCEEDED", "z: CANCELED", "y: CANCELED", "x: CREATING"]);
    run.report("x", "SUCCEEDED");
    const { stage, reason, message } = run.run.status;
    expect([stage, reason, message]).toEqual(["FAILED", "TASK_FAILED", "task `z` was canceled"]);
  });

  test("with `ignoreFailed` is canceled before its turn without a trace in how the run ends", () => {
    const run = playPipeline("a > z", { stages: { s2: { finally: true, ignoreFailed: true } } });
    run.submit({ type: "cancelStage", stage: "s2", request: {} }, STARTER);
    run.report("a", "SUCCEEDED");
    expect([run.stages, run.run.status.stage]).toEqual([["a: SUCCEEDED", "z: CANCELED"], "SUCCEEDED"]);
  });

  test("that is canceled with its run after all succeeded ends CANCELED", () => {
    const run = play("a > z", "s2");
    run.report("a", "SUCCEEDED");
    run.cancelRun();
    run.report("z", "SUCCEEDED");
    expect(run.run.status.stage).toBe("CANCELED");
  });

  test("is written before others and runs after them all the same", () => {
    const run = play("z > a", "s1");
    expect(run.stages).toEqual(["z: PENDING", "a: CREATING"]);
    run.report("a", "SUCCEEDED");
    expect(run.stages).toEqual(["z: CREATING", "a: SUCCEEDED"]);
  });

  test("runs again what is pushed back in it, also when the run fails", () => {
    const run = play("a > z y", "s2", { tasks: { y: { confirm: { checkers: ["ann"] } } } });
    run.report("a", "FAILED");
    run.report("z", "FAILED");
    run.report("y", "SUCCEEDED");
    run.pushBack("y");
    expect(run.stages).toEqual(["a: FAILED", "z: FAILED", "y: CREATING"]);
  });

  test("does not let a result be pushed back to what came before it", () => {
    const run = play("a > z", "s2", { tasks: { z: { confirm: { checkers: ["ann"] } } } });
    run.report("a", "SUCCEEDED");
    run.report("z", "SUCCEEDED");
    expect(() => run.pushBack("z", "a")).toThrow("`a` is neither task `z` nor one before it");
  });
});
