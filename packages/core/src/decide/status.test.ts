import { describe, expect, test } from "vitest";
import type { ReportableStage, UpdateStatusRequest } from "../schema/request.ts";
import { OPERATOR, type Play, person, refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { tokenOf, World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const confirm = { checkers: ["ann"] };
const NOTHING = { history: [], tasks: [], effects: [] };

/** Brings a lone task to a stage. */
const bring: Record<string, () => Play> = {
  PENDING: () => playJob({ audit: { auditors: ["ann"] } }),
  SCHEDULING: () => playJob({}, {}, { world: new World({ slots: 0 }) }),
  CREATING: () => playJob(),
  ACTIVE: () => after(playJob(), (play) => play.report("noop", "ACTIVE")),
  CANCELING: () => after(playJob(), (play) => play.cancel("noop")),
  reported: () => after(playJob({ confirm }), (play) => play.report("noop", "SUCCEEDED")),
  CANCELED: () => after(playJob(), (play) => play.report("noop", "CANCELED")),
  FAILED: () => after(playJob(), (play) => play.report("noop", "FAILED")),
  SUCCEEDED: () => after(playJob(), (play) => play.report("noop", "SUCCEEDED")),
  SKIPPED: () => playJob({ skipRun: true }),
};

function after(play: Play, act: (play: Play) => void): Play {
  act(play);
  return play;
}

/** The stage that follows, or the code of the refusal. */
function outcome(play: Play, call: () => unknown): string {
  try {
    call();
    return play.task().status.stage;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe("a status call", () => {
  const ILLEGAL = "ILLEGAL_TRANSITION";
  const table: Record<string, Record<ReportableStage, string>> = {
    PENDING: { CREATING: ILLEGAL, ACTIVE: ILLEGAL, CANCELED: ILLEGAL, FAILED: ILLEGAL, SUCCEEDED: ILLEGAL },
    SCHEDULING: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: ILLEGAL,
      FAILED: ILLEGAL,
      SUCCEEDED: ILLEGAL,
    },
    CREATING: {
      CREATING: "CREATING",
      ACTIVE: "ACTIVE",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    ACTIVE: {
      CREATING: ILLEGAL,
      ACTIVE: "ACTIVE",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    CANCELING: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: ILLEGAL,
      SUCCEEDED: ILLEGAL,
    },
    reported: {
      CREATING: "ALREADY_REPORTED",
      ACTIVE: "ACTIVE",
      CANCELED: "ALREADY_REPORTED",
      FAILED: "ALREADY_REPORTED",
      SUCCEEDED: "ACTIVE",
    },
    CANCELED: {
      CREATING: "TASK_ENDED",
      ACTIVE: "TASK_ENDED",
      CANCELED: "CANCELED",
      FAILED: "TASK_ENDED",
      SUCCEEDED: "TASK_ENDED",
    },
    FAILED: {
      CREATING: "TASK_ENDED",
      ACTIVE: "TASK_ENDED",
      CANCELED: "TASK_ENDED",
      FAILED: "FAILED",
      SUCCEEDED: "TASK_ENDED",
    },
    SUCCEEDED: {
      CREATING: "TASK_ENDED",
      ACTIVE: "TASK_ENDED",
      CANCELED: "TASK_ENDED",
      FAILED: "TASK_ENDED",
      SUCCEEDED: "SUCCEEDED",
    },
    SKIPPED: {
      CREATING: "TASK_ENDED",
      ACTIVE: "TASK_ENDED",
      CANCELED: "TASK_ENDED",
      FAILED: "TASK_ENDED",
      SUCCEEDED: "TASK_ENDED",
    },
  };
  test.each(Object.entries(table))(
    "on a task that is %s leads on, or is refused, as the table says",
    (from, row) => {
      for (const actor of [undefined, OPERATOR]) {
        const outcomes = Object.keys(row).map((stage) => {
          const play = bring[from]?.() as Play;
          return [stage, outcome(play, () => play.status("noop", stage as ReportableStage, {}, actor))];
        });
        expect(Object.fromEntries(outcomes)).toEqual(row);
      }
    },
  );

  test("for a stage that the task has changes nothing, ended or not", () => {
    const ended = bring.SUCCEEDED?.() as Play;
    const active = bring.ACTIVE?.() as Play;
    const reported = bring.reported?.() as Play;
    expect([
      ended.status("noop", "SUCCEEDED", { message: "again" }),
      active.status("noop", "ACTIVE"),
      reported.status("noop", "SUCCEEDED", { message: "again" }),
    ]).toMatchObject([NOTHING, NOTHING, NOTHING]);
  });

  test("names the stage in which an ended task ended", () => {
    const play = bring.FAILED?.() as Play;
    expect(refusal(() => play.status("noop", "SUCCEEDED"))).toBe(
      `TASK_ENDED: task \`noop\` (${play.state.id}) has ended FAILED; it cannot become SUCCEEDED`,
    );
  });

  test("sets the times when a stage is reached, and the reason of a failure", () => {
    const play = playJob();
    play.status("noop", "ACTIVE");
    play.world.nowMs += 5000;
    play.status("noop", "FAILED", { message: "3 tests failed" });
    expect(play.task().status).toEqual({
      stage: "FAILED",
      startAt: T0,
      endAt: "2026-01-01T00:00:05.000Z",
      reason: "REPORTED",
      message: "3 tests failed",
    });
  });

  test("may say more of the present stage: message, detail and extension, which are merged", () => {
    const play = playJob();
    play.status("noop", "ACTIVE", { message: "starts", detail: "c", extension: { pct: "0", url: "u" } });
    const more = play.status("noop", "ACTIVE", {
      message: "half way",
      detail: "d",
      extension: { pct: "50" },
    });
    expect(play.task().status).toEqual({
      stage: "ACTIVE",
      startAt: T0,
      message: "half way",
      detail: "d",
      extension: { pct: "50", url: "u" },
    });
    expect(play.lines(more)).toEqual(["noop: TASK_STATUS ACTIVE"]);
  });

  test("does not carry the message of one stage into the next", () => {
    const play = playJob({ confirm });
    play.report("noop", "CREATING", { reason: "Pulling", message: "pulls the image" });
    play.status("noop", "ACTIVE");
    const active = play.task().status;
    play.status("noop", "ACTIVE", { message: "half way" });
    play.status("noop", "SUCCEEDED");
    expect([active, play.task().status]).toEqual([
      { stage: "ACTIVE", startAt: T0 },
      { stage: "ACTIVE", startAt: T0, endAt: T0, reported: { stage: "SUCCEEDED", at: T0 } },
    ]);
  });

  test("that cancels keeps the detail that the work gave, and the reason of the cancel", () => {
    const play = playJob();
    play.status("noop", "ACTIVE", { detail: "of the work" });
    play.cancel("noop", "wrong branch");
    play.status("noop", "CANCELED", { detail: "killed" });
    expect(play.task().status).toMatchObject({
      stage: "CANCELED",
      detail: "of the work",
      message: "wrong branch",
      canceledBy: "starter",
    });
  });

  test("that cancels by itself cancels the run", () => {
    const play = playPipeline("a b");
    play.status("a", "CANCELED", { message: "nothing to do" });
    expect([play.run.status.stage, play.run.status.canceledBy, play.stages]).toEqual([
      "CANCELED",
      "the task itself",
      ["a: CANCELED", "b: CANCELED"],
    ]);
  });

  test("advances the pipeline", () => {
    const play = playPipeline("a b");
    expect(play.lines(play.status("a", "SUCCEEDED"))).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> CREATING",
    ]);
  });

  test("with `forceTriggerPipeline` is recorded though nothing changed", () => {
    const play = playPipeline("a b");
    play.status("a", "SUCCEEDED");
    const again = play.status("a", "SUCCEEDED", { forceTriggerPipeline: true });
    expect([play.lines(again), again.tasks]).toEqual([["a: TASK_STATUS"], []]);
  });

  test("with a result opens the confirm", () => {
    const play = playJob({ confirm });
    expect(play.lines(play.status("noop", "FAILED", { message: "no" }))).toEqual([
      "noop: CREATING -> ACTIVE",
      "noop: TASK_REPORTED FAILED [REPORTED]",
      "noop: CONFIRM_WAITING",
    ]);
    expect(play.task().status.reported).toEqual({
      stage: "FAILED",
      reason: "REPORTED",
      message: "no",
      at: T0,
    });
  });

  test("after a timeout is refused while the work is being stopped, and when it has ended", () => {
    const play = playJob({ timeout: "10s" });
    play.wake("noop");
    const stopping = `ILLEGAL_TRANSITION: task \`noop\` (${play.state.id}) is CREATING and is being stopped for its timeout; it cannot become`;
    expect(refusal(() => play.status("noop", "SUCCEEDED"))).toBe(`${stopping} SUCCEEDED`);
    expect(refusal(() => play.status("noop", "CANCELED"))).toBe(`${stopping} CANCELED`);
    play.report("noop", "FAILED");
    expect(refusal(() => play.status("noop", "SUCCEEDED"))).toMatch(/^TASK_ENDED/);
  });

  test("is masked wherever it holds a secret of the task", () => {
    const runParams = [{ name: "TOKEN", sensitive: true, value: "t0ken-value" }];
    const play = playJob({}, { runParams });
    const leak = "it is t0ken-value";
    play.status("noop", "ACTIVE", { message: leak, detail: leak, extension: { note: leak } });
    const { message, detail, extension } = play.task().status;
    expect([message, detail, extension]).toEqual(["it is ***", "it is ***", { note: "it is ***" }]);
    expect(JSON.stringify(play.decisions)).not.toContain("t0ken-value");
  });
});

describe("who may call", () => {
  const refused = "UNAUTHORIZED: the update token is not valid for this task";
  test.each([
    ["a wrong token", { updateToken: "wrong" }],
    ["no token", { updateToken: undefined }],
    [
      "the token of an attempt that never was",
      { updateToken: tokenOf("task-00000000000000000000000001", 0) },
    ],
  ] satisfies [string, Partial<UpdateStatusRequest>][])(
    "%s gets no hint, not even on an ended task",
    (_what, request) => {
      for (const play of [playJob(), bring.SUCCEEDED?.() as Play]) {
        expect(refusal(() => play.status("noop", "SUCCEEDED", request))).toBe(refused);
      }
    },
  );

  test("the token of another task is wrong", () => {
    const play = playPipeline("[a b]");
    const updateToken = tokenOf(play.task("b").id, 1);
    expect(refusal(() => play.status("a", "SUCCEEDED", { updateToken }))).toBe(refused);
  });

  test("an operator needs no token, another user does", () => {
    const play = playJob();
    expect(refusal(() => play.status("noop", "ACTIVE", {}, person("eve")))).toBe(refused);
    play.status("noop", "ACTIVE", {}, OPERATOR);
    expect(play.task().status.stage).toBe("ACTIVE");
  });

  test("a task that is unknown is not found", () => {
    const play = playJob();
    const change = { type: "updateStatus", taskId: "task-x", request: { stage: "ACTIVE" } } as const;
    expect(refusal(() => play.submit(change))).toBe("NOT_FOUND: no task task-x");
  });
});

describe("`forceUpdateStatus`", () => {
  const force = { forceUpdateStatus: true };

  test("is refused to the task's own token, and to users who are no operators", () => {
    const play = playJob();
    const message = "FORBIDDEN: `forceUpdateStatus` needs the role operator; a task's own token does not do";
    expect(refusal(() => play.status("noop", "SUCCEEDED", force))).toBe(message);
    expect(refusal(() => play.status("noop", "SUCCEEDED", force, person("eve")))).toBe(message);
  });

  const ILLEGAL = "ILLEGAL_TRANSITION";
  const table: Record<string, Record<ReportableStage, string>> = {
    PENDING: { CREATING: ILLEGAL, ACTIVE: ILLEGAL, CANCELED: ILLEGAL, FAILED: ILLEGAL, SUCCEEDED: ILLEGAL },
    SCHEDULING: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: ILLEGAL,
      FAILED: ILLEGAL,
      SUCCEEDED: ILLEGAL,
    },
    CREATING: {
      CREATING: "CREATING",
      ACTIVE: "ACTIVE",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    ACTIVE: {
      CREATING: "CREATING",
      ACTIVE: "ACTIVE",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    CANCELING: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    reported: {
      CREATING: ILLEGAL,
      ACTIVE: "ACTIVE",
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    CANCELED: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    FAILED: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    SUCCEEDED: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
    SKIPPED: {
      CREATING: ILLEGAL,
      ACTIVE: ILLEGAL,
      CANCELED: "CANCELED",
      FAILED: "FAILED",
      SUCCEEDED: "SUCCEEDED",
    },
  };
  test.each(Object.entries(table))("takes a task that is %s where that makes sense", (from, row) => {
    const outcomes = Object.keys(row).map((stage) => {
      const play = bring[from]?.() as Play;
      return [stage, outcome(play, () => play.status("noop", stage as ReportableStage, force, OPERATOR))];
    });
    expect(Object.fromEntries(outcomes)).toEqual(row);
  });

  test("stops the work of a task that it ends, and the pipeline advances", () => {
    const play = playPipeline("a b");
    play.report("a", "ACTIVE");
    const forced = play.status("a", "SUCCEEDED", { ...force, message: "it is fine" }, OPERATOR);
    expect([play.lines(forced), play.effects(forced)]).toEqual([
      ["a: STATUS_FORCED SUCCEEDED", "a: ACTIVE -> SUCCEEDED [FORCED]", "b: PENDING -> CREATING"],
      ["STOP a 1", "START b 1"],
    ]);
    expect(play.task("a").status).toMatchObject({ reason: "FORCED", message: "it is fine" });
  });

  test("does not stop again what was stopped, has reported or is gone", () => {
    const canceling = bring.CANCELING?.() as Play;
    const detail = "seen";
    const reported = bring.reported?.() as Play;
    const gone = after(playJob({}, { manualUpdateStatus: true }), (play) => play.report("noop", "FAILED"));
    const effects = [canceling, reported, gone].map((play) =>
      play.effects(play.status("noop", "SUCCEEDED", { ...force, detail }, OPERATOR)),
    );
    expect([canceling, reported, gone].map((play) => play.task().status.detail)).toEqual([
      detail,
      detail,
      detail,
    ]);
    expect(effects).toEqual([["RELEASE noop"], ["RELEASE noop"], ["RELEASE noop"]]);
    expect(reported.task().confirm?.stage).toBe("CLOSED");
  });

  test("to CANCELED cancels the run in the operator's name", () => {
    const play = playPipeline("a b");
    play.status("a", "CANCELED", force, OPERATOR);
    expect(play.run.status).toMatchObject({ stage: "CANCELED", canceledBy: "op" });
  });

  test("of an ended task corrects its record alone, while its run goes on as it did", () => {
    const play = playPipeline("[a b] > c", { tasks: { a: { ignoreFailed: true } } });
    play.report("a", "FAILED", { reason: "EXIT_CODE", message: "exit code 1" });
    const said = { message: "flaky", detail: "seen", extension: { by: "op" } };
    const forced = play.status("a", "SUCCEEDED", { ...force, ...said }, OPERATOR);
    expect([play.lines(forced), forced.effects, forced.tasks.length]).toEqual([
      ["a: STATUS_FORCED SUCCEEDED"],
      [],
      1,
    ]);
    expect(play.task("a").status).toEqual({ stage: "SUCCEEDED", reason: "FORCED", ...said, endAt: T0 });
    expect(play.run.status).toMatchObject({ stage: "ACTIVE", progress: { tasks: 3, open: 1, ended: 1 } });
  });
});
