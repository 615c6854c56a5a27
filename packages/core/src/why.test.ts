import { describe, expect, test } from "vitest";
import type { WhyCause } from "./schema/why.ts";
import type { Play } from "./testing/play.ts";
import { type PlayOptions, playJob, playPipeline } from "./testing/start.ts";
import { World } from "./testing/world.ts";
import { type PlaceInLine, type WhyFacts, whyTask } from "./why.ts";
import { whyRun } from "./why-run.ts";

const NOW = "2026-01-01T00:00:00.000Z";

function causesOf(play: Play, name: string, facts: WhyFacts = {}): WhyCause[] {
  return whyTask(play.state, play.task(name), facts).causes;
}

function told(play: Play, name: string) {
  const { id, stageName, status } = play.task(name);
  return { id, name, stageName, stage: status.stage };
}

const place: PlaceInLine = {
  key: "slots",
  sentence: "waits for one of 2 task slots; 1 before it in line",
  limit: 2,
  held: 2,
  holders: ["task-x", "task-y"],
  place: 1,
  since: NOW,
};

/** The run that is the work of `a`. */
function childOf(play: Play): string {
  return play.task("a").status.child?.runId as string;
}

type Case = [
  what: string,
  shape: string,
  options: PlayOptions,
  task: string,
  act: (play: Play) => void,
  cause: (play: Play) => WhyCause,
  facts?: WhyFacts,
];

const nothing = () => {};

