import { describe, expect, test } from "vitest";
import { playPipeline } from "../testing/start.ts";
import { stageOfAll } from "./conditions.ts";

const jobs = { noop: { runParams: [{ name: "V" }, { name: "N", valueType: "NUMBER" as const }] } };

describe("`when` of a task", () => {
  test.each([
    ["params, with their types", "params.V == 'x' && params.N > 2", "CREATING"],
    ["runtime envs", "envs.OUT == '1'", "CREATING"],
    [
      "earlier tasks and their outputs",
      "tasks.a.stage == 'SUCCEEDED' && tasks.a.outputs.own == 'y'",
      "CREATING",
    ],
    ["the run", "run.name == 'p' && run.labels.team == 'web' && run.stage == 'ACTIVE'", "CREATING"],
    ["what started it", "trigger.mode == 'MANUAL' && trigger.by == 'starter'", "CREATING"],
    ["and skips the task when it is false", "params.V == 'other'", "SKIPPED"],
  ])("asks %s", (_what, when, stage) => {
    const play = playPipeline("a > b > c", {
      jobs,
      tasks: { b: { when, runParams: { V: "x", N: 3 } } },
      labels: { team: "web" },
    });
    play.report("a", "SUCCEEDED", { runtimeEnvs: { OUT: "1", own: "y" } });
    expect(play.task("b").status.stage).toBe(stage);
    expect(play.task("c").status.stage).toBe(stage === "SKIPPED" ? "CREATING" : "PENDING");
  });

  test("says why the task is skipped, and why it cannot be decided", () => {
    const play = playPipeline("[a b]", { tasks: { a: { when: "false" }, b: { when: "envs.NONE == 'x'" } } });
    const { reason, message } = play.task("a").status;
    expect([reason, message]).toEqual(["WHEN_FALSE", "`when` is false: false"]);
    expect([play.task("b").status.stage, play.task("b").status.reason, play.run.status.stage]).toEqual([
      "FAILED",
      "WHEN_ERROR",
      "FAILED",
    ]);
  });

  test("does not ask for the params of a task that is skipped", () => {
    const needy = { noop: { runParams: [{ name: "V", required: true }] } };
    const play = playPipeline("a > b", {
      jobs: { ...needy, free: {} },
      tasks: { a: { when: "false" }, b: { job: "free" } },
    });
    expect(play.stages).toEqual(["a: SKIPPED", "b: CREATING"]);
  });
});

describe("`when` of a stage", () => {
  test("is asked once, at the stage's turn, and skips all of it", () => {
    const play = playPipeline("a > [b c] > d", { stages: { s2: { when: "has(envs.OUT)" } } });
    play.report("a", "SUCCEEDED");
    expect([play.stages, play.task("c").status.message]).toEqual([
      ["a: SUCCEEDED", "b: SKIPPED", "c: SKIPPED", "d: CREATING"],
      "`when` of its stage is false: has(envs.OUT)",
    ]);
  });

  test("stays as it was decided while the stage runs", () => {
    const play = playPipeline("b c", { stages: { s1: { when: "!has(envs.OUT)" } } });
    play.report("b", "SUCCEEDED", { runtimeEnvs: { OUT: "1" } });
    expect(play.task("c").status.stage).toBe("CREATING");
  });

  test("stays as it was decided while its tasks wait for others, over a restart too", () => {
    const play = playPipeline("b c", {
      tasks: { b: { needs: [] } },
      stages: { s1: { when: "!has(envs.OUT)" } },
    });
    play.restart();
    play.report("b", "SUCCEEDED", { runtimeEnvs: { OUT: "1" } });
    expect(play.task("c").status.stage).toBe("CREATING");
  });

  test("is asked anew when a result is pushed back to an earlier stage", () => {
    const play = playPipeline("a > b > c", {
      tasks: { c: { confirm: { checkers: ["ann"] } } },
      stages: { s2: { when: "!has(envs.OUT)" } },
    });
    for (const name of ["a", "b", "c"]) play.report(name, "SUCCEEDED");
    expect(play.run.status.wantedStages).toEqual([2]);
    play.pushBack("c", "a");
    play.report("a", "SUCCEEDED", { runtimeEnvs: { OUT: "1" } });
    expect(play.stages).toEqual(["a: SUCCEEDED", "b: SKIPPED", "c: CREATING"]);
  });

  test("is asked for a task with needs when its own turn comes", () => {
    const play = playPipeline("a > b > [c d]", {
      tasks: { c: { needs: ["a"] } },
      stages: { s3: { when: "has(envs.OUT)" } },
    });
    play.report("a", "SUCCEEDED");
    expect(play.stages).toEqual(["a: SUCCEEDED", "b: CREATING", "c: SKIPPED", "d: PENDING"]);
    play.report("b", "SUCCEEDED", { runtimeEnvs: { OUT: "1" } });
    expect(play.stages.slice(2)).toEqual(["c: SKIPPED", "d: CREATING"]);
  });

  test("that is false at its turn lets a task with needs end that runs already", () => {
    const play = playPipeline("[slow flaky] > [b c]", {
      tasks: { flaky: { ignoreFailed: true }, b: { ignoreFailed: true }, c: { needs: ["slow"] } },
      stages: { s2: { when: "tasks.flaky.stage != 'SUCCEEDED'" } },
    });
    play.report("slow", "SUCCEEDED");
    // Nothing that follows its turn is left then.
    play.cancel("b");
    play.report("flaky", "SUCCEEDED");
    play.restart();
    play.report("c", "ACTIVE");
    expect(play.stages).toEqual(["slow: SUCCEEDED", "flaky: SUCCEEDED", "b: CANCELED", "c: ACTIVE"]);
    play.report("c", "SUCCEEDED");
    expect(play.run.status.stage).toBe("SUCCEEDED");
  });

  test("fails its tasks when it cannot be decided", () => {
    const play = playPipeline("a > b", { stages: { s1: { when: "envs.NONE == 'x'" } } });
    expect([play.stages, play.task("a").status.reason]).toEqual([["a: FAILED", "b: SKIPPED"], "WHEN_ERROR"]);
  });
});

test.each([
  [["SUCCEEDED", "SUCCEEDED"], "SUCCEEDED"],
  [["SUCCEEDED", "FAILED", "CANCELED"], "FAILED"],
  [["SUCCEEDED", "SKIPPED"], "SUCCEEDED"],
  [["CANCELED", "SUCCEEDED"], "CANCELED"],
  [["SKIPPED", "SKIPPED"], "SKIPPED"],
  [["PENDING", "SUCCEEDED"], "PENDING"],
  [["PENDING", "CREATING"], "ACTIVE"],
] as const)("ways that are %j are together %s", (stages, expected) => {
  expect(stageOfAll(stages.map((stage) => ({ status: { stage } })))).toBe(expected);
});
