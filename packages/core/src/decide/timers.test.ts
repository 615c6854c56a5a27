import { describe, expect, test } from "vitest";
import { playJob, playPipeline } from "../testing/start.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const AT_30S = "2026-01-01T00:00:30.000Z";
const NOTHING = { history: [], tasks: [], effects: [] };
const confirm = { checkers: ["ann"] };

describe("a timeout", () => {
  test("stops the work, and the task ends FAILED with the reason TIMEOUT when it is gone", () => {
    const play = playPipeline("a > b", { tasks: { a: { timeout: "10s" } } });
    play.report("a", "ACTIVE");
    const woken = play.wake("a");
    play.world.nowMs += 3000;
    const gone = play.report("a", "FAILED", { reason: "SIGNAL", message: "killed" });
    expect([play.lines(woken), play.effects(woken), play.lines(gone)]).toEqual([
      ["a: TASK_STATUS ACTIVE [TIMEOUT]"],
      ["STOP a 1"],
      [
        "a: ACTIVE -> FAILED [TIMEOUT]",
        "b: PENDING -> SKIPPED [RUN_FAILED]",
        "run: ACTIVE -> FAILED [TASK_FAILED]",
      ],
    ]);
    expect(play.task("a").status).toEqual({
      stage: "FAILED",
      reason: "TIMEOUT",
      message: "timed out after 10s",
      startAt: T0,
      endAt: "2026-01-01T00:00:13.000Z",
    });
  });

  test.each([
    ["succeeded", "SUCCEEDED", {}],
    ["failed", "FAILED", { reason: "EXIT_CODE", message: "exited with 1" }],
  ] as const)("does not count for work that had %s in time, which is told late", (_how, stage, why) => {
    const play = playJob({ timeout: "30s" });
    play.report("noop", "ACTIVE");
    const at = "2026-01-01T00:00:05.000Z";
    play.wake("noop");
    play.report("noop", stage, { at, ...why });
    expect(play.task().status).toEqual({ stage, ...why, startAt: T0, endAt: at });
  });

  test("does not count for work that had ended in time, and lets its status call come", () => {
    const play = playJob({ timeout: "30s" }, { manualUpdateStatus: true });
    play.report("noop", "ACTIVE");
    play.wake("noop");
    play.report("noop", "SUCCEEDED", { at: "2026-01-01T00:00:05.000Z" });
    play.stopped("noop");
    play.status("noop", "SUCCEEDED");
    expect(play.task().status.stage).toBe("SUCCEEDED");
  });

  test.each([
    ["right before, as clocks of clusters tell it", "2026-01-01T00:00:29.500Z", undefined],
    ["after", "2026-01-01T00:00:31.000Z", undefined],
    ["nobody knows when", "2026-01-01T00:00:05.000Z", "LOST"],
  ])("counts for work that ended %s", (_when, at, reason) => {
    const play = playJob({ timeout: "30s" });
    play.report("noop", "ACTIVE");
    play.wake("noop");
    play.report("noop", reason ? "FAILED" : "SUCCEEDED", { at, ...(reason && { reason }) });
    expect(play.task().status).toMatchObject({ stage: "FAILED", reason: "TIMEOUT" });
  });

  test("does not hide why the work could not start, nor what the runner says of it afterwards", () => {
    const play = playJob({ timeout: "30s" });
    const trouble = { reason: "UNSCHEDULABLE", message: "no node takes the pod" };
    play.report("noop", "CREATING", trouble);
    const message = "timed out after 30s; it could not start: no node takes the pod";
    const woken = play.wake("noop");
    expect(woken.history).toMatchObject([{ reason: "TIMEOUT", message }]);
    play.report("noop", "CREATING", { ...trouble, message: "still no node" });
    play.report("noop", "CANCELED");
    expect(play.task().status).toEqual({ stage: "FAILED", reason: "TIMEOUT", message, endAt: AT_30S });
  });

  test.each([false, true])(
    "says nothing of a trouble that is over: the work runs, manualUpdateStatus %s",
    (manualUpdateStatus) => {
      const play = playJob({ timeout: "30s" }, { manualUpdateStatus });
      play.report("noop", "CREATING", { reason: "UNSCHEDULABLE", message: "no node takes the pod" });
      play.report("noop", "ACTIVE");
      expect(play.task().status.message).toBe(undefined);
      play.wake("noop");
      play.stopped("noop");
      expect(play.task().status).toMatchObject({ reason: "TIMEOUT", message: "timed out after 30s" });
    },
  );

  test.each([
    ["the task's", "5s", 5000],
    ["the job's when the task has none", undefined, 60_000],
  ])("is %s", (_whose, timeout, timeoutMs) => {
    const play = playPipeline("a", { jobs: { noop: { timeout: "1m" } }, tasks: { a: { timeout } } });
    expect(play.task("a").timeoutMs).toBe(timeoutMs);
  });

  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)(
    "counts whatever the stopped work says: %s",
    (stage) => {
      const play = playJob({ timeout: "10s" });
      play.wake("noop");
      play.report("noop", stage);
      expect(play.task().status).toMatchObject({ stage: "FAILED", reason: "TIMEOUT" });
    },
  );

  test("ends the task when the runner says that there is nothing to stop, or never to start", () => {
    const stopped = playJob({ timeout: "10s" });
    stopped.wake("noop");
    stopped.stopped("noop");
    const refused = playJob({ timeout: "10s" });
    refused.wake("noop");
    refused.startFailed("noop", "no such image");
    expect([stopped.task().status.reason, refused.task().status.reason]).toEqual(["TIMEOUT", "TIMEOUT"]);
  });

  test("rings once: an alarm that comes early, again or for an ended task does nothing", () => {
    const play = playJob({ timeout: "10s" });
    const wake = { type: "wake", taskId: play.state.id } as const;
    const early = play.submit(wake);
    play.wake("noop");
    const again = play.submit(wake);
    play.stopped("noop");
    expect([early, again, play.submit(wake)]).toMatchObject([NOTHING, NOTHING, NOTHING]);
  });

  test("does not run while the task waits for its audit, and stops when its result is reported", () => {
    const play = playJob({ timeout: "10s", confirm, audit: { auditors: ["ann"] } });
    const waiting = play.task().wakeAt;
    play.audit("noop", "PASS", "ann");
    const started = play.task().wakeAt;
    play.report("noop", "SUCCEEDED");
    expect([waiting, started, play.task().wakeAt]).toEqual([
      undefined,
      "2026-01-01T00:00:10.000Z",
      undefined,
    ]);
  });

  test("longer than time can be told rings at the end of time", () => {
    const play = playJob({ timeout: "100000000d" });
    expect(play.task().wakeAt).toBe("+275760-09-13T00:00:00.000Z");
  });
});

