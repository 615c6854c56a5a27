// What decisions do for tasks whose work is elsewhere, and for what follows a run.

import { describe, expect, test } from "vitest";
import { jobOf, pipelineOf } from "../testing/documents.ts";
import { OPERATOR, Play } from "../testing/play.ts";
import { creationOf, playJob, playPipeline } from "../testing/start.ts";
import { isSealed, seal, unseal, World } from "../testing/world.ts";

const MANUAL = { runnerType: "MANUAL", runnerSpec: {} } as const;
const PIPELINE = { runnerType: "PIPELINE", runnerSpec: { pipeline: "builds" } } as const;

describe("a MANUAL task", () => {
  test("takes no slot, and is CANCELED at once", () => {
    const play = playJob({}, MANUAL, { world: new World({ slots: 0 }) });
    play.report("noop", "ACTIVE", { message: "the ticket is closed" });
    expect(play.task().status.message).toBe("the ticket is closed");
    const canceled = play.cancel("noop", "not needed");
    expect([play.lines(canceled), play.effects(canceled)]).toEqual([
      ["noop: ACTIVE -> CANCELING", "noop: CANCELING -> CANCELED"],
      ["RELEASE noop"],
    ]);
    expect(play.task().status).toMatchObject({
      stage: "CANCELED",
      canceledBy: "starter",
      message: "not needed",
    });
  });

  test("is ended by an operator without its token", () => {
    const play = playJob({}, MANUAL);
    play.report("noop", "ACTIVE");
    play.status("noop", "FAILED", { message: "the ticket was refused" }, OPERATOR);
    expect(play.task().status).toMatchObject({
      stage: "FAILED",
      reason: "REPORTED",
      message: "the ticket was refused",
    });
  });
});

describe("a PIPELINE task", () => {
  test("takes no slot, and has the id of its run before that starts, another one in each attempt", () => {
    const play = playJob({}, PIPELINE, { world: new World({ slots: 0 }) });
    const first = play.task().status.child;
    expect(first?.runId).toMatch(/^run-/);
    play.report("noop", "FAILED", { reason: "CHILD_FAILED" });
    play.rerun();
    const { status, pastAttempts } = play.task();
    expect(pastAttempts?.map((past) => past.status.child)).toEqual([first]);
    expect(status.child?.runId).toMatch(/^run-/);
    expect(status.child).not.toEqual(first);
  });

  test("names no run when none could be started", () => {
    const play = playJob({}, PIPELINE);
    play.startFailed("noop", "there is no pipeline `builds`");
    expect(play.task().status).toEqual({
      stage: "FAILED",
      reason: "START_ERROR",
      message: "there is no pipeline `builds`",
    });
  });

  test("takes what its run handed on, with secrets as they are sealed", () => {
    const play = playPipeline("a > b", { jobs: { child: PIPELINE }, tasks: { a: { job: "child" } } });
    const sealedEnvs = { TOKEN: seal("hunter22") };
    play.report("a", "SUCCEEDED", { runtimeEnvs: { IMAGE: "shop:1" }, sealedEnvs });
    expect(play.task("a").status.runtimeEnvs).toEqual({ IMAGE: "shop:1", TOKEN: seal("hunter22") });
    expect(play.state.exported.get("TOKEN")).toBe(seal("hunter22"));
  });

  test("whose run was canceled is CANCELED by whoever did that", () => {
    const play = playPipeline("a", { jobs: { child: PIPELINE }, tasks: { a: { job: "child" } } });
    play.report("a", "CANCELED", { canceledBy: "ann", message: "run run-1 was canceled" });
    expect(play.run.status).toMatchObject({ stage: "CANCELED", canceledBy: "ann" });
  });
});

/** Ends a run of the one task `a`. */
function endOf(play: Play, stage: "SUCCEEDED" | "FAILED" | "CANCELED") {
  if (stage !== "CANCELED") return play.report("a", stage);
  play.cancelRun();
  return play.stopped("a");
}

