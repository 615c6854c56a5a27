import { describe, expect, test } from "vitest";
import type { CancelRequest } from "../schema/request.ts";
import { type Play, refusal, STARTER } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const audit = { auditors: ["ann"] };
const confirm = { checkers: ["ann"] };
const manual = { manualUpdateStatus: true };

describe("cancel of a task", () => {
  test("that waits for its audit, for a slot or for its confirm cancels it at once", () => {
    const pending = playJob({ audit });
    const scheduling = playJob({}, {}, { world: new World({ slots: 0 }) });
    const reported = playJob({ confirm });
    reported.report("noop", "SUCCEEDED");
    const outcomes = [pending, scheduling, reported].map((play) => {
      const decision = play.cancel("noop", "not needed");
      return [play.lines(decision), play.effects(decision), play.task().status];
    });
    const status = { stage: "CANCELED", canceledBy: "starter", message: "not needed" };
    expect(outcomes).toEqual([
      [["noop: PENDING -> CANCELED", "noop: AUDIT_CLOSED"], ["RELEASE noop"], status],
      [["noop: SCHEDULING -> CANCELED"], ["RELEASE noop"], status],
      [
        ["noop: ACTIVE -> CANCELED", "noop: CONFIRM_CLOSED"],
        ["RELEASE noop"],
        { ...status, endAt: T0, reported: { stage: "SUCCEEDED", at: T0 } },
      ],
    ]);
  });

  test.each(["CREATING", "ACTIVE"] as const)("in %s makes it CANCELING and the runner stops it", (stage) => {
    const play = playJob({ timeout: "10s" });
    if (stage === "ACTIVE") play.report("noop", "ACTIVE");
    const canceled = play.cancel("noop");
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      [`noop: ${stage} -> CANCELING`],
      ["STOP noop 1"],
    ]);
    expect(play.task()).toMatchObject({ status: { stopping: "CANCEL" }, wakeAt: undefined });
    play.world.nowMs += 5000;
    expect(play.lines(play.stopped("noop"))).toEqual(["noop: CANCELING -> CANCELED"]);
    // Work that never began has no end.
    expect(play.task().status.endAt).toBe(stage === "ACTIVE" ? play.world.now : undefined);
  });

  test("whose work is gone and that waits for its status call cancels it at once", () => {
    const play = playJob({}, manual);
    play.report("noop", "SUCCEEDED");
    const canceled = play.cancel("noop");
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      ["noop: CREATING -> CANCELING", "noop: CANCELING -> CANCELED"],
      ["RELEASE noop"],
    ]);
    expect(play.task().status.canceledBy).toBe("starter");
  });

  test("twice changes nothing more; of an ended task is refused", () => {
    const play = playJob();
    play.cancel("noop");
    expect(play.cancel("noop")).toMatchObject({ tasks: [], history: [], effects: [] });
    play.stopped("noop");
    expect(refusal(() => play.cancel("noop"))).toBe(
      `TASK_ENDED: task \`noop\` (${play.state.id}) has ended CANCELED; there is nothing to cancel`,
    );
  });

  test("of a run makes the run canceling once the task is CANCELED", () => {
    const play = playPipeline("[a b] > c");
    const asked = play.cancel("a");
    const during = play.run.status.stage;
    const gone = play.report("a", "CANCELED");
    expect([play.lines(asked), during, play.lines(gone), play.effects(gone)]).toEqual([
      ["a: CREATING -> CANCELING"],
      "ACTIVE",
      [
        "a: CANCELING -> CANCELED",
        "run: ACTIVE -> CANCELING",
        "b: CREATING -> CANCELING",
        "c: PENDING -> CANCELED [RUN_CANCELED]",
      ],
      ["STOP b 1"],
    ]);
    play.stopped("b");
    expect(play.run.status).toMatchObject({
      stage: "CANCELED",
      canceledBy: "starter",
      message: "task `a` was canceled",
    });
  });

  test("whose turn has not come cancels the run at once", () => {
    const play = playPipeline("a > b");
    const canceled = play.cancel("b");
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      ["b: PENDING -> CANCELED", "run: ACTIVE -> CANCELING", "a: CREATING -> CANCELING"],
      ["STOP a 1"],
    ]);
    expect(play.lines(play.stopped("a"))).toEqual(["a: CANCELING -> CANCELED", "run: CANCELING -> CANCELED"]);
  });

  test("of a failing run makes it end CANCELED", () => {
    const play = playPipeline("[a b]");
    play.report("a", "FAILED");
    play.cancel("b");
    play.stopped("b");
    expect(play.run.status).toMatchObject({ stage: "CANCELED", reason: undefined });
  });
});