const cases: Case[] = [
  [
    "the tasks that it needs",
    "[a b c d]",
    { tasks: { d: { needs: ["a", "b", "c"] } } },
    "d",
    (play) => play.report("b", "SUCCEEDED"),
    (play) => ({
      kind: "TASKS",
      sentence: "needs `a` (CREATING) and `c` (CREATING)",
      tasks: [told(play, "a"), told(play, "c")],
      count: 2,
    }),
  ],
  [
    "the task before it in its stage",
    "a b",
    {},
    "b",
    (play) => play.report("a", "ACTIVE"),
    (play) => ({
      kind: "TASKS",
      sentence: "comes after `a` (ACTIVE)",
      tasks: [told(play, "a")],
      count: 1,
    }),
  ],
  [
    "the turn of its stage",
    "a > b c > [d e]",
    {},
    "d",
    nothing,
    (play) => ({
      kind: "STAGES",
      sentence:
        "its stage comes after stages `s1` and `s2`, which still have `a` (CREATING), `b` (PENDING) and `c` (PENDING)",
      stages: ["s1", "s2"],
      tasks: [told(play, "a"), told(play, "b"), told(play, "c")],
      count: 3,
    }),
  ],
  [
    "all other stages when its own is `finally`",
    "a > b",
    { stages: { s2: { finally: true } } },
    "b",
    nothing,
    (play) => ({
      kind: "STAGES",
      sentence: "its `finally` stage comes after all others; stage `s1` still has `a` (CREATING)",
      stages: ["s1"],
      tasks: [told(play, "a")],
      count: 1,
    }),
  ],
  [
    "`maxParallel` of its stage",
    "[a b c]/2",
    {},
    "c",
    (play) => play.report("a", "ACTIVE"),
    (play) => ({
      kind: "STAGE_WIDTH",
      sentence: "waits: at most 2 of stage `s1` at once, now `a` (ACTIVE) and `b` (CREATING)",
      tasks: [told(play, "a"), told(play, "b")],
      count: 2,
      limit: 2,
    }),
  ],
  [
    "`maxParallel` of its matrix",
    "[a]",
    { tasks: { a: { matrix: { params: { N: [1, 2] }, maxParallel: 1 } } } },
    "a (2)",
    nothing,
    (play) => ({
      kind: "MATRIX_WIDTH",
      sentence: "waits: at most 1 of its matrix at once, now `a (1)` (CREATING)",
      tasks: [told(play, "a (1)")],
      count: 1,
      limit: 1,
    }),
  ],
  [
    "a task slot",
    "a",
    { world: new World({ slots: 0 }) },
    "a",
    nothing,
    () => ({
      kind: "IN_LINE",
      sentence: "waits for one of 2 task slots; 1 before it in line",
      key: "slots",
      held: 2,
      holders: ["task-x", "task-y"],
      place: 1,
      limit: 2,
      since: NOW,
    }),
    { placeOf: (id) => (id.startsWith("task-") ? place : undefined) },
  ],
  [
    "the end of a pause",
    "a",
    { world: new World({ slots: 0 }) },
    "a",
    nothing,
    () => ({
      kind: "IN_LINE",
      sentence: "waits: the run is paused by ann since then: lunch",
      key: "run/run-1",
      held: 0,
      holders: [],
      place: 0,
      by: "ann",
      message: "lunch",
      since: NOW,
    }),
    {
      placeOf: (id) =>
        id.startsWith("task-")
          ? {
              key: "run/run-1",
              sentence: "waits: the run is paused by ann since then: lunch",
              held: 0,
              holders: [],
              place: 0,
              closure: { by: "ann", at: NOW, message: "lunch" },
            }
          : undefined,
    },
  ],
  [
    "the time of its next attempt",
    "a",
    { tasks: { a: { retry: { limit: 3, backoff: { initial: "30s" } } } } },
    "a",
    (play) => play.report("a", "FAILED", { reason: "EXIT_CODE", message: "step `x` exited with 1" }),
    () => ({
      kind: "RETRY",
      sentence: "waits until 2026-01-01T00:00:30.000Z for attempt 2, after: step `x` exited with 1",
      attempt: 2,
      reason: "EXIT_CODE",
      message: "step `x` exited with 1",
      until: "2026-01-01T00:00:30.000Z",
    }),
  ],
  [
    "its audit",
    "a",
    { tasks: { a: { audit: { auditors: ["ann", "bob"], required: 2, expiresIn: "1h" } } } },
    "a",
    (play) => play.audit("a", "PASS", "ann"),
    () => ({
      kind: "AUDIT",
      sentence:
        "waits for the audit by bob (1 of 2 passed) since 2026-01-01T00:00:00.000Z, until 2026-01-01T01:00:00.000Z",
      people: ["bob"],
      passed: 1,
      required: 2,
      since: NOW,
      until: "2026-01-01T01:00:00.000Z",
    }),
  ],
  [
    "its confirm",
    "a",
    { tasks: { a: { confirm: { checkers: ["ann"] } } } },
    "a",
    (play) => play.report("a", "SUCCEEDED"),
    () => ({
      kind: "CONFIRM",
      sentence: "reported SUCCEEDED; waits for the confirm by ann since 2026-01-01T00:00:00.000Z",
      people: ["ann"],
      passed: 0,
      required: 1,
      since: NOW,
    }),
  ],
  [
    "its runner, which says why",
    "a",
    {},
    "a",
    nothing,
    () => ({
      kind: "CREATING",
      sentence: "waits for one of 3 places in the cluster; 0 before it in line",
      message: "waits for one of 3 places in the cluster; 0 before it in line",
    }),
    { runnerWait: () => "waits for one of 3 places in the cluster; 0 before it in line" },
  ],
  [
    "trouble of its pod",
    "a",
    { tasks: { a: { timeout: "10m" } } },
    "a",
    (play) => play.report("a", "CREATING", { message: "the image cannot be pulled" }),
    () => ({
      kind: "CREATING",
      sentence: "is being created: the image cannot be pulled",
      message: "the image cannot be pulled",
      until: "2026-01-01T00:10:00.000Z",
    }),
  ],
  [
    "its status call",
    "a",
    { jobs: { noop: { manualUpdateStatus: true } } },
    "a",
    (play) => {
      play.status("a", "ACTIVE");
      play.report("a", "SUCCEEDED");
    },
    () => ({
      kind: "STATUS_CALL",
      sentence:
        "its work has ended at 2026-01-01T00:00:00.000Z; waits for its status call until 2026-01-01T00:00:30.000Z",
      since: NOW,
      until: "2026-01-01T00:00:30.000Z",
    }),
  ],
  [
    "the end of its work when it is canceled",
    "a",
    {},
    "a",
    (play) => {
      play.report("a", "ACTIVE");
      play.cancel("a", "wrong branch");
    },
    () => ({
      kind: "STOPPING",
      sentence: "was canceled by starter (wrong branch); waits for its work to stop",
      stopping: "CANCEL",
      by: "starter",
      message: "wrong branch",
    }),
  ],
  [
    "the end of its work that its runner knows nothing of",
    "a",
    {},
    "a",
    (play) => {
      play.report("a", "ACTIVE");
      play.cancel("a");
    },
    () => ({
      kind: "STOPPING",
      sentence: "was canceled by starter; waits for its work to stop: node n1 does not answer",
      stopping: "CANCEL",
      by: "starter",
    }),
    { runnerWait: () => "node n1 does not answer" },
  ],
  [
    "the end of its work when its time is over",
    "a",
    { tasks: { a: { timeout: "10s" } } },
    "a",
    (play) => {
      play.report("a", "ACTIVE");
      play.wake("a");
    },
    () => ({
      kind: "STOPPING",
      sentence: "timed out after 10s; waits for its work to stop",
      stopping: "TIMEOUT",
      message: "timed out after 10s",
    }),
  ],
  [
    "somebody outside when it is MANUAL",
    "a",
    { jobs: { noop: { runnerType: "MANUAL" } } },
    "a",
    (play) => play.report("a", "ACTIVE", { message: "the ticket is closed" }),
    () => ({
      kind: "STATUS_CALL",
      sentence: "waits for a status call: the ticket is closed",
      message: "the ticket is closed",
      since: NOW,
    }),
  ],
  [
    "the run that is its work",
    "a",
    { jobs: { noop: { runnerType: "PIPELINE", runnerSpec: { pipeline: "builds" } } } },
    "a",
    (play) => play.report("a", "ACTIVE"),
    (play) => ({
      kind: "CHILD_RUN",
      sentence: `waits for run ${childOf(play)}`,
      runId: childOf(play),
      since: NOW,
    }),
  ],
  [
    "what the run waits for that is its work",
    "a",
    { jobs: { noop: { runnerType: "PIPELINE", runnerSpec: { pipeline: "builds" } } } },
    "a",
    (play) => play.report("a", "ACTIVE"),
    (play) => ({
      kind: "CHILD_RUN",
      sentence: `waits for run ${childOf(play)}, which ${place.sentence}`,
      runId: childOf(play),
      key: "slots",
      held: 2,
      holders: ["task-x", "task-y"],
      place: 1,
      limit: 2,
      since: NOW,
    }),
    { placeOf: (id) => (id.startsWith("run-") ? place : undefined) },
  ],
  [
    "nothing while it runs",
    "a",
    { tasks: { a: { timeout: "10s" } } },
    "a",
    (play) => play.report("a", "ACTIVE"),
    () => ({
      kind: "RUNS",
      sentence: "runs since 2026-01-01T00:00:00.000Z, until 2026-01-01T00:00:10.000Z at the latest",
      since: NOW,
      until: "2026-01-01T00:00:10.000Z",
    }),
  ],
  [
    "the store of its files, though it runs",
    "a",
    { tasks: { a: { timeout: "10s" } } },
    "a",
    (play) => play.report("a", "ACTIVE"),
    () => ({
      kind: "FILES",
      sentence: "waits for files that it fetches: the store is away",
      since: NOW,
      until: "2026-01-01T00:00:10.000Z",
    }),
    { runnerWait: () => "waits for files that it fetches: the store is away" },
  ],
  [
    "status calls alone while they tell its stage",
    "a",
    { jobs: { noop: { manualUpdateStatus: true } } },
    "a",
    (play) => play.status("a", "ACTIVE"),
    () => ({
      kind: "RUNS",
      sentence: "runs since 2026-01-01T00:00:00.000Z; a status call says when it ends",
      since: NOW,
    }),
  ],
];

