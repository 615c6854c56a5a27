import { describe, expect, test } from "vitest";
import type { RetrySpec } from "../schema/retry.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";
import { backoffMs, retryReasonOf } from "./retry.ts";

const fail = (reason?: string) => ({ reason, message: `it was ${reason}` });

describe("a task with retry", () => {
  test("is tried again at once, with another attempt and token, and never goes through FAILED", () => {
    const play = playPipeline("a > b", { tasks: { a: { retry: { limit: 1 } } } });
    const failed = play.report("a", "FAILED", fail("EXIT_CODE"));
    expect([play.lines(failed), play.effects(failed)]).toEqual([
      ["a: CREATING -> SCHEDULING [EXIT_CODE]", "a: SCHEDULING -> CREATING"],
      ["START a 2"],
    ]);
    expect(failed.history[0]?.message).toBe("attempt 1: it was EXIT_CODE; retry 1 of 1");
    const { attempt, pastAttempts } = play.task("a");
    expect([attempt, pastAttempts]).toEqual([
      2,
      [
        {
          attempt: 1,
          isRetried: true,
          status: {
            stage: "FAILED",
            reason: "EXIT_CODE",
            message: "it was EXIT_CODE",
            endAt: play.world.now,
          },
        },
      ],
    ]);
    play.report("a", "SUCCEEDED");
    expect(play.stages).toEqual(["a: SUCCEEDED", "b: CREATING"]);
  });

  test("is FAILED after the last attempt, with the last reason", () => {
    const play = playPipeline("a", { tasks: { a: { retry: { limit: 2 } } } });
    for (const reason of ["EXIT_CODE", "SIGNAL", "OOMKILLED"]) play.report("a", "FAILED", fail(reason));
    const { status, pastAttempts } = play.task("a");
    expect([status.stage, status.reason, pastAttempts?.length, play.run.status.stage]).toEqual([
      ...["FAILED", "OOMKILLED"],
      2,
      "FAILED",
    ]);
  });

  test("waits for its backoff without a slot, says until when, and goes on then", () => {
    const world = new World({ slots: 1 });
    const retry = { limit: 2, backoff: { initial: "10s" } };
    const play = playPipeline("[a b]", { world, tasks: { a: { retry } } });
    expect(play.stages).toEqual(["a: CREATING", "b: SCHEDULING"]);
    play.report("a", "FAILED", fail("EXIT_CODE"));
    const { stage, message, retryAt } = play.task("a").status;
    expect([stage, message, retryAt]).toEqual([
      "SCHEDULING",
      "attempt 1: it was EXIT_CODE; retry 1 of 2 in 10s",
      "2026-01-01T00:00:10.000Z",
    ]);
    play.taskTurn("b");
    expect(play.lines(play.wake("a"))).toEqual([]);
    expect([play.task("a").status.retryAt, play.stages]).toEqual([
      undefined,
      ["a: SCHEDULING", "b: CREATING"],
    ]);
    play.report("b", "SUCCEEDED");
    play.taskTurn("a");
    expect(play.effects().at(-1)).toBe("START a 2");
  });

  test("keeps its params and the passes of its audit, and is confirmed after the retries alone", () => {
    const gates = { audit: { auditors: ["ann"] }, confirm: { checkers: ["ann"] } };
    const play = playPipeline("a", {
      tasks: { a: { ...gates, retry: { limit: 1 }, runParams: { V: "1" } } },
      jobs: { noop: { runParams: [{ name: "V" }] } },
    });
    play.audit("a", "PASS", "ann");
    const { params, audit } = play.task("a");
    play.report("a", "FAILED", fail("EXIT_CODE"));
    expect([play.task("a").params, play.task("a").audit, play.task("a").confirm?.stage]).toEqual([
      params,
      audit,
      "PENDING",
    ]);
    play.report("a", "FAILED", fail("EXIT_CODE"));
    expect([play.task("a").status.stage, play.task("a").confirm?.stage]).toEqual(["ACTIVE", "WAITING"]);
    play.confirm("a", "PASS", "ann");
    expect(play.task("a").status.stage).toBe("SUCCEEDED");
  });

  test("is not tried again once the run fails", () => {
    const play = playPipeline("[a b]", { tasks: { a: { retry: { limit: 3 } } } });
    play.report("b", "FAILED");
    play.report("a", "FAILED", fail("EXIT_CODE"));
    expect([play.stages, play.run.status.stage]).toEqual([["a: FAILED", "b: FAILED"], "FAILED"]);
  });

  test("of a `finally` stage is tried again also when the run has failed", () => {
    const play = playPipeline("a > z", {
      stages: { s2: { finally: true } },
      tasks: { z: { retry: { limit: 1 } } },
    });
    play.report("a", "FAILED", fail("EXIT_CODE"));
    expect(play.effects(play.report("z", "FAILED", fail("EXIT_CODE")))).toEqual(["START z 2"]);
    play.report("z", "SUCCEEDED");
    expect([play.stages, play.run.status.stage]).toEqual([["a: FAILED", "z: SUCCEEDED"], "FAILED"]);
  });

  test("ends as its last attempt did when the run fails while it waits for its backoff", () => {
    const retry = { limit: 3, backoff: { initial: "1m" } };
    const play = playPipeline("[a b]", { tasks: { a: { retry } } });
    play.report("a", "FAILED", fail("EXIT_CODE"));
    play.report("b", "FAILED");
    const { stage, reason, message } = play.task("a").status;
    expect([stage, reason, message]).toEqual(["FAILED", "EXIT_CODE", "it was EXIT_CODE"]);
  });

  test("is canceled while it waits for its backoff", () => {
    const retry = { limit: 3, backoff: { initial: "1m" } };
    const play = playPipeline("a", { tasks: { a: { retry } } });
    play.report("a", "FAILED", fail("EXIT_CODE"));
    play.cancelRun();
    expect([play.stages, play.run.status.stage]).toEqual([["a: CANCELED"], "CANCELED"]);
  });

  test("starts to count anew when a person runs it again", () => {
    const play = playJob({}, { retry: { limit: 1 } });
    for (let time = 0; time < 2; time++) play.report("noop", "FAILED", fail("EXIT_CODE"));
    play.rerun();
    play.report("noop", "FAILED", fail("EXIT_CODE"));
    expect([play.task().attempt, play.task().status.stage]).toEqual([4, "CREATING"]);
  });

  test("takes what the pipeline says of it instead of what its job says", () => {
    const jobs = { noop: { retry: { limit: 1 } } };
    const play = playPipeline("[a b]", { jobs, tasks: { a: { retry: { limit: 0 }, ignoreFailed: true } } });
    play.report("a", "FAILED");
    play.report("b", "FAILED");
    expect(play.stages).toEqual(["a: FAILED", "b: CREATING"]);
  });
});