test("a task of a serial stage that is canceled before its turn lets those after it wait for those before it", () => {
  const play = playPipeline("a b c d", { tasks: { b: { ignoreFailed: true }, c: { ignoreFailed: true } } });
  play.cancel("c");
  play.cancel("b");
  expect(play.stages).toEqual(["a: CREATING", "b: CANCELED", "c: CANCELED", "d: PENDING"]);
  play.restart();
  play.report("a", "SUCCEEDED");
  expect(play.task("d").status.stage).toBe("CREATING");
});

describe("cancel of a run", () => {
  test("stops what runs, cancels everything else at once, and ends when the work is gone", () => {
    const play = playPipeline("[a b c d] > e", {
      world: new World({ slots: 2 }),
      tasks: { b: { audit }, c: { confirm } },
    });
    play.report("c", "SUCCEEDED");
    const canceled = play.cancelRun("wrong branch");
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      [
        "run: ACTIVE -> CANCELING",
        "a: CREATING -> CANCELING",
        "b: PENDING -> CANCELED",
        "b: AUDIT_CLOSED",
        "c: ACTIVE -> CANCELED",
        "c: CONFIRM_CLOSED",
        "d: SCHEDULING -> CANCELED",
        "e: PENDING -> CANCELED [RUN_CANCELED]",
      ],
      ["STOP a 1"],
    ]);
    expect(play.lines(play.report("a", "FAILED"))).toEqual([
      "a: CANCELING -> CANCELED",
      "run: CANCELING -> CANCELED",
    ]);
    expect(play.run.status).toMatchObject({ canceledBy: "starter", message: "wrong branch" });
    expect(["a", "b", "c", "d"].map((name) => play.task(name).status.canceledBy)).toEqual(
      Array.from({ length: 4 }, () => "starter"),
    );
  });

  test("of which all open tasks wait for gates ends it at once", () => {
    const play = playPipeline("[a b]", { tasks: { a: { confirm }, b: { audit } } });
    play.report("a", "SUCCEEDED");
    expect(play.lines(play.cancelRun())).toEqual([
      "run: ACTIVE -> CANCELING",
      "a: ACTIVE -> CANCELED",
      "a: CONFIRM_CLOSED",
      "b: PENDING -> CANCELED",
      "b: AUDIT_CLOSED",
      "run: CANCELING -> CANCELED",
    ]);
    expect(play.effects()).toEqual(["START a 1", "RELEASE run"]);
  });

  test("that is failing stops the siblings that were let to end, and forgets the failure as its reason", () => {
    const play = playPipeline("[a b] > c");
    play.report("a", "FAILED");
    const canceled = play.cancelRun();
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      ["run: ACTIVE -> CANCELING", "b: CREATING -> CANCELING"],
      ["STOP b 1"],
    ]);
    play.stopped("b");
    const { stage, reason, message, canceledBy } = play.run.status;
    expect([stage, reason, message, canceledBy]).toEqual(["CANCELED", undefined, undefined, "starter"]);
    expect(play.stages).toEqual(["a: FAILED", "b: CANCELED", "c: SKIPPED"]);
  });

  test("with a failure that comes while it is canceled stays a cancel", () => {
    const play = playPipeline("[a b]");
    play.cancelRun();
    play.status("a", "FAILED", { forceUpdateStatus: true }, { name: "op", operator: true });
    play.stopped("b");
    expect(play.run.status).toMatchObject({ stage: "CANCELED", reason: undefined });
  });

  test("stops a task that is being stopped for its timeout as a cancel", () => {
    const play = playPipeline("a", { tasks: { a: { timeout: "10s" } } });
    play.wake("a");
    play.cancelRun();
    play.report("a", "FAILED");
    expect([play.stages, play.run.status.stage]).toEqual([["a: CANCELED"], "CANCELED"]);
  });

  test("twice changes nothing more; of an ended run, or of a lone task, is refused", () => {
    const play = playPipeline("a");
    play.cancelRun();
    expect(play.cancelRun()).toMatchObject({ tasks: [], history: [], effects: [] });
    play.stopped("a");
    expect(refusal(() => play.cancelRun())).toBe(
      `CONFLICT: run ${play.run.id} has ended CANCELED; there is nothing to cancel`,
    );
    const lone = playJob();
    expect(refusal(() => lone.cancelRun())).toBe(
      `NOT_FOUND: ${lone.state.id} is a task, not a run of a pipeline`,
    );
  });
});