describe("the end of a run", () => {
  test.each(["SUCCEEDED", "FAILED", "CANCELED"] as const)(
    "that is %s is told to the task whose work it was",
    (stage) => {
      const world = new World();
      const parent = { runId: "run-parent", taskId: "task-parent", attempt: 2 };
      const origin = { parent, chain: ["above@default.default"] };
      const play = new Play(world, { ...creationOf(world, pipelineOf("a"), {}), origin });
      expect(play.run).toMatchObject(origin);
      const end = endOf(play, stage);
      expect(end.effects).toEqual([
        { kind: "RELEASE", taskId: play.run.id, attempt: 0 },
        { kind: "CHILD_ENDED", taskId: "task-parent", attempt: 2 },
      ]);
    },
  );

  const nextPipeline = { pipeline: "deploy" };

  test("that SUCCEEDED starts what follows, once, and notes what became of it", () => {
    const play = playPipeline("a", { spec: { nextPipeline } });
    const end = play.report("a", "SUCCEEDED");
    expect(end.effects.map(({ kind }) => kind)).toEqual(["RELEASE", "NEXT_RUN"]);
    expect(end.effects[1]?.taskId).toMatch(/^run-/);
    expect(play.run.status.next).toEqual({ pipeline: "deploy" });
    play.submit({ type: "nextRun", outcome: { runId: "run-next" } });
    const again = play.submit({ type: "nextRun", outcome: { code: "NOT_FOUND", message: "too late" } });
    expect([play.run.status.next, again.history]).toEqual([{ pipeline: "deploy", runId: "run-next" }, []]);
    expect(play.lines().at(-1)).toBe("run: NEXT_STARTED");
  });

  test("keeps the sentence that says why nothing follows", () => {
    const play = playPipeline("a", { spec: { nextPipeline } });
    play.report("a", "SUCCEEDED");
    play.submit({
      type: "nextRun",
      outcome: { code: "NOT_FOUND", message: "there is no pipeline `deploy`" },
    });
    expect(play.run.status.next).toEqual({
      ...nextPipeline,
      code: "NOT_FOUND",
      message: "there is no pipeline `deploy`",
    });
    expect(play.lines().at(-1)).toBe("run: NEXT_REFUSED [NOT_FOUND]");
  });

  test("that ends as it begins, because nothing in it is wanted, is followed too", () => {
    const play = playPipeline("a", { spec: { nextPipeline }, tasks: { a: { when: "false" } } });
    expect([play.run.status.stage, play.decisions[0]?.effects.map(({ kind }) => kind)]).toEqual([
      "SUCCEEDED",
      ["RELEASE", "NEXT_RUN"],
    ]);
  });

  test.each(["FAILED", "CANCELED"] as const)("that is %s is followed by nothing", (stage) => {
    const play = playPipeline("a", { spec: { nextPipeline } });
    const end = endOf(play, stage);
    expect([play.effects(end), play.run.status.next]).toEqual([["RELEASE run"], undefined]);
  });
});

test("a run that starts others keeps its request's documents, sealed; other runs keep none", () => {
  const documents = [{ kind: "Job" as const, metadata: { name: "x" }, spec: jobOf("x").spec }];
  const kept = [
    playPipeline("a", { request: { documents } }),
    playPipeline("a", { request: { documents }, spec: { nextPipeline: { pipeline: "deploy" } } }),
    playPipeline("a", { request: { documents }, jobs: { child: PIPELINE }, tasks: { a: { job: "child" } } }),
    playJob({ documents }, PIPELINE),
  ].map(({ state }) => state.definition.documents);
  expect(kept.map((text) => text && isSealed(text) && JSON.parse(unseal(text)))).toEqual([
    undefined,
    documents,
    documents,
    documents,
  ]);
});

test("values for the next pipeline that are sensitive here are sealed", () => {
  const play = playPipeline("a", {
    jobs: { noop: { runParams: [{ name: "TOKEN", sensitive: true }] } },
    spec: { nextPipeline: { pipeline: "deploy", runParams: { TOKEN: "hunter22", TARGET: "test" } } },
  });
  expect(play.state.definition.pipeline?.nextPipeline?.runParams).toEqual({
    TOKEN: seal("hunter22"),
    TARGET: "test",
  });
});
