import { describe, expect, test } from "vitest";
import type { Report } from "../change.ts";
import type { Play } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const T5 = "2026-01-01T00:00:05.000Z";
const T9 = "2026-01-01T00:00:09.000Z";
const NOTHING = { history: [], tasks: [], effects: [] };
const manual = { manualUpdateStatus: true };
const confirm = { checkers: ["ann"] };
const secretParams = [{ name: "TOKEN", sensitive: true, value: "t0ken-value" }];

describe("a report of the runner", () => {
  test("moves the task, with the times at which it happened", () => {
    const play = playJob();
    play.world.nowMs += 60_000;
    play.report("noop", "ACTIVE", { at: T5 });
    play.report("noop", "FAILED", {
      at: T9,
      reason: "EXIT_CODE",
      message: "exit code 3",
      steps: [{ name: "test", exitCode: 3 }],
    });
    expect(play.task().status).toEqual({
      stage: "FAILED",
      startAt: T5,
      endAt: T9,
      reason: "EXIT_CODE",
      message: "exit code 3",
      steps: [{ name: "test", exitCode: 3 }],
    });
  });

  test("leaves no step that looks as if it ran when the work is over", () => {
    const play = playJob();
    const seen = { name: "seen", startAt: T0, endAt: T5, durationMs: 5000, exitCode: 0 };
    const steps = [seen, { name: "open", startAt: T0 }, { name: "late", startAt: T9 }];
    play.report("noop", "FAILED", { at: T5, steps });
    expect(play.task().status.steps).toEqual([
      seen,
      { name: "open", startAt: T0, endAt: T5, durationMs: 5000 },
      { name: "late", startAt: T9, endAt: T9, durationMs: 0 },
    ]);
  });

  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)(
    "may be the first and last: CREATING -> %s",
    (stage) => {
      const play = playJob();
      play.report("noop", stage, { startAt: T0, at: T5 });
      expect(play.lines()).toEqual(["noop: PENDING -> CREATING", `noop: CREATING -> ${stage}`]);
      expect(play.task().status).toMatchObject({ startAt: T0, endAt: T5 });
    },
  );

  test("says why the creation takes long, once per message", () => {
    const play = playJob();
    const said = { reason: "ImagePullBackOff", message: "cannot pull" };
    const first = play.report("noop", "CREATING", said);
    const again = play.report("noop", "CREATING", said);
    expect([play.lines(first), again]).toMatchObject([
      ["noop: TASK_STATUS CREATING [ImagePullBackOff]"],
      NOTHING,
    ]);
    play.report("noop", "ACTIVE");
    expect(play.task().status).toEqual({ stage: "ACTIVE", startAt: T0 });
  });

  test("that the runner canceled by itself cancels the run", () => {
    const play = playPipeline("a b");
    const decision = play.report("a", "CANCELED", { message: "the pod was deleted" });
    expect(play.lines(decision)).toEqual([
      "a: CREATING -> CANCELED",
      "run: ACTIVE -> CANCELING",
      "b: PENDING -> CANCELED [RUN_CANCELED]",
      "run: CANCELING -> CANCELED",
    ]);
    expect(play.run.status).toMatchObject({ canceledBy: "the runner", message: "task `a` was canceled" });
  });

  test("of an execution that nobody knows any more fails the task as LOST", () => {
    const play = playJob();
    play.report("noop", "FAILED", { reason: "LOST", message: "gone" });
    expect(play.task().status).toEqual({ stage: "FAILED", reason: "LOST", message: "gone", endAt: T0 });
  });

  test("brings outputs, which are kept with the task", () => {
    const play = playJob();
    play.output("noop", { A: "1", B: "1" });
    play.report("noop", "SUCCEEDED", { runtimeEnvs: { B: "2" }, markdownOutput: "# done" });
    expect(play.task().status).toMatchObject({ runtimeEnvs: { A: "1", B: "2" }, markdownOutput: "# done" });
  });

  test("with more output than is kept fails the task and says so", () => {
    const play = playJob();
    play.report("noop", "SUCCEEDED", { runtimeEnvs: { A: "x".repeat(40_000) } });
    expect(play.task().status).toEqual({
      stage: "FAILED",
      reason: "OUTPUT_TOO_LARGE",
      message: "task `noop` put out 40001 bytes of runtime envs; at most 32768 are kept",
      endAt: T0,
    });
  });

  test("does not let a ciphertext pass as output", () => {
    const play = playJob();
    play.report("noop", "SUCCEEDED", { runtimeEnvs: { A: "sealed:00" } });
    expect(play.task().status).toMatchObject({ stage: "FAILED", reason: "OUTPUT_REFUSED" });
  });

  test("is masked wherever it holds a secret of the task", () => {
    const play = playJob({}, { runParams: secretParams });
    const leak = "it is t0ken-value";
    play.report("noop", "CREATING", { message: leak });
    const creating = play.task().status.message;
    play.report("noop", "FAILED", {
      message: leak,
      markdownOutput: leak,
      runtimeEnvs: { A: leak },
      steps: [{ name: leak }],
    });
    const { message, markdownOutput, steps } = play.task().status;
    expect([creating, message, markdownOutput, steps]).toEqual([
      "it is ***",
      "it is ***",
      "it is ***",
      [{ name: "it is ***" }],
    ]);
    expect(JSON.stringify(play.decisions)).not.toContain("t0ken-value");
  });
});