describe("a task says that it waits for", () => {
  test.each(cases)("%s", (_what, shape, options, task, act, cause, facts) => {
    const play = playPipeline(shape, options);
    act(play);
    expect(causesOf(play, task, facts)).toEqual([cause(play)]);
  });

  test("nothing once it has ended", () => {
    const play = playPipeline("a b");
    play.report("a", "SUCCEEDED");
    const { id, status } = play.task("a");
    expect(whyTask(play.state, play.task("a"), {})).toEqual({
      id,
      name: "a",
      stage: status.stage,
      causes: [],
    });
  });

  test("its people when it runs alone", () => {
    const play = playJob({ audit: { auditors: ["ann"] } });
    expect(whyTask(play.state, play.task(), {}).causes.map(({ kind, people }) => [kind, people])).toEqual([
      ["AUDIT", ["ann"]],
    ]);
  });

  test("many tasks, of which the first ten are listed", () => {
    const names = Array.from({ length: 30 }, (_, index) => `t${index}`);
    const play = playPipeline(`[${names.join(" ")}] > z`);
    const [cause] = causesOf(play, "z");
    expect([cause?.sentence, cause?.tasks?.length, cause?.count]).toEqual([
      "its stage comes after stage `s1`, which still has `t0` (CREATING), `t1` (CREATING), `t2` (CREATING) and 27 more",
      10,
      30,
    ]);
  });
});

