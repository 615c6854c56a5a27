// Who gives up because it and others would wait for each other for ever.

import { expect, test } from "vitest";
import { playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const sentence =
  "waits for the sequence lock of pipeline `q`, held by run-x, which waits for this: all would wait for ever";
const circle = (id: string) => [{ id, key: "sequence/default/default/q" }, { id: "run-x" }];

test("a run in line is FAILED, its tasks are SKIPPED, and no `finally` stage runs", () => {
  const world = new World();
  playPipeline("a", { world });
  const shape = { world, request: { queue: true }, stages: { s2: { finally: true } } };
  const play = playPipeline("a > b", shape);
  world.circles.set(play.run.id, circle(play.run.id));
  const decision = play.submit({ type: "giveUp" });
  expect(play.lines(decision)).toEqual([
    "a: PENDING -> SKIPPED [RUN_FAILED]",
    "b: PENDING -> SKIPPED [RUN_FAILED]",
    "run: PENDING -> FAILED [DEADLOCK]",
  ]);
  expect([decision.claims, decision.releases, play.effects(decision)]).toEqual([[], [], ["RELEASE run"]]);
  expect(play.run.status).toMatchObject({
    ...{ stage: "FAILED", reason: "DEADLOCK", message: sentence, endAt: world.now },
    progress: { tasks: 2, open: 0, ended: 2 },
  });
  expect(play.task("a").status.message).toBe(`not started: ${sentence}`);
});

test("a task in line is FAILED without another try, and its run goes on as after any failure", () => {
  const world = new World({ slots: 1 });
  const play = playPipeline("a b", {
    world,
    stages: { s1: { isParallel: true } },
    tasks: { b: { retry: { limit: 3 } } },
  });
  const { id } = play.task("b");
  expect(play.task("b").status.stage).toBe("SCHEDULING");
  world.circles.set(id, circle(id));
  expect(play.lines(play.submit({ type: "giveUp", taskId: id }))).toEqual([
    "b: SCHEDULING -> FAILED [DEADLOCK]",
  ]);
  expect(play.task("b").status).toEqual({ stage: "FAILED", reason: "DEADLOCK", message: sentence });
  play.report("a", "SUCCEEDED");
  expect(play.run.status.stage).toBe("FAILED");
});

test("nothing happens when there is no circle any more", () => {
  const world = new World({ slots: 1 });
  const play = playPipeline("a b", { world, stages: { s1: { isParallel: true } } });
  expect(play.submit({ type: "giveUp", taskId: play.task("b").id }).tasks).toEqual([]);
  expect(play.submit({ type: "giveUp" }).tasks).toEqual([]);
  expect(play.stages).toEqual(["a: CREATING", "b: SCHEDULING"]);
});

test("of a run that has let its lock go and wants it back, the tasks that wait for it are FAILED", () => {
  const world = new World();
  const audit = { auditors: ["ann"] };
  const play = playPipeline("[a b]", { world, spec: { holdLock: false }, tasks: { b: { audit } } });
  play.report("a", "SUCCEEDED");
  playPipeline("a", { world });
  play.audit("b", "PASS", "ann");
  expect(play.run.status.lock?.state).toBe("WANTED");
  world.circles.set(play.run.id, circle(play.run.id));
  const decision = play.submit({ type: "giveUp" });
  expect(play.lines(decision)).toEqual([
    "b: SCHEDULING -> FAILED [DEADLOCK]",
    "run: ACTIVE -> FAILED [TASK_FAILED]",
  ]);
  expect(decision.releases).toEqual([]);
});