describe("a report that does not fit", () => {
  const twice: [string, (play: Play) => void, Partial<Report> & Pick<Report, "stage">][] = [
    ["that says again what is known", (play) => play.report("noop", "ACTIVE"), { stage: "ACTIVE" }],
    ["of an ending said twice", (play) => play.report("noop", "SUCCEEDED"), { stage: "SUCCEEDED" }],
    ["that comes after a later one", (play) => play.report("noop", "ACTIVE"), { stage: "CREATING" }],
  ];
  test.each(twice)("%s changes nothing", (_what, act, report) => {
    const play = playJob();
    act(play);
    expect(play.report("noop", report.stage, report)).toMatchObject(NOTHING);
  });

  const late: [string, (play: Play) => void, Partial<Report> & Pick<Report, "stage">, string][] = [
    ["ACTIVE after its ending", (play) => play.report("noop", "SUCCEEDED"), { stage: "ACTIVE" }, "SUCCEEDED"],
    ["another ending", (play) => play.report("noop", "FAILED"), { stage: "SUCCEEDED" }, "FAILED"],
    ["an attempt that is not the present one", () => {}, { stage: "SUCCEEDED", attempt: 2 }, "CREATING"],
    [
      "work whose result the status call has told, another one",
      (play) => play.status("noop", "SUCCEEDED"),
      { stage: "FAILED" },
      "SUCCEEDED",
    ],
  ];
  test.each(late)("of %s is ignored and recorded", (_what, act, report, stage) => {
    const play = playJob();
    act(play);
    const decision = play.report("noop", report.stage, { reason: "WHY", ...report });
    expect(
      decision.history.map(({ type, stage: said, reason, message }) => [type, said, reason, message]),
    ).toEqual([["LATE_REPORT", report.stage, "WHY", `ignored: attempt 1 is ${stage}`]]);
    expect([decision.tasks, decision.effects]).toEqual([[], []]);
  });

  test.each([
    ["waits for its audit", 10, "PENDING"],
    ["waits for a slot", 0, "SCHEDULING"],
  ] as const)("of a task that %s is ignored and recorded", (_what, slots, stage) => {
    const request = slots ? { audit: { auditors: ["ann"] } } : {};
    const play = playJob(request, manual, { world: new World({ slots }) });
    for (const said of ["ACTIVE", "SUCCEEDED", "FAILED", "CANCELED"] as const) {
      expect(play.lines(play.report("noop", said))).toEqual([`noop: LATE_REPORT ${said}`]);
    }
    const { waitingSince: _, ...status } = play.task().status;
    expect(status).toEqual({ stage });
  });

  test("of a task whose turn has not come is ignored and recorded", () => {
    const play = playPipeline("a b");
    expect(play.lines(play.report("b", "SUCCEEDED"))).toEqual(["b: LATE_REPORT SUCCEEDED"]);
    expect(play.stages).toEqual(["a: CREATING", "b: PENDING"]);
  });

  test("of a run that has ended is recorded, and moves the run's revision alone", () => {
    const play = playPipeline("a");
    play.report("a", "SUCCEEDED");
    const before = play.run;
    const late = play.report("a", "FAILED");
    expect([play.lines(late), late.tasks, late.run]).toEqual([
      ["a: LATE_REPORT FAILED"],
      [],
      { ...before, revision: before.revision + 1 },
    ]);
  });
});