describe("a run says", () => {
  const say = (play: Play, facts: WhyFacts = {}) =>
    whyRun(play.state, play.run, facts).causes.map(({ kind, sentence, count }) => [kind, sentence, count]);

  test("what its unfinished tasks wait for, grouped", () => {
    const play = playPipeline("[a b c d e f]/5 > g h", {
      tasks: { a: { audit: { auditors: ["ann"] } }, e: { confirm: { checkers: ["bob"] } } },
    });
    play.report("b", "ACTIVE");
    play.report("c", "ACTIVE");
    play.report("e", "SUCCEEDED");
    expect(say(play)).toEqual([
      ["AUDIT", "task `a` waits for the audit by ann since 2026-01-01T00:00:00.000Z", 1],
      [
        "CONFIRM",
        "task `e` reported SUCCEEDED; waits for the confirm by bob since 2026-01-01T00:00:00.000Z",
        1,
      ],
      ["CREATING", "task `d` is being created", 1],
      ["RUNS", "2 tasks run: `b` and `c`", 2],
      ["STAGE_WIDTH", "task `f` waits, for `maxParallel` of its stage is reached", 1],
      ["STAGES", "2 tasks wait for earlier stages: `g` and `h`", 2],
    ]);
  });

  test("which limit several tasks wait for", () => {
    const play = playPipeline("[a b c d]", { world: new World({ slots: 0 }) });
    const facts: WhyFacts = { placeOf: (id) => (id.startsWith("task-") ? place : undefined) };
    const { causes } = whyRun(play.state, play.run, facts);
    expect(causes).toEqual([
      {
        kind: "IN_LINE",
        sentence: "4 tasks wait in line (slots): `a`, `b`, `c` and 1 more",
        key: "slots",
        limit: 2,
        held: 2,
        holders: ["task-x", "task-y"],
        tasks: ["a", "b", "c", "d"].map((name) => told(play, name)),
        count: 4,
      },
    ]);
  });

  test("what keeps it as a whole, before what its tasks do", () => {
    const play = playPipeline("a");
    const sentence = "waits for the sequence lock of pipeline `p`, held by run-9, 0 before it in line";
    const facts: WhyFacts = {
      placeOf: (id) =>
        id === play.run.id
          ? { key: "sequence/default/default/p", sentence, limit: 1, held: 1, holders: ["run-9"], place: 0 }
          : undefined,
    };
    expect(say(play, facts)).toEqual([
      ["IN_LINE", sentence, undefined],
      ["CREATING", "task `a` is being created", 1],
    ]);
  });

  test("the lock alone while it has not begun, and so do its tasks", () => {
    const play = playPipeline("a");
    const { status } = play.run;
    const run = { ...play.run, status: { ...status, stage: "PENDING" as const } };
    const task = { ...play.task("a"), open: undefined, status: { stage: "PENDING" as const } };
    const state = { ...play.state, run };
    const sentence = "waits for the sequence lock of pipeline `p`, held by run-9, 0 before it in line";
    const line = {
      key: "sequence/default/default/p",
      sentence,
      limit: 1,
      held: 1,
      holders: ["run-9"],
      place: 0,
    };
    const facts: WhyFacts = { placeOf: (id) => (id === run.id ? line : undefined) };
    const { sentence: _, ...rest } = line;
    const cause = { kind: "IN_LINE", ...rest };
    expect([whyRun(state, run, facts).causes, whyTask(state, task, facts).causes]).toEqual([
      [{ ...cause, sentence }],
      [{ ...cause, sentence: `its run ${sentence}` }],
    ]);
  });

  test("that it has failed, and what still runs", () => {
    const play = playPipeline("[a b] > c", { stages: { s2: { finally: true } } });
    play.report("b", "ACTIVE");
    play.report("a", "FAILED");
    expect(say(play)).toEqual([
      ["STOPPING", "has failed (task `a` failed); what runs has to end", undefined],
      ["RUNS", "task `b` runs since 2026-01-01T00:00:00.000Z", 1],
      ["STAGES", "task `c` waits for earlier stages", 1],
    ]);
  });

  test("that it is being canceled, by whom and why", () => {
    const play = playPipeline("[a b]");
    play.cancelRun("wrong branch");
    expect(say(play)).toEqual([
      ["STOPPING", "is being canceled by starter (wrong branch); what runs has to end", undefined],
      ["STOPPING", "2 tasks are being stopped: `a` and `b`", 2],
    ]);
  });

  test("nothing once it has ended", () => {
    const play = playPipeline("a");
    play.report("a", "SUCCEEDED");
    expect(whyRun(play.state, play.run, {})).toEqual({
      id: play.run.id,
      name: "p",
      stage: "SUCCEEDED",
      causes: [],
    });
  });
});

test("a run says that it is paused while all that it does still runs, and once when tasks wait for that", () => {
  const play = playPipeline("a > b");
  play.submit({ type: "pauseRun", request: { message: "lunch" } }, { name: "ann", operator: true });
  const key = `run/${play.run.id}`;
  expect(whyRun(play.state, play.run, {}).causes[0]).toEqual({
    kind: "IN_LINE",
    sentence: `is paused by ann since ${NOW}: lunch; what runs goes on, and nothing new starts`,
    key,
    by: "ann",
    since: NOW,
    message: "lunch",
  });
  play.report("a", "SUCCEEDED");
  const placeOf = (id: string) =>
    id.startsWith("task-")
      ? { key, sentence: "waits: the run is paused", held: 0, holders: [], place: 0 }
      : undefined;
  const { causes } = whyRun(play.state, play.run, { placeOf });
  expect(causes.map(({ sentence }) => sentence)).toEqual(["task `b` waits: the run is paused"]);
});