describe("cancel of a stage", () => {
  const cancelStage = (play: Play, stage: string, request: CancelRequest = {}) =>
    play.submit({ type: "cancelStage", stage, request }, STARTER);

  test("cancels its tasks that have not ended, and then the run", () => {
    const play = playPipeline("[a b c]/2 > d");
    play.report("a", "SUCCEEDED");
    const canceled = cancelStage(play, "s1", { message: "wrong branch" });
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      ["b: CREATING -> CANCELING", "c: CREATING -> CANCELING"],
      ["STOP b 1", "STOP c 1"],
    ]);
    play.stopped("b");
    play.stopped("c");
    expect([play.stages, play.run.status.stage, play.task("b").status.message]).toEqual([
      ["a: SUCCEEDED", "b: CANCELED", "c: CANCELED", "d: CANCELED"],
      "CANCELED",
      "wrong branch",
    ]);
  });

  test("whose turn has not come cancels the run at once", () => {
    const play = playPipeline("a > b c");
    cancelStage(play, "s2");
    expect([play.stages, play.run.status.stage]).toEqual([
      ["a: CANCELING", "b: CANCELED", "c: CANCELED"],
      "CANCELING",
    ]);
  });

  test("that is ignored when it fails lets the run go on", () => {
    const play = playPipeline("[a b] > c", { stages: { s1: { ignoreFailed: true } } });
    cancelStage(play, "s1");
    play.stopped("a");
    play.stopped("b");
    play.report("c", "SUCCEEDED");
    expect([play.stages, play.run.status.stage]).toEqual([
      ["a: CANCELED", "b: CANCELED", "c: SUCCEEDED"],
      "SUCCEEDED",
    ]);
  });

  test("by force gives what runs no time, also when it is being stopped already", () => {
    const play = playPipeline("[a b] > c", { stages: { s1: { ignoreFailed: true } } });
    play.cancel("a");
    const forced = cancelStage(play, "s1", { force: true });
    expect([play.effects(forced), ["a", "b"].map((name) => play.task(name).status.isForced)]).toEqual([
      ["STOP a 1", "STOP b 1"],
      [true, true],
    ]);
    expect(cancelStage(play, "s1", { force: true })).toMatchObject({ tasks: [], history: [], effects: [] });
  });

  test("that is not there, or has ended, or of a task or an ended run, is refused", () => {
    const play = playPipeline("build > test > ship", {
      stages: { s2: { name: "test" }, s3: { name: "publish" } },
    });
    play.report("build", "SUCCEEDED");
    const lone = playJob();
    expect([
      refusal(() => cancelStage(play, "publsh")),
      refusal(() => cancelStage(play, "s1")),
      refusal(() => cancelStage(lone, "s1")),
    ]).toEqual([
      `NOT_FOUND: run ${play.run.id} has no stage \`publsh\`; it has s1, test, publish; did you mean \`publish\`?`,
      "CONFLICT: stage `s1` has ended; there is nothing to cancel",
      `NOT_FOUND: ${lone.state.id} is a task, not a run of a pipeline`,
    ]);
    play.report("test", "FAILED");
    expect(refusal(() => cancelStage(play, "publish"))).toBe(
      `CONFLICT: run ${play.run.id} has ended FAILED; there is nothing to cancel`,
    );
  });
});

test("a way of a later stage that is canceled before its turn does not bring that turn, over a restart either", () => {
  const play = playPipeline("a > b", {
    tasks: { b: { ignoreFailed: true, matrix: { params: { V: ["1", "2"] } } } },
    jobs: { noop: { runParams: [{ name: "V" }] } },
  });
  play.cancel("b (1)");
  play.restart();
  play.report("a", "ACTIVE");
  expect(play.stages).toEqual(["a: ACTIVE", "b (1): CANCELED", "b (2): PENDING"]);
  play.report("a", "SUCCEEDED");
  expect(play.task("b (2)").status.stage).toBe("CREATING");
});
