// Pause of a run, and the lock that a run lets go while it waits for people.

import { describe, expect, test } from "vitest";
import { pipelineGate, SERVER_GATE } from "../admission-keys.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { OPERATOR, refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const pause = { type: "pauseRun", request: { message: "look at it first" } } as const;
const resume = { type: "resumeRun" } as const;

describe("a paused run", () => {
  test("starts nothing new, lets run what runs, and goes on when it is resumed", () => {
    const play = playPipeline("a b");
    expect(play.lines(play.submit(pause, OPERATOR))).toEqual(["run: RUN_PAUSED"]);
    expect(play.run.status.paused).toEqual({
      by: "op",
      at: "2026-01-01T00:00:00.000Z",
      message: "look at it first",
    });
    expect(play.lines(play.submit(pause, OPERATOR))).toEqual([]);
    expect(play.lines(play.report("a", "SUCCEEDED"))).toEqual([
      "a: CREATING -> SUCCEEDED",
      "b: PENDING -> SCHEDULING",
    ]);
    expect(play.lines(play.taskTurn("b"))).toEqual([]);
    expect(play.lines(play.submit(resume, OPERATOR))).toEqual(["run: RUN_RESUMED"]);
    expect(play.lines(play.submit(resume, OPERATOR))).toEqual([]);
    expect(play.lines(play.taskTurn("b"))).toEqual(["b: SCHEDULING -> CREATING"]);
  });

  test.each([
    ["its pipeline", pipelineGate(DEFAULT_SCOPE, "p")],
    ["the server", SERVER_GATE],
  ])("starts nothing new while %s is paused", (_, gate) => {
    const play = playPipeline("a b");
    play.world.closed.add(gate);
    play.report("a", "SUCCEEDED");
    expect(play.stages).toEqual(["a: SUCCEEDED", "b: SCHEDULING"]);
  });

  test("opens its gates, and waits when they are passed", () => {
    const play = playPipeline("a b", { tasks: { b: { audit: { auditors: ["ann"] } } } });
    play.submit(pause, OPERATOR);
    play.report("a", "SUCCEEDED");
    expect(play.task("b").audit?.stage).toBe("WAITING");
    play.audit("b", "PASS", "ann");
    expect(play.stages).toEqual(["a: SUCCEEDED", "b: SCHEDULING"]);
  });

  test("lets its timeouts run and its backoffs end, and ends when nothing is left", () => {
    const play = playPipeline("a", {
      tasks: { a: { timeout: "5m", retry: { limit: 1, on: ["FAILED"], backoff: { initial: "1m" } } } },
    });
    play.submit(pause, OPERATOR);
    play.report("a", "FAILED");
    expect(play.lines(play.wake("a"))).toEqual([]);
    expect(play.task("a").status).toMatchObject({
      stage: "SCHEDULING",
      waitingSince: "2026-01-01T00:01:00.000Z",
    });
    play.cancel("a");
    expect([play.run.status.stage, play.run.status.paused]).toEqual(["CANCELED", undefined]);
  });

  test("cannot be one that has ended, and is not a lone task", () => {
    const play = playPipeline("a");
    play.report("a", "SUCCEEDED");
    expect(refusal(() => play.submit(pause, OPERATOR))).toBe(
      `CONFLICT: run ${play.run.id} has ended SUCCEEDED; there is nothing to pause`,
    );
    expect(refusal(() => playJob().submit(resume, OPERATOR))).toMatch(/^NOT_FOUND: .* is a task, not a run/);
  });
});

describe("with `holdLock: false`", () => {
  const LOCK = "sequence/default/default/p";
  const make = () => {
    const world = new World();
    const audit = { auditors: ["ann"] };
    const play = playPipeline("[a b] > c", {
      world,
      spec: { holdLock: false },
      tasks: { b: { audit }, c: { audit } },
    });
    return { world, play };
  };

  test("a run lets the lock go once all that is open waits for people, and takes it again before anything starts", () => {
    const { play, world } = make();
    expect(world.locks.get(LOCK)).toBe(play.run.id);
    const waits = play.report("a", "SUCCEEDED");
    expect([waits.releases, play.lines(waits)]).toEqual([
      [LOCK],
      ["a: CREATING -> SUCCEEDED", "run: RUN_LOCK_LET_GO"],
    ]);
    expect(play.run.status.lock?.state).toBe("LET_GO");
    const other = playPipeline("a", { world });
    expect(other.run.status.stage).toBe("ACTIVE");
    play.audit("b", "PASS", "ann");
    expect([play.run.status.lock?.state, play.task("b").status.stage]).toEqual(["WANTED", "SCHEDULING"]);
    expect(play.lines(play.taskTurn("b"))).toEqual([]);
    other.report("a", "SUCCEEDED");
    const turn = play.turn();
    expect([turn.claims, play.lines(turn), play.run.status.lock]).toEqual([
      [LOCK],
      ["run: RUN_LOCK_TAKEN"],
      undefined,
    ]);
    expect(play.lines(play.taskTurn("b"))).toEqual(["b: SCHEDULING -> CREATING"]);
  });

  test("a run that ends without its lock releases that of nobody else", () => {
    const { play, world } = make();
    play.report("a", "SUCCEEDED");
    const other = playPipeline("a", { world });
    play.audit("b", "DENY", "ann", "no");
    expect([play.run.status.stage, world.locks.get(LOCK)]).toEqual(["FAILED", other.run.id]);
  });
});