describe("a canceling task", () => {
  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)("ends as CANCELED when %s is reported", (stage) => {
    const play = playJob();
    play.report("noop", "ACTIVE", { at: T0 });
    play.cancel("noop", "wrong branch");
    play.report("noop", stage, { at: T5, reason: "SIGNAL", message: "killed" });
    expect(play.task().status).toEqual({
      stage: "CANCELED",
      canceledBy: "starter",
      message: "wrong branch",
      startAt: T0,
      endAt: T5,
    });
  });

  test("stays as it is when it is said to run", () => {
    const play = playJob();
    play.cancel("noop");
    expect(play.report("noop", "ACTIVE")).toMatchObject(NOTHING);
  });
});

describe("a task that waits for its confirm", () => {
  test("keeps its result whatever is reported later; the same again changes nothing", () => {
    const play = playJob({ confirm });
    play.report("noop", "SUCCEEDED", { at: T5 });
    const { status } = play.task();
    expect(status).toEqual({ stage: "ACTIVE", reported: { stage: "SUCCEEDED", at: T5 }, endAt: T5 });
    const steps = [
      play.lines(play.report("noop", "SUCCEEDED")),
      play.lines(play.report("noop", "ACTIVE")),
      play.lines(play.report("noop", "FAILED", { reason: "LOST" })),
    ];
    expect(steps).toEqual([[], [], ["noop: LATE_REPORT FAILED [LOST]"]]);
    expect(play.task().status).toEqual(status);
  });
});

describe("`manualUpdateStatus`", () => {
  test("leaves the stage to the status call; the runner's ACTIVE is noted once", () => {
    const play = playJob({}, manual);
    const first = play.report("noop", "ACTIVE", { at: T5 });
    const again = play.report("noop", "ACTIVE", { at: T9 });
    expect([first.history, again]).toMatchObject([[], NOTHING]);
    expect(play.task().status).toEqual({ stage: "CREATING", startAt: T5 });
  });

  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)(
    "waits a grace for the status call when the work ended %s",
    (stage) => {
      const play = playJob({}, manual);
      const gone = play.report("noop", stage, { at: T0, reason: "WHY", startAt: T0 });
      expect(gone.history.map(({ type, reason, message }) => [type, reason, message])).toEqual([
        ["TASK_STATUS", "WHY", `the work ended (${stage}); waits for its status call`],
      ]);
      expect(play.task()).toMatchObject({
        status: { stage: "CREATING", startAt: T0, workGoneAt: T0 },
        wakeAt: "2026-01-01T00:00:30.000Z",
      });
      expect(play.report("noop", stage)).toMatchObject(NOTHING);
      play.status("noop", "SUCCEEDED");
      expect(play.task().status.stage).toBe("SUCCEEDED");
    },
  );

  test("without a status call within the grace ends FAILED with the reason NO_STATUS", () => {
    const play = playPipeline("a b", { jobs: { noop: manual } });
    play.report("a", "SUCCEEDED");
    const woken = play.wake("a");
    expect(play.lines(woken)).toEqual([
      "a: CREATING -> FAILED [NO_STATUS]",
      "b: PENDING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    expect(play.task("a").status.message).toBe("the work ended, and no status call came within 30s");
  });

  test("and says why the work had failed, if it had", () => {
    const play = playJob({}, manual);
    play.report("noop", "FAILED", { reason: "IMAGE_PULL", message: "image `x` cannot be pulled" });
    play.wake("noop");
    const { reason, message } = play.task().status;
    expect({ reason, message }).toEqual({
      reason: "NO_STATUS",
      message: "the work ended (image `x` cannot be pulled), and no status call came within 30s",
    });
  });

  test("does not wait for the call of lost work", () => {
    const play = playJob({}, manual);
    play.report("noop", "FAILED", { reason: "LOST" });
    expect(play.task().status).toEqual({ stage: "FAILED", reason: "LOST", endAt: T0 });
  });

  test("says when output of the work is not kept", () => {
    const play = playJob({}, manual);
    const gone = play.report("noop", "SUCCEEDED", { runtimeEnvs: { A: "x".repeat(40_000) } });
    expect(gone.history[0]?.message).toBe(
      "the work ended (SUCCEEDED); waits for its status call; its output is not kept: task `noop` put out 40001 bytes of runtime envs; at most 32768 are kept",
    );
  });

  test("frees the slot when the work is gone", () => {
    const play = playPipeline("[a b]", { world: new World({ slots: 1 }), jobs: { noop: manual } });
    play.report("a", "SUCCEEDED");
    expect(play.lines(play.taskTurn("b"))).toEqual(["b: SCHEDULING -> CREATING"]);
  });
});
