// The rule of reruns as a table: what is kept, what runs again, and why.

import { describe, expect, test } from "vitest";
import { againTasks } from "../again.ts";
import type { RerunRequest } from "../schema/request.ts";
import type { Play } from "../testing/play.ts";
import { refusal } from "../testing/play.ts";
import { type PlayOptions, playPipeline, playRerun, recordOf } from "../testing/start.ts";

/** Ends the run: open tasks of these names FAIL, all others SUCCEED; envs are put out by name. */
function finish(
  play: Play,
  failing: readonly string[] = [],
  envs: Record<string, Record<string, string>> = {},
): Play {
  for (let round = 0; round < 50; round++) {
    const open = [...play.state.tasks.values()].filter(({ open, status }) => open && !status.reported);
    if (open.length === 0) return play;
    for (const { name, audit } of open) {
      if (audit?.stage === "WAITING") play.audit(name, "PASS", "ann");
      const runtimeEnvs = envs[name];
      play.report(name, failing.includes(name) ? "FAILED" : "SUCCEEDED", {
        ...(runtimeEnvs && { runtimeEnvs }),
      });
    }
  }
  throw new Error(`it does not end: ${play.stages}`);
}

/** `task DOES why` of a rerun. */
function planOf(play: Play, request: RerunRequest = {}): string[] {
  const again = playRerun(play, request);
  const madeOf = { how: "RERUN", old: recordOf(play), request } as const;
  return againTasks(madeOf, again.state, play.world.context()).map(
    ({ name, does, why }) => `${name} ${does} ${why}`,
  );
}

const params = { jobs: { noop: { runParams: [{ name: "VERSION" }] }, other: {} } };
const cond = (when: string) => ({ when });

const table: [
  rule: string,
  shape: string,
  options: PlayOptions,
  failing: string[],
  request: RerunRequest,
  plan: string[],
][] = [
  [
    "what succeeded is kept, what failed or never started runs",
    "a > [b c] > d",
    {},
    ["c"],
    {},
    [
      "a KEEP it succeeded",
      "b KEEP it succeeded",
      "c RUN it failed",
      "d RUN it was skipped (RUN_FAILED), which is decided anew",
    ],
  ],
  [
    "ALL keeps nothing",
    "a b",
    {},
    ["b"],
    { mode: "ALL" },
    ["a RUN all tasks run again", "b RUN all tasks run again"],
  ],
  ["a run that succeeded runs again whole", "a", {}, [], {}, ["a RUN all tasks run again"]],
  [
    "FROM runs a task and all after it",
    "a > [b c] > d",
    {},
    [],
    { from: "b" },
    [
      "a KEEP it succeeded",
      "b RUN it runs again as asked",
      "c KEEP it succeeded",
      "d RUN it comes after `b`",
    ],
  ],
  [
    "FROM goes by `needs`, and takes a task with its stage",
    "[a b c]",
    { tasks: { b: { needs: ["a"] } } },
    [],
    { mode: "FROM", from: "s1/a" },
    ["a RUN it runs again as asked", "b RUN it comes after `a`", "c KEEP it succeeded"],
  ],
  [
    "FROM runs too what failed elsewhere",
    "[a b]",
    { tasks: { a: { ignoreFailed: true } } },
    ["a"],
    { from: "b" },
    ["a RUN it failed", "b RUN it runs again as asked"],
  ],
  [
    "a `finally` stage always runs again",
    "a b > f",
    { stages: { s2: { finally: true } } },
    ["b"],
    {},
    ["a KEEP it succeeded", "b RUN it failed", "f RUN its stage is `finally`, which runs in every run"],
  ],
  [
    "what comes after a failure that was ignored is kept",
    "a > b",
    { tasks: { a: { ignoreFailed: true } } },
    ["a"],
    { mode: "FAILED" },
    ["a RUN it failed", "b KEEP it succeeded"],
  ],
  [
    "a task with another value runs again, and all after it",
    "[a b] > c > d",
    { ...params, tasks: { b: { job: "other" }, c: { job: "other" }, d: { job: "other" } } },
    ["d"],
    { runParams: { VERSION: "2" } },
    [
      "a RUN its param VERSION has another value",
      "b KEEP it succeeded",
      "c RUN it comes after `a`, which runs again with other values",
      "d RUN it failed",
    ],
  ],
  [
    "a value for one task concerns that one",
    "[a b] > c",
    params,
    [],
    { mode: "FAILED", runParams: [{ name: "VERSION", value: "2", scope: { task: "c" } }] },
    ["a KEEP it succeeded", "b KEEP it succeeded", "c RUN its param VERSION has another value"],
  ],
  [
    "a value that a higher level sets changes nothing",
    "a b",
    { ...params, spec: { with: [{ name: "VERSION", value: "9", readOnly: true }] } },
    ["b"],
    { runParams: { VERSION: "2" } },
    ["a KEEP it succeeded", "b RUN it failed"],
  ],
  [
    "a `when` that asks for another value is decided anew",
    "a b",
    {
      tasks: { a: { when: 'has(params.WHAT) ? params.WHAT != "no" : true', job: "other" } },
      jobs: { other: {} },
    },
    ["b"],
    { runParams: { WHAT: "x" } },
    ["a RUN its `when` asks for WHAT, which has another value", "b RUN it failed"],
  ],
  [
    "a masked value means unchanged",
    "a b",
    { ...params, request: { runParams: { VERSION: "1" } } },
    ["b"],
    { runParams: { VERSION: "***" } },
    ["a KEEP it succeeded", "b RUN it failed"],
  ],
  [
    "what a condition skipped is decided anew",
    "a b",
    { tasks: { a: cond("false") } },
    ["b"],
    {},
    ["a RUN it was skipped (WHEN_FALSE), which is decided anew", "b RUN it failed"],
  ],
  [
    "ways of a matrix are kept one by one",
    "a > b",
    { tasks: { a: { matrix: { params: { OS: ["x", "y"] } } } } },
    ["a (y)"],
    {},
    [
      "a (x) KEEP it succeeded",
      "a (y) RUN it failed",
      "b RUN it was skipped (RUN_FAILED), which is decided anew",
    ],
  ],
];

