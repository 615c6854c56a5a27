// What a rollback runs, with which values, and what it leaves alone.

import { describe, expect, test } from "vitest";
import { againTasks } from "../again.ts";
import type { JobSpec } from "../schema/job.ts";
import { type Play, refusal } from "../testing/play.ts";
import { type PlayOptions, playPipeline, playRerun, playRollback } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const deploy: Partial<JobSpec> = {
  allowRollback: true,
  runParams: [{ name: "VERSION" }, { name: "REPLICAS", value: 1 }, { name: "TOKEN", sensitive: true }],
  rollbackParams: [
    { name: "VERSION", required: true },
    { name: "TOKEN", sensitive: true },
    { name: "SPEED", value: "slow" },
  ],
};
const options: PlayOptions = { jobs: { deploy }, tasks: { deploy: { job: "deploy" } } };

function finish(play: Play, failing: readonly string[] = []): Play {
  for (let round = 0; round < 50; round++) {
    const open = [...play.state.tasks.values()].filter((task) => task.open);
    if (open.length === 0) return play;
    for (const { name, audit } of open) {
      if (audit?.stage === "WAITING") play.audit(name, "PASS", "ann");
      const at = play.world.now;
      play.report(name, failing.includes(name) ? "FAILED" : "SUCCEEDED", { startAt: at });
    }
  }
  throw new Error(`it does not end: ${play.stages}`);
}

const run = (world: World, shape: string, version: string, more: PlayOptions = {}) =>
  playPipeline(shape, {
    ...options,
    world,
    ...more,
    request: { runParams: { VERSION: version, TOKEN: `hidden-${version}` } },
  });

const shownParams = (play: Play, name: string) =>
  (play.task(name).params ?? []).map(
    ({ name: param, value, setBy, sensitive }) => `${param}=${sensitive ? "***" : value} (${setBy})`,
  );

