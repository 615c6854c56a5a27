import { describe, expect, test } from "vitest";
import type { TaskSpec } from "../schema/pipeline.ts";
import { refusal } from "../testing/play.ts";
import { playPipeline } from "../testing/start.ts";
import { isSealed, unseal } from "../testing/world.ts";

const jobs = { noop: { runParams: [{ name: "OS" }, { name: "LIST" }, { name: "OUT" }] } };

/** `a` puts out LIST, and `b` runs once for each of what it holds. */
function play(b: Partial<TaskSpec> = {}, shape = "a > b > c") {
  return playPipeline(shape, { jobs, tasks: { b: { matrix: { fromEnv: "LIST" }, ...b } } });
}

describe("a matrix", () => {
  test("makes a task of each combination, with its values above all others", () => {
    const run = playPipeline("b", {
      jobs,
      tasks: { b: { matrix: { params: { OS: ["linux", "mac"] } }, runParams: { OS: "none" } } },
      request: { runParams: { OS: "asked" } },
    });
    expect([run.stages, run.run.status.progress]).toEqual([
      ["b (linux): CREATING", "b (mac): CREATING"],
      { tasks: 2, open: 2, ended: 0 },
    ]);
    expect(run.task("b (mac)").params).toEqual([
      { name: "OS", value: "mac", usageType: "ENV", valueType: "TEXT", setBy: "MATRIX" },
    ]);
  });

  test("runs `maxParallel` of its ways at a time, and the stage goes on when all have ended", () => {
    const matrix = { params: { OS: ["1", "2", "3"] }, maxParallel: 2 };
    const run = playPipeline("b > c", { jobs, tasks: { b: { matrix } } });
    expect(run.stages).toEqual(["b (1): CREATING", "b (2): CREATING", "b (3): PENDING", "c: PENDING"]);
    run.report("b (2)", "SUCCEEDED");
    expect(run.stages[2]).toBe("b (3): CREATING");
    run.report("b (1)", "SUCCEEDED");
    run.report("b (3)", "SUCCEEDED");
    expect(run.stages[3]).toBe("c: CREATING");
  });

  test("runs `maxParallel` of its ways at a time also after a restart", () => {
    const matrix = { params: { OS: ["1", "2", "3"] }, maxParallel: 1 };
    const run = playPipeline("b > c", { jobs, tasks: { b: { matrix } } });
    run.restart();
    for (const name of ["b (1)", "b (2)", "b (3)"]) {
      run.report(name, "SUCCEEDED");
      run.restart();
    }
    expect(run.stages).toEqual(["b (1): SUCCEEDED", "b (2): SUCCEEDED", "b (3): SUCCEEDED", "c: CREATING"]);
  });

  test("lets none begin for one that was canceled before its turn", () => {
    const matrix = { params: { OS: ["1", "2", "3"] }, maxParallel: 1 };
    const run = playPipeline("b > c", { jobs, tasks: { b: { matrix, ignoreFailed: true } } });
    run.cancel("b (3)");
    expect(run.stages.slice(0, 3)).toEqual(["b (1): CREATING", "b (2): PENDING", "b (3): CANCELED"]);
    run.report("b (1)", "SUCCEEDED");
    expect(run.stages.slice(1)).toEqual(["b (2): CREATING", "b (3): CANCELED", "c: PENDING"]);
  });

  test("hands its runtime envs on as lists, in the order of its ways, once all have ended", () => {
    const run = playPipeline("b > c", { jobs, tasks: { b: { matrix: { params: { OS: ["1", "2"] } } } } });
    run.report("b (2)", "SUCCEEDED", { runtimeEnvs: { OUT: "two", own: "x" } });
    expect(run.state.exported.get("OUT")).toBeUndefined();
    run.report("b (1)", "SUCCEEDED", { runtimeEnvs: { OUT: "one" } });
    expect(run.task("c").params?.find(({ name }) => name === "OUT")?.value).toBe('["one","two"]');
  });

  test("seals a list that holds a secret", () => {
    const secret = { runParams: [{ name: "OUT", sensitive: true }] };
    const run = playPipeline("b > c", {
      jobs: { ...jobs, secret },
      tasks: { b: { matrix: { params: { OS: ["1", "2"] } } }, c: { job: "secret" } },
    });
    run.report("b (1)", "SUCCEEDED", { runtimeEnvs: { OUT: "hidden" } });
    run.report("b (2)", "SUCCEEDED", { runtimeEnvs: { OUT: "too" } });
    const sealed = run.state.exported.get("OUT") ?? "";
    expect([isSealed(sealed), unseal(sealed)]).toEqual([true, '["hidden","too"]']);
  });

  test("whose way fails fails the run, and the other ways may end", () => {
    const run = playPipeline("b > c", { jobs, tasks: { b: { matrix: { params: { OS: ["1", "2"] } } } } });
    run.report("b (1)", "FAILED");
    run.report("b (2)", "SUCCEEDED");
    expect([run.stages, run.run.status.stage]).toEqual([
      ["b (1): FAILED", "b (2): SUCCEEDED", "c: SKIPPED"],
      "FAILED",
    ]);
  });
});