test.each(table)("%s", (_rule, shape, options, failing, request, plan) => {
  const play = finish(playPipeline(shape, options), failing);
  expect(planOf(play, request)).toEqual(plan);
});

describe("a matrix from a runtime env", () => {
  const options: PlayOptions = { tasks: { b: { matrix: { fromEnv: "OS" } } } };
  const envs = { a: { OS: '["x","y"]' } };

  test("keeps its ways when the task that it comes from is kept", () => {
    const play = finish(playPipeline("a > b > c", options), ["b (y)"], envs);
    const again = playRerun(play);
    expect(again.stages).toEqual(["a: SUCCEEDED", "b (x): SUCCEEDED", "b (y): CREATING", "c: PENDING"]);
    finish(again);
    expect(again.run.status).toMatchObject({ stage: "SUCCEEDED", progress: { tasks: 4, open: 0, ended: 4 } });
  });

  test("is expanded anew when that task runs again", () => {
    const play = finish(playPipeline("a > b > c", options), [], envs);
    const again = playRerun(play, { from: "a" });
    expect(again.stages).toEqual(["a: CREATING", "b: PENDING", "c: PENDING"]);
    finish(again, [], { a: { OS: '["z"]' } });
    expect(again.stages).toEqual(["a: SUCCEEDED", "b (z): SUCCEEDED", "c: SUCCEEDED"]);
  });

  test("runs again as a whole when the task that it comes from does, though it succeeded", () => {
    const tasks = { ...options.tasks, a: { ignoreFailed: true } };
    const play = finish(playPipeline("a > b > c", { tasks }), ["a"], envs);
    expect(planOf(play, { mode: "FAILED" })).toEqual([
      "a RUN it failed",
      "b RUN its combinations come from OS, which `a` puts out again",
      "c RUN it comes after `b`, which runs again with other values",
    ]);
  });
});

