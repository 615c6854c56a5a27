// Runs that wait in line, priorities and groups: what a request is answered, and what a turn does.

import { describe, expect, test } from "vitest";
import type { PipelineSpec, StageSpec } from "../schema/pipeline.ts";
import { refusal } from "../testing/play.ts";
import { type PlayOptions, playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const LOCK = "sequence/default/default/p";

describe("a run that comes while another one holds the lock", () => {
  const second = (spec: Partial<PipelineSpec>, request: PlayOptions["request"] = {}, waiting = 0) => {
    const first = playPipeline("a", { spec });
    first.world.lines.set(
      LOCK,
      Array.from({ length: waiting }, (_, n) => `run-${n}`),
    );
    return playPipeline("a b", { world: first.world, spec, request });
  };

  test.each<[string, Partial<PipelineSpec>, PlayOptions["request"]]>([
    ["its request says so", {}, { queue: true }],
    ["its pipeline has a queue", { queue: {} }, {}],
    ["it cancels what is under way", { concurrency: { group: "g", cancelInProgress: true } }, {}],
  ])("waits in line when %s, with all its tasks", (_why, spec, request) => {
    const play = second(spec, request);
    expect([play.run.status.stage, play.run.status.startAt, play.stages]).toEqual([
      "PENDING",
      undefined,
      ["a: PENDING", "b: PENDING"],
    ]);
    expect(play.lines()).toEqual(["run: PENDING"]);
    expect(play.decisions[0]?.claims).toEqual([]);
    expect(play.effects()).toEqual(spec.concurrency ? ["GIVE_WAY run 0"] : []);
  });

  test("is refused when its request does not want to wait", () => {
    expect(refusal(() => second({ queue: {} }, { queue: false }))).toMatch(
      /^PIPELINE_IS_RUNNING: .* `--queue`/,
    );
  });

  test("is refused with length and remedy when as many wait as may", () => {
    expect(second({ queue: { maxLength: 2 } }, {}, 1).run.status.stage).toBe("PENDING");
    expect(refusal(() => second({ queue: { maxLength: 2 } }, {}, 2))).toMatch(
      /^QUEUE_FULL: 2 runs wait for the sequence lock of pipeline `p`, which is as many as may \(`queue.maxLength`\); try later, or cancel those that wait with `mflow cancel --queue p`$/,
    );
    expect(second({}, { queue: true }, 99).run.status.stage).toBe("PENDING");
    expect(refusal(() => second({}, { queue: true }, 100))).toMatch(/^QUEUE_FULL: 100 runs/);
  });
});

describe("a run of a parallel pipeline that has `maxRuns` under way", () => {
  const RUNS = "pipeline-runs/default/default/p";
  const next = (spec: Partial<PipelineSpec>, request: PlayOptions["request"] = {}, waiting = 0) => {
    const world = new World();
    world.locks.set(RUNS, "run-0");
    world.lines.set(
      RUNS,
      Array.from({ length: waiting }, (_, n) => `run-${n + 1}`),
    );
    return playPipeline("a", { world, spec: { isParallel: true, maxRuns: 1, ...spec }, request });
  };

  test("waits in line, behind any number when no queue says how many", () => {
    expect(next({}, {}, 5_000).run.status.stage).toBe("PENDING");
    expect(next({ queue: { maxLength: 2 } }, {}, 1).run.status.stage).toBe("PENDING");
    expect(refusal(() => next({ queue: { maxLength: 2 } }, {}, 2))).toMatch(
      /^QUEUE_FULL: 2 runs wait for their turn in pipeline `p`, which is as many as may \(`queue.maxLength`\); try later, or cancel those that wait with `mflow cancel --queue p`$/,
    );
    expect(refusal(() => next({ queue: {} }, {}, 100))).toMatch(/^QUEUE_FULL: 100 runs/);
  });

  test("is refused when its request does not want to wait", () => {
    expect(refusal(() => next({}, { queue: false }))).toMatch(
      /^PIPELINE_IS_RUNNING: pipeline `p` cannot begin one more run now, and this one is not to wait: run-0 is before it; .* without `--no-queue`$/,
    );
  });
});

describe("a run whose turn has come", () => {
  const waiting = (more: PlayOptions = {}, shape = "a b") => {
    const world = new World();
    const first = playPipeline("a", { world });
    const play = playPipeline(shape, { world, request: { queue: true }, ...more });
    return { first, play, world };
  };

  test("takes the lock and begins", () => {
    const { first, play, world } = waiting({ spec: { timeout: "1h" } });
    expect(play.run.wakeAt).toBe(undefined);
    first.report("a", "SUCCEEDED");
    world.nowMs += 60_000;
    const decision = play.turn();
    expect(decision.claims).toEqual([LOCK]);
    expect(play.lines(decision)).toEqual(["run: PENDING -> ACTIVE", "a: PENDING -> CREATING"]);
    expect([play.run.status.startAt, play.run.wakeAt]).toEqual([
      "2026-01-01T00:01:00.000Z",
      "2026-01-01T01:01:00.000Z",
    ]);
    expect(play.lines(play.turn())).toEqual([]);
  });

  test("does nothing when it was canceled meanwhile", () => {
    const { play } = waiting();
    const decision = play.cancelRun("not needed");
    expect(play.lines(decision)).toEqual([
      "a: PENDING -> CANCELED [RUN_CANCELED]",
      "b: PENDING -> CANCELED [RUN_CANCELED]",
      "run: PENDING -> CANCELED",
    ]);
    expect([decision.releases, play.effects(decision)]).toEqual([[], ["RELEASE run"]]);
    expect(play.run.status).toMatchObject({ canceledBy: "starter", message: "not needed" });
    expect(play.lines(play.turn())).toEqual([]);
  });

  test.each(["task", "stage"] as const)(
    "was canceled as a whole with its %s, `finally` stages too",
    (what) => {
      const { play } = waiting({ stages: { s2: { finally: true } }, spec: {} }, "a > b");
      if (what === "task") play.cancel("a");
      else play.submit({ type: "cancelStage", stage: "s1", request: {} }, { name: "ann", operator: true });
      expect([play.run.status.stage, ...play.stages]).toEqual(["CANCELED", "a: CANCELED", "b: CANCELED"]);
    },
  );

  test.each<[string, Partial<StageSpec>]>([
    ["a `finally` stage", { finally: true }],
    ["a stage with `ignoreFailed`", { ignoreFailed: true }],
  ])("still waits when %s of it was canceled, and goes on without that", (_what, stage) => {
    const { first, play } = waiting({ stages: { s2: stage }, spec: {} }, "a > b");
    play.submit({ type: "cancelStage", stage: "s2", request: {} }, { name: "ann", operator: true });
    expect([play.run.status.stage, ...play.stages]).toEqual(["PENDING", "a: PENDING", "b: CANCELED"]);
    first.report("a", "SUCCEEDED");
    play.turn();
    expect([play.run.status.stage, ...play.stages]).toEqual(["ACTIVE", "a: CREATING", "b: CANCELED"]);
  });
});

describe("priority", () => {
  test("of the request is before that of the pipeline, and a task's own before both", () => {
    const options = { spec: { priority: 3 }, tasks: { b: { priority: -5 } } };
    const priorities = (more: PlayOptions = {}) => {
      const play = playPipeline("a b c", { ...options, ...more, world: new World() });
      return [play.run, ...play.state.tasks.values()].map(({ priority }) => priority);
    };
    expect(priorities()).toEqual([3, 3, -5, 3]);
    expect(priorities({ request: { priority: 7 } })).toEqual([7, 7, -5, 7]);
    expect(priorities({ request: { priority: 0 } })).toEqual([undefined, undefined, -5, undefined]);
    expect(playJob({ priority: 4 }).task().priority).toBe(4);
  });
});

describe("the name of a concurrency group", () => {
  const groups = (group: string, request: PlayOptions["request"], more: PlayOptions = {}) => {
    const play = playPipeline("a", {
      spec: { concurrency: { group }, with: { REGION: "eu" } },
      tasks: { a: { concurrency: { group: `${group}-a` } } },
      request,
      ...more,
    });
    return [play.run.group, play.task("a").group];
  };

  test("has the values of the run: params, the pipeline's `with`, labels", () => {
    const request = { runParams: { ENV: "prod" }, labels: { team: "web" } };
    expect(groups("deploy-${ENV}-${REGION}-${team}", request)).toEqual([
      "deploy-prod-eu-web",
      "deploy-prod-eu-web-a",
    ]);
    expect(groups("x-${REGION}", { runParams: { REGION: "us" } })).toEqual(["x-us", "x-us-a"]);
  });

  test("of a task has the values of its way", () => {
    const play = playPipeline("a", {
      tasks: { a: { matrix: { params: { OS: ["linux", "mac"] } }, concurrency: { group: "on-${OS}" } } },
    });
    expect([...play.state.tasks.values()].map(({ group }) => group)).toEqual(["on-linux", "on-mac"]);
  });

  test.each<[string, PlayOptions["request"], string]>([
    ["deploy-${ENV}", {}, "asks for `ENV`, which this run lacks; give it, e.g. `-p ENV=VALUE`"],
    [
      "deploy-${ENV}",
      { runParams: [{ name: "ENV", value: "secret", sensitive: true }] },
      "asks for `ENV`, which is sensitive; names of groups are shown to all",
    ],
    [
      "deploy-${ENV}",
      { runParams: { ENV: "a b" } },
      "is `deploy-a b` in this run; a name has letters, digits, `.`, `_` and `-`, starts with a letter or digit, and has at most 128",
    ],
  ])("%s with %j is refused when it cannot be made", (group, request, why) => {
    expect(refusal(() => groups(group, request))).toBe(
      `BAD_REQUEST: the concurrency group of pipeline \`p\`, \`${group}\`, ${why}`,
    );
  });
});

describe("giving way to a newer run of the group", () => {
  const change = { type: "giveWay", to: "run-9", group: "deploy" } as const;

  test("cancels a run with the name of the newer one, once", () => {
    const play = playPipeline("a");
    expect(play.lines(play.submit(change))).toEqual(["run: ACTIVE -> CANCELING", "a: CREATING -> CANCELING"]);
    expect(play.run.status).toMatchObject({
      canceledBy: "cancelInProgress",
      message: "gives way to run-9, which is newer in the concurrency group `deploy`",
    });
    expect(play.lines(play.submit(change))).toEqual([]);
    play.stopped("a");
    expect(play.lines(play.submit(change))).toEqual([]);
  });

  test("cancels a task", () => {
    const play = playPipeline("a");
    const { id } = play.task("a");
    expect(play.lines(play.submit({ ...change, taskId: id }))).toEqual(["a: CREATING -> CANCELING"]);
    expect(play.lines(play.submit({ ...change, taskId: id }))).toEqual([]);
  });
});