describe("a start that failed for good", () => {
  test("fails the task with the reason START_ERROR, secrets masked", () => {
    const runParams = [{ name: "TOKEN", sensitive: true, value: "t0ken-value" }];
    const play = playJob({ confirm }, { runParams });
    play.startFailed("noop", "no image t0ken-value");
    expect(play.task().status).toEqual({ stage: "FAILED", reason: "START_ERROR", message: "no image ***" });
    expect(play.task().confirm?.stage).toBe("CLOSED");
  });

  test("of a canceling task ends it as CANCELED", () => {
    const play = playJob();
    play.cancel("noop", "not needed");
    play.startFailed("noop", "no such image");
    expect(play.task().status).toEqual({ stage: "CANCELED", canceledBy: "starter", message: "not needed" });
  });

  test("of another attempt, or of work that has told its result, does nothing", () => {
    const play = playJob({ confirm });
    const { id } = play.state;
    const other = play.submit({ type: "startFailed", taskId: id, attempt: 2, message: "x" });
    play.status("noop", "SUCCEEDED");
    const reported = play.startFailed("noop", "x");
    const gone = playJob({}, { manualUpdateStatus: true });
    gone.report("noop", "SUCCEEDED");
    expect([other, reported, gone.startFailed("noop", "x")]).toMatchObject([NOTHING, NOTHING, NOTHING]);
  });
});

describe("a stop that found nothing", () => {
  test("of another attempt, or of work that nobody stops, does nothing", () => {
    const play = playJob();
    const wanted = play.stopped("noop");
    play.cancel("noop");
    const other = play.submit({ type: "stopped", taskId: play.state.id, attempt: 2 });
    play.stopped("noop");
    expect([wanted, other, play.stopped("noop")]).toMatchObject([NOTHING, NOTHING, NOTHING]);
    expect(play.task().status.stage).toBe("CANCELED");
  });
});
