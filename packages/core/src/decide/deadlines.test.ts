import { describe, expect, test } from "vitest";
import type { Play } from "../testing/play.ts";
import { playPipeline } from "../testing/start.ts";

/** Lets time pass until the run's alarm rings. */
function wakeRun(play: Play) {
  play.world.nowMs = Date.parse(play.run.wakeAt ?? "");
  return play.submit({ type: "wakeRun" });
}

describe("the timeout of a run", () => {
  test("stops what runs, skips the rest, and the finally stages still run", () => {
    const play = playPipeline("[a b]/1 > c > z", {
      spec: { timeout: "10m" },
      stages: { s3: { finally: true } },
    });
    expect(play.run.wakeAt).toBe("2026-01-01T00:10:00.000Z");
    const over = wakeRun(play);
    expect([play.stages, play.effects(over)]).toEqual([
      ["a: CREATING", "b: SKIPPED", "c: SKIPPED", "z: PENDING"],
      ["STOP a 1"],
    ]);
    play.stopped("a");
    expect([play.stages, play.task("a").status.reason, play.run.wakeAt]).toEqual([
      ["a: FAILED", "b: SKIPPED", "c: SKIPPED", "z: CREATING"],
      "TIMEOUT",
      undefined,
    ]);
    play.report("z", "SUCCEEDED");
    const { stage, reason, message } = play.run.status;
    expect([stage, reason, message]).toEqual(["FAILED", "TIMEOUT", "the run timed out after 10m00s"]);
  });

  test("is still said of a task that began to run while it was stopped", () => {
    const play = playPipeline("a", { spec: { timeout: "10m" } });
    wakeRun(play);
    play.report("a", "ACTIVE");
    play.stopped("a");
    const { stage, reason, message } = play.task("a").status;
    expect([stage, reason, message]).toEqual(["FAILED", "TIMEOUT", "the run timed out after 10m00s"]);
  });

  test("ends what waits for people, or for its confirm", () => {
    const play = playPipeline("[a b]", {
      spec: { timeout: "10m" },
      tasks: { a: { audit: { auditors: ["ann"] } }, b: { confirm: { checkers: ["ann"] } } },
    });
    play.report("b", "SUCCEEDED");
    wakeRun(play);
    expect([
      play.stages,
      play.task("a").audit?.stage,
      play.task("b").confirm?.stage,
      play.run.status.stage,
    ]).toEqual([
      ["a: FAILED", "b: FAILED"],
      ...["EXPIRED", "EXPIRED", "FAILED"].map(() => expect.any(String)),
    ]);
    expect(play.run.status.stage).toBe("FAILED");
  });

  test("is nothing to a run that ends before", () => {
    const play = playPipeline("a", { spec: { timeout: "10m" } });
    play.report("a", "SUCCEEDED");
    expect([play.run.wakeAt, play.run.deadlines]).toEqual([undefined, undefined]);
    expect(play.submit({ type: "wakeRun" }).history).toEqual([]);
  });
});

describe("the timeout of a stage", () => {
  test("begins with its first task", () => {
    const play = playPipeline("a > b", { stages: { s2: { timeout: "5m" } } });
    expect(play.run.wakeAt).toBeUndefined();
    play.world.nowMs += 60_000;
    play.report("a", "SUCCEEDED");
    expect([play.run.wakeAt, play.run.deadlines]).toEqual([
      "2026-01-01T00:06:00.000Z",
      { stages: { "2": "2026-01-01T00:06:00.000Z" } },
    ]);
  });

  test("lets work have its result that had ended in time, which is told late", () => {
    const play = playPipeline("a b", { stages: { s1: { timeout: "5m" } } });
    wakeRun(play);
    expect(play.task("a").status).toMatchObject({ stopping: "TIMEOUT", dueAt: "2026-01-01T00:05:00.000Z" });
    play.report("a", "SUCCEEDED", { at: "2026-01-01T00:01:00.000Z" });
    expect([play.stages, play.run.status.message]).toEqual([
      ["a: SUCCEEDED", "b: SKIPPED"],
      "stage `s1` timed out after 5m00s",
    ]);
  });

  test("fails the run, whose other stages are skipped", () => {
    const play = playPipeline("a b > c", { stages: { s1: { timeout: "5m" } } });
    wakeRun(play);
    play.stopped("a");
    expect([play.stages, play.run.status.message]).toEqual([
      ["a: FAILED", "b: SKIPPED", "c: SKIPPED"],
      "stage `s1` timed out after 5m00s",
    ]);
  });

  test("with `ignoreFailed` ends the stage alone, without another try", () => {
    const play = playPipeline("a b > c", {
      tasks: { a: { retry: { limit: 5 } } },
      stages: { s1: { timeout: "5m", ignoreFailed: true } },
    });
    wakeRun(play);
    play.stopped("a");
    expect([play.stages, play.task("b").status.reason]).toEqual([
      ["a: FAILED", "b: SKIPPED", "c: CREATING"],
      "STAGE_TIMEOUT",
    ]);
    play.report("c", "SUCCEEDED");
    expect(play.run.status.stage).toBe("SUCCEEDED");
  });

  test.each([
    ["was over after it had ended in time", 120_000, 0],
    ["would be over soon", 50_000, 11_000],
  ])("is measured anew when a result is pushed back to it, whose time %s", (_when, before, after) => {
    const play = playPipeline("a > b", {
      tasks: { b: { confirm: { checkers: ["ann"] } } },
      stages: { s1: { timeout: "1m" } },
    });
    play.report("a", "SUCCEEDED");
    play.world.nowMs += before;
    play.submit({ type: "wakeRun" });
    expect(play.run.status.expiredStages).toBeUndefined();
    play.report("b", "SUCCEEDED");
    const pushedAt = play.world.nowMs;
    play.pushBack("b", "a");
    play.world.nowMs += after;
    play.submit({ type: "wakeRun" });
    expect([play.stages, play.run.status.failing, play.run.wakeAt]).toEqual([
      ["a: CREATING", "b: PENDING"],
      undefined,
      new Date(pushedAt + 60_000).toISOString(),
    ]);
  });

  test("that is over and ignored is measured anew when a result is pushed back to it", () => {
    const play = playPipeline("a > b", {
      tasks: { b: { confirm: { checkers: ["ann"] } } },
      stages: { s1: { timeout: "1m", ignoreFailed: true } },
    });
    wakeRun(play);
    play.stopped("a");
    play.report("b", "SUCCEEDED");
    play.pushBack("b", "a");
    expect([play.stages, play.run.status.expiredStages]).toEqual([["a: CREATING", "b: PENDING"], undefined]);
  });

  test("rings the earlier of several alarms first", () => {
    const play = playPipeline("a", { spec: { timeout: "3m" }, stages: { s1: { timeout: "5m" } } });
    expect(play.run.wakeAt).toBe("2026-01-01T00:03:00.000Z");
  });

  test("rings once, and then comes the next alarm", () => {
    const play = playPipeline("a > b", {
      spec: { timeout: "10m" },
      stages: { s1: { timeout: "3m", ignoreFailed: true } },
    });
    wakeRun(play);
    play.stopped("a");
    expect([play.run.wakeAt, play.run.status.expiredStages]).toEqual(["2026-01-01T00:10:00.000Z", [1]]);
    expect(play.lines(play.submit({ type: "wakeRun" }))).toEqual([]);
    wakeRun(play);
    play.stopped("b");
    expect([play.run.wakeAt, play.run.status.reason]).toEqual([undefined, "TIMEOUT"]);
  });
});