describe("a retry follows", () => {
  test.each([
    [undefined, "FAILED"],
    ["EXIT_CODE", "FAILED"],
    ["NO_STATUS", "FAILED"],
    ["TIMEOUT", "TIMEOUT"],
    ["STEP_TIMEOUT", "TIMEOUT"],
    ["DEADLINE", "TIMEOUT"],
    ["LOST", "LOST"],
    ["NODE_LOST", "LOST"],
    ["EVICTED", "LOST"],
    ["START_ERROR", undefined],
    ["AUDIT_DENIED", undefined],
    ["FORCED", undefined],
  ])("of the reason %s, as %s", (reason, expected) => {
    expect(retryReasonOf(reason)).toBe(expected);
  });

  test.each([
    ["LOST", undefined, "FAILED"],
    ["LOST", ["LOST"], "CREATING"],
    ["EXIT_CODE", ["LOST"], "FAILED"],
    ["TIMEOUT", ["FAILED"], "FAILED"],
    ["TIMEOUT", undefined, "CREATING"],
  ] as const)("a task that is %s with `on: %s` is %s then", (reason, on, stage) => {
    const retry: RetrySpec = { limit: 1, ...(on && { on: [...on] }) };
    const play = playPipeline("a", { tasks: { a: { retry } } });
    play.report("a", "FAILED", fail(reason));
    expect(play.task("a").status.stage).toBe(stage);
  });
});

test.each([
  [{ initial: "10s" }, 0.5, [10_000, 20_000, 40_000]],
  [{ initial: "10s", factor: 1 }, 0.5, [10_000, 10_000, 10_000]],
  [{ initial: "10s", factor: 3, max: "50s" }, 0.5, [10_000, 30_000, 50_000]],
  [{ initial: "10s", jitter: 0.5 }, 0, [5_000, 10_000, 20_000]],
  [{ initial: "10s", jitter: 0.5 }, 1, [15_000, 30_000, 60_000]],
  [{ factor: 2 }, 0.5, [0, 0, 0]],
  [undefined, 0.5, [0, 0, 0]],
])("the backoff %j at random %d waits %j", (backoff, random, waits) => {
  const retry: RetrySpec = { limit: 3, ...(backoff && { backoff }) };
  expect([1, 2, 3].map((number) => backoffMs(retry, number, random))).toEqual(waits);
});