describe("a rerun", () => {
  test("shows what it kept as it ended, with one event, and goes on from there", () => {
    const play = finish(playPipeline("a > b > c"), ["b"], { a: { IMAGE: "i:1" } });
    const old = play.task("a");
    const again = playRerun(play);
    expect(again.task("a")).toEqual({
      ...old,
      id: again.task("a").id,
      pipelineTaskId: again.run.id,
      keptFrom: { runId: play.run.id, taskId: old.id },
      exportedAt: -1,
      createdAt: again.world.now,
      updatedAt: again.world.now,
      revision: 1,
    });
    expect(again.run.rerunOf).toEqual({ runId: play.run.id, mode: "FAILED" });
    expect(again.lines()).toEqual(["run: ACTIVE", "a: TASK_KEPT SUCCEEDED", "b: PENDING -> CREATING"]);
    expect(again.state.exported.get("IMAGE")).toBe("i:1");
  });

  test("names the task that did the work when it is kept twice", () => {
    const play = finish(playPipeline("a > b"), ["b"]);
    const second = finish(playRerun(play), ["b"]);
    expect(playRerun(second).task("a").keptFrom).toEqual({ runId: play.run.id, taskId: play.task("a").id });
  });

  test("waits for an earlier stage that runs again, though its own stage holds a kept task", () => {
    const tasks = { a: { ignoreFailed: true } };
    const play = finish(playPipeline("[a b] > [c d]", { tasks }), ["a", "d"]);
    const again = playRerun(play);
    expect(again.stages).toEqual(["a: CREATING", "b: SUCCEEDED", "c: SUCCEEDED", "d: PENDING"]);
    finish(again);
    expect(again.run.status.stage).toBe("SUCCEEDED");
  });

  test("hands on all ways of a matrix together, kept ones and those that ran again", () => {
    const tasks = { a: { matrix: { params: { OS: ["x", "y"] } } } };
    const play = finish(playPipeline("a > b", { tasks }), ["a (y)"], { "a (x)": { OUT: "1" } });
    const again = finish(playRerun(play), [], { "a (y)": { OUT: "2" } });
    expect(again.state.exported.get("OUT")).toBe('["1","2"]');
  });

  test("asks the audit of a task that runs again, and keeps a kept one as it was decided", () => {
    const audit = { auditors: ["ann"], allowSelf: false };
    const play = finish(playPipeline("a > b", { tasks: { a: { audit }, b: { audit } } }), ["b"]);
    const again = playRerun(play);
    expect([again.task("a").audit?.stage, again.task("b").audit?.stage]).toEqual(["PASS", "WAITING"]);
    expect(again.task("a").audit?.decisions).toHaveLength(1);
  });

  test("asks again the gate of a task whose content changed", () => {
    const tasks = { a: { audit: { auditors: ["ann"] } } };
    const play = finish(playPipeline("a > b", { ...params, tasks }), ["b"]);
    const again = playRerun(play, { runParams: { VERSION: "2" } });
    expect(again.task("a").audit?.stage).toBe("WAITING");
  });

  test("runs a kept task here when a result is pushed back to it", () => {
    const confirm = { checkers: ["ann"] };
    const play = finish(playPipeline("a > b", { tasks: { b: { confirm } } }), ["a"]);
    const ran = finish(playRerun(play), ["b"]);
    ran.confirm("b", "DENY", "ann", "no");
    const again = playRerun(ran);
    expect(again.task("a").keptFrom).toBeDefined();
    again.report("b", "SUCCEEDED");
    again.pushBack("b", "a");
    const { keptFrom, attempt, status, pastAttempts } = again.task("a");
    expect([keptFrom, attempt, status.stage, pastAttempts?.length]).toEqual([undefined, 2, "CREATING", 1]);
  });

  test("keeps secrets sealed, and keeps a value secret that was one", () => {
    const request = { runParams: [{ name: "VERSION", value: "hidden-1", sensitive: true }] };
    const play = finish(playPipeline("a > b", { ...params, request }), ["b"]);
    const again = playRerun(play, { runParams: { VERSION: "hidden-2" } });
    const stored = JSON.stringify([again.state.definition, ...again.decisions]);
    expect(stored).not.toContain("hidden-");
    expect(again.task("a").params).toMatchObject([{ name: "VERSION", sensitive: true, setBy: "RUN" }]);
  });

  test("takes the lock that the old run had", () => {
    const request = { labels: { env: "prod" }, sequenceLabelKey: "env" };
    const play = finish(playPipeline("a", { request }), ["a"]);
    const again = playRerun(play);
    expect(again.run.lockKey).toBe(play.run.lockKey);
    expect(refusal(() => playRerun(play))).toContain("PIPELINE_IS_RUNNING");
  });

  test.each<[what: string, act: () => unknown, said: string]>([
    [
      "of a run that has not ended",
      () => playRerun(playPipeline("a")),
      "RUN_NOT_ENDED: run run-00000000000000000000000001 is ACTIVE; it is run again once it has ended",
    ],
    [
      "that would keep everything",
      () => playRerun(finish(playPipeline("a")), { mode: "FAILED" }),
      "NOTHING_TO_RUN_AGAIN: nothing of run run-00000000000000000000000001 would run again: no task failed",
    ],
    [
      "with values that no task runs with",
      () => playRerun(finish(playPipeline("a")), { mode: "FAILED", runParams: { NONE: "1" } }),
      "NOTHING_TO_RUN_AGAIN: nothing of run run-00000000000000000000000001 would run again: no task failed, and no task runs with the values that changed",
    ],
    [
      "from one way of a matrix",
      () => playRerun(finish(playPipeline("build")), { from: "build (linux, 18)" }),
      "BAD_REQUEST: the run runs again from no single way, `build (linux, 18)`; the ways of a matrix run again together: name `build`",
    ],
    [
      "from a stage",
      () => playRerun(finish(playPipeline("build")), { from: "s1" }),
      "BAD_REQUEST: `s1` is a stage; name a task of it: `build`",
    ],
    [
      "from a task that is not there",
      () => playRerun(finish(playPipeline("build")), { from: "buidl" }),
      "BAD_REQUEST: the run has no task `buidl` to run again from; did you mean `build`?",
    ],
    [
      "FROM without a task",
      () => playRerun(finish(playPipeline("a")), { mode: "FROM" }),
      "BAD_REQUEST: mode FROM needs the task in `from`",
    ],
    [
      "ALL from a task",
      () => playRerun(finish(playPipeline("a")), { mode: "ALL", from: "a" }),
      "BAD_REQUEST: `from` goes with mode FROM, not with ALL; leave one of them out",
    ],
  ])("is refused %s", (_what, act, said) => {
    expect(refusal(act)).toBe(said);
  });
});