describe("a matrix of secrets", () => {
  const SEEN =
    "is sensitive, and the values of a matrix are seen by everybody, in the names of its tasks; use names instead, and let each task look its secret up";
  const secret = { runParams: [{ name: "TOKEN", sensitive: true }] };

  test("that is written down is refused", () => {
    const tasks = { b: { job: "secret", matrix: { params: { TOKEN: ["one", "two"] } } } };
    expect(refusal(() => playPipeline("b", { jobs: { ...jobs, secret }, tasks }))).toBe(
      `MATRIX_INVALID: task \`b\`: param \`TOKEN\` of job \`secret\` ${SEEN}`,
    );
  });

  test.each([
    ["a list that holds one", { LIST: '["hidden-value","b"]' }, "runtime env `LIST`"],
    ["a param that is one", { LIST: '[{"TOKEN":"other-value"}]' }, "param `TOKEN` of job `secret`"],
  ])("from a runtime env fails, and shows none of them: %s", (_what, runtimeEnvs, what) => {
    const run = playPipeline("a > b", {
      jobs: { ...jobs, secret },
      tasks: {
        a: { job: "secret", runParams: [{ name: "TOKEN", value: "hidden-value" }] },
        b: { job: "secret", matrix: { fromEnv: "LIST" } },
      },
    });
    run.report("a", "SUCCEEDED", { runtimeEnvs });
    expect([run.task("b").status.stage, run.task("b").status.message]).toEqual(["FAILED", `${what} ${SEEN}`]);
    expect(JSON.stringify(run.decisions)).not.toContain("hidden-value");
  });
});

describe("a matrix from a runtime env", () => {
  test("is known when its turn comes", () => {
    const run = play();
    expect(run.stages).toEqual(["a: CREATING", "b: PENDING", "c: PENDING"]);
    run.report("a", "SUCCEEDED", { runtimeEnvs: { LIST: '["x","y"]' } });
    const { name, params, way } = run.task("b (x)");
    expect([run.task("b (y)").status.stage, run.run.status.progress, name, way]).toEqual([
      "CREATING",
      { tasks: 4, open: 2, ended: 1 },
      "b (x)",
      { number: 1, values: { LIST: "x" } },
    ]);
    expect(params?.map(({ name: param, value }) => `${param}=${value}`)).toEqual(["LIST=x"]);
  });

  test.each([
    [
      "no combination is SKIPPED, and the run goes on",
      "[]",
      "SKIPPED",
      "MATRIX_EMPTY",
      "LIST has no combination",
    ],
    [
      "no JSON fails",
      "x",
      "FAILED",
      "START_ERROR",
      'the matrix comes from the runtime env LIST, which is no JSON; put out a list, e.g. ["a","b"]',
    ],
  ])("with %s", (_what, text, stage, reason, message) => {
    const run = play();
    run.report("a", "SUCCEEDED", { runtimeEnvs: { LIST: text } });
    const { status } = run.task("b");
    expect([status.stage, status.reason, status.message]).toEqual([stage, reason, message]);
  });

  test("that nobody has put out fails", () => {
    const run = play();
    run.report("a", "SUCCEEDED");
    expect(run.task("b").status.message).toBe(
      "the matrix comes from the runtime env LIST, which no earlier task has put out",
    );
  });

  test("asks `when` before it is made, and of each way when it is about params", () => {
    const before = play({ when: "has(envs.LIST)" });
    before.report("a", "SUCCEEDED");
    expect(before.task("b").status.reason).toBe("WHEN_FALSE");
    const each = play({ when: "params.LIST != 'x'" });
    each.report("a", "SUCCEEDED", { runtimeEnvs: { LIST: '["x","y"]' } });
    expect([each.task("b (x)").status.stage, each.task("b (y)").status.stage]).toEqual([
      "SKIPPED",
      "CREATING",
    ]);
  });

  test("is made anew when what it comes from is pushed back", () => {
    const run = playPipeline("a > b > c", {
      jobs,
      tasks: { b: { matrix: { fromEnv: "LIST" } }, c: { confirm: { checkers: ["ann"] } } },
    });
    run.report("a", "SUCCEEDED", { runtimeEnvs: { LIST: '["x","y","z"]' } });
    for (const name of ["b (x)", "b (y)", "b (z)", "c"]) run.report(name, "SUCCEEDED");
    run.pushBack("c", "a");
    expect(run.stages).toEqual(["a: CREATING", "b: PENDING", "c: PENDING", "b: PENDING", "b: PENDING"]);
    run.report("a", "SUCCEEDED", { runtimeEnvs: { LIST: '["new"]' } });
    expect([run.stages, run.task("b (new)").attempt]).toEqual([
      ["a: SUCCEEDED", "b (new): CREATING", "c: PENDING", "b: SKIPPED", "b: SKIPPED"],
      2,
    ]);
    run.report("b (new)", "SUCCEEDED");
    expect(run.task("c").status.stage).toBe("CREATING");
  });
});