describe("a rollback", () => {
  test("runs what allows it with the values of the last success, and skips the others", () => {
    const world = new World();
    const good = finish(run(world, "build > deploy > test", "1"));
    const bad = finish(run(world, "build > deploy > test", "2"), ["test"]);
    const back = playRollback(bad, [good]);
    expect(JSON.stringify([back.state.definition, ...back.decisions])).not.toContain("hidden-");
    expect(back.stages).toEqual(["build: SKIPPED", "deploy: CREATING", "test: PENDING"]);
    expect(shownParams(back, "deploy")).toEqual([
      "VERSION=1 (LAST_SUCCESS)",
      "TOKEN=*** (LAST_SUCCESS)",
      "SPEED=slow (JOB)",
    ]);
    finish(back);
    expect(back.run).toMatchObject({
      mode: "ROLLBACK",
      rollbackOf: bad.run.id,
      status: { stage: "SUCCEEDED" },
    });
    expect(back.state.definition.mode).toBe("ROLLBACK");
    expect(back.task("build").status).toMatchObject({
      reason: "NO_ROLLBACK",
      message: "job `noop:v1` does not allow rollbacks (`allowRollback`)",
    });
    expect(back.task("deploy").rollback?.lastSuccess).toEqual({
      runId: good.run.id,
      taskId: good.task("deploy").id,
    });
  });

  test("takes the values of its request before those of the last success", () => {
    const world = new World();
    const good = finish(run(world, "deploy", "1"));
    const bad = finish(run(world, "deploy", "2"));
    const back = playRollback(bad, [good], { runParams: { SPEED: "fast", VERSION: "***" } });
    expect(shownParams(back, "deploy")).toEqual([
      "VERSION=1 (LAST_SUCCESS)",
      "TOKEN=*** (LAST_SUCCESS)",
      "SPEED=fast (RUN)",
    ]);
  });

  test("declares what runs declare when a job names no params for rollbacks", () => {
    const world = new World();
    const more = { jobs: { deploy: { ...deploy, rollbackParams: undefined } } };
    const good = finish(run(world, "deploy", "1", more));
    const back = playRollback(finish(run(world, "deploy", "2", more)), [good]);
    expect(shownParams(back, "deploy")).toEqual([
      "VERSION=1 (LAST_SUCCESS)",
      "REPLICAS=1 (LAST_SUCCESS)",
      "TOKEN=*** (LAST_SUCCESS)",
    ]);
  });

  test("asks the gates as usual, and no condition", () => {
    const world = new World();
    const more = {
      tasks: { deploy: { job: "deploy", when: 'params.REPLICAS == "1"', audit: { auditors: ["ann"] } } },
    };
    const good = finish(run(world, "deploy", "1", more));
    const back = playRollback(finish(run(world, "deploy", "2", more)), [good]);
    expect(back.task("deploy").audit?.stage).toBe("WAITING");
    finish(back);
    expect(back.stages).toEqual(["deploy: SUCCEEDED"]);
  });

  test("leaves alone what did not run, and what never succeeded before", () => {
    const world = new World();
    const more = { ...options, tasks: { a: { job: "deploy" }, b: { job: "deploy" }, c: { job: "deploy" } } };
    const good = finish(run(world, "a b c", "1", more), ["b"]);
    const bad = finish(run(world, "a b c", "2", more), ["b"]);
    const back = playRollback(bad, [good]);
    const madeOf = { how: "ROLLBACK" } as never;
    expect(
      againTasks(madeOf, back.state, world.context()).map(({ name, does, why }) => `${name} ${does} ${why}`),
    ).toEqual([
      `a RUN back to ${good.task("a").id} of run ${good.run.id}`,
      `b SKIP NEVER_SUCCEEDED: it has not succeeded before run ${bad.run.id}`,
      `c SKIP NOT_RUN: it did not run in run ${bad.run.id}: there is nothing to roll back`,
    ]);
  });

  test("runs each way of a matrix with its own last success", () => {
    const world = new World();
    const region = [...(deploy.runParams ?? []), { name: "REGION" }];
    const more = {
      jobs: { deploy: { ...deploy, runParams: region, rollbackParams: region } },
      tasks: { deploy: { job: "deploy", matrix: { params: { REGION: ["eu", "us"] } } } },
    };
    const good = finish(run(world, "deploy", "1", more));
    const back = playRollback(finish(run(world, "deploy", "2", more)), [good]);
    expect(shownParams(back, "deploy (us)")).toContain("REGION=us (LAST_SUCCESS)");
    expect(shownParams(back, "deploy (us)")).toContain("VERSION=1 (LAST_SUCCESS)");
  });

  test("runs again as a rollback when it failed", () => {
    const world = new World();
    const good = finish(run(world, "build > deploy", "1"));
    const back = finish(playRollback(finish(run(world, "build > deploy", "2")), [good]), ["deploy"]);
    const again = finish(playRerun(back));
    expect(again.run).toMatchObject({ mode: "ROLLBACK", rollbackOf: back.run.rollbackOf });
    expect(again.stages).toEqual(["build: SKIPPED", "deploy: SUCCEEDED"]);
    expect(shownParams(again, "deploy")).toContain("VERSION=1 (LAST_SUCCESS)");
  });

  test("is refused when there is nothing to roll back, with the reason for each task", () => {
    const world = new World();
    const first = finish(run(world, "build > deploy", "1"));
    const id = first.run.id;
    expect(refusal(() => playRollback(first, []))).toBe(
      `NOTHING_TO_ROLL_BACK: nothing of run ${id} can be rolled back: task \`build\`: job \`noop:v1\` does not allow ` +
        `rollbacks (\`allowRollback\`); task \`deploy\`: it has not succeeded before run ${id}`,
    );
    expect(refusal(() => playRollback(run(world, "deploy", "2"), []))).toContain("RUN_NOT_ENDED: ");
  });
});
