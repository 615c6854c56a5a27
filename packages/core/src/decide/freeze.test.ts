import { describe, expect, test } from "vitest";
import type { JobSpec } from "../schema/job.ts";
import type { JobTask } from "../schema/job-task.ts";
import { playPipeline } from "../testing/start.ts";
import { seal } from "../testing/world.ts";

const setBy = (task: JobTask) => task.params?.map((param) => `${param.name}=${param.value} ${param.setBy}`);

/** Declares a default for each name. */
function declaring(...names: string[]): Partial<JobSpec> {
  return { runParams: names.map((name) => ({ name, value: "default" })) };
}

describe("what a task runs with", () => {
  test("is taken from seven levels, the later before the earlier", () => {
    const play = playPipeline("first > b", {
      jobs: { noop: declaring("A", "B", "C", "D", "E", "F") },
      spec: { with: { B: "pipeline", C: "pipeline", D: "pipeline", E: "pipeline", F: "pipeline" } },
      stages: { s2: { with: { C: "stage", D: "stage", E: "stage", F: "stage" } } },
      tasks: { b: { runParams: { D: "task", E: "task", F: "task" } } },
      request: { runParams: { E: "run", F: "run" } },
    });
    play.report("first", "SUCCEEDED", { runtimeEnvs: { F: "env" } });
    expect(setBy(play.task("b"))).toEqual([
      "A=default JOB",
      "B=pipeline PIPELINE",
      "C=stage STAGE",
      "D=task TASK",
      "E=run RUN",
      "F=env RUNTIME_ENV",
    ]);
  });

  test("gets values of the request where their scope matches", () => {
    const runParams = [
      { name: "A", value: "b's", scope: { stage: "s1", task: "b" } },
      { name: "A", value: "second's", scope: { stage: 1, task: 2 } },
      { name: "A", value: "nobody's", scope: { stage: 2 } },
      { name: "B", value: "all", scope: "*" as const },
    ];
    const play = playPipeline("[a b]", { jobs: { noop: declaring("A", "B") }, request: { runParams } });
    expect([setBy(play.task("a")), setBy(play.task("b"))]).toEqual([
      ["A=default JOB", "B=all RUN"],
      ["A=second's RUN", "B=all RUN"],
    ]);
  });

  test("keeps the system's names from everybody", () => {
    const play = playPipeline("a", {
      jobs: {
        noop: {
          runParams: [
            { name: "JOB_TASK_ID", value: "mine" },
            { name: "A", value: "1" },
          ],
        },
      },
      request: { runParams: { JOB_TASK_ID: "theirs" } },
    });
    expect(setBy(play.task("a"))).toEqual(["A=1 JOB"]);
  });

  test("is fixed when its turn comes, with its search labels, sensitive ones never", () => {
    const play = playPipeline("a b", {
      jobs: {
        noop: {
          runParams: [
            { name: "VERSION", searchLabel: true },
            { name: "TOKEN", searchLabel: true, sensitive: true, value: "t0ken-value" },
          ],
        },
      },
      tasks: { b: { labels: { team: "x" } } },
    });
    const before = play.task("b");
    play.report("a", "SUCCEEDED", { runtimeEnvs: { VERSION: "1.2" } });
    const { labels, params } = play.task("b");
    expect([before.labels, before.params]).toEqual([{ team: "x" }, undefined]);
    expect([labels, params?.map(({ value }) => value)]).toEqual([
      { team: "x", VERSION: "1.2" },
      ["1.2", seal("t0ken-value")],
    ]);
  });

  test("leaves lower levels alone where a client sends a mask back, at every level", () => {
    const play = playPipeline("a", {
      jobs: { noop: { runParams: [{ name: "TOKEN", sensitive: true, value: "t0ken-value" }] } },
      spec: { with: { TOKEN: "***" } },
      tasks: { a: { runParams: { TOKEN: " *** " } } },
      request: { runParams: { TOKEN: "***" } },
    });
    expect(setBy(play.task("a"))).toEqual([`TOKEN=${seal("t0ken-value")} JOB`]);
  });

  test("that does not parse fails the task when a runtime env brought it, without telling a secret", () => {
    const play = playPipeline("a b", {
      jobs: { strict: { runParams: [{ name: "N", valueType: "NUMBER", sensitive: true }] } },
      tasks: { b: { job: "strict" } },
    });
    play.report("a", "SUCCEEDED", { runtimeEnvs: { N: "not-a-number" } });
    expect(play.task("b").status).toEqual({
      stage: "FAILED",
      reason: "START_ERROR",
      message:
        "task `b`: param N (set by RUNTIME_ENV) is ***, but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991",
    });
  });
});
