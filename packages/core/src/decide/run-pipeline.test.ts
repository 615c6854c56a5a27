import { describe, expect, test } from "vitest";
import { decideNew } from "../decide.ts";
import type { AddedAuditor } from "../schema/gate.ts";
import type { JobSpec } from "../schema/job.ts";
import { pipelineOf } from "../testing/documents.ts";
import { refusal, STARTER } from "../testing/play.ts";
import { creationOf, type PlayOptions, playPipeline, playSpec } from "../testing/start.ts";
import { seal, World } from "../testing/world.ts";
import { createRun } from "./run-pipeline.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const version: Partial<JobSpec> = { runParams: [{ name: "VERSION", required: true }] };

describe("runPipeline", () => {
  test("makes the run and all its tasks, starts the first, and takes the sequence lock", () => {
    const play = playPipeline("a > b", {
      jobs: { build: { runnerType: "SHELL", timeout: "1m30s", manualUpdateStatus: true } },
      tasks: { a: { job: "build", ignoreFailed: true, labels: { team: "x" } } },
      scope: { domain: "shop", namespace: "web" },
    });
    const [decision] = play.decisions;
    const { id } = play.run;
    const [a, b] = [play.task("a").id, play.task("b").id];
    const row = {
      domain: "shop",
      namespace: "web",
      pipelineTaskId: id,
      taskNumber: 1,
      startedBy: "starter",
      createdAt: T0,
      updatedAt: T0,
      revision: 1,
    };
    expect(decision).toEqual({
      id,
      definition: play.state.definition,
      run: {
        id,
        domain: "shop",
        namespace: "web",
        name: "p",
        pipelineId: "pipeline-p",
        labels: {},
        triggerMode: "MANUAL",
        runBy: "starter",
        lockKey: "sequence/shop/web/p",
        needs: [{ key: "sequence/shop/web/p", limit: 1 }, { key: "pipeline-runs/shop/web/p" }],
        status: { stage: "ACTIVE", startAt: T0, progress: { tasks: 2, open: 1, ended: 0 } },
        createdAt: T0,
        updatedAt: T0,
        revision: 1,
      },
      tasks: [
        {
          ...row,
          id: a,
          name: "a",
          open: true,
          stageName: "s1",
          stageNumber: 1,
          job: { id: "job-build", name: "build", version: "v1" },
          runnerType: "SHELL",
          attempt: 1,
          manualUpdateStatus: true,
          ignoreFailed: true,
          timeoutMs: 90_000,
          labels: { team: "x" },
          params: [],
          status: { stage: "CREATING" },
          wakeAt: "2026-01-01T00:01:30.000Z",
        },
        {
          ...row,
          id: b,
          name: "b",
          stageName: "s2",
          stageNumber: 2,
          job: { id: "job-noop", name: "noop", version: "v1" },
          runnerType: "FAKE",
          attempt: 0,
          status: { stage: "PENDING" },
        },
      ],
      history: [
        {
          type: "RUN_STAGE",
          at: T0,
          domain: "shop",
          namespace: "web",
          pipelineTaskId: id,
          name: "p",
          stage: "ACTIVE",
          actor: "starter",
        },
        {
          type: "TASK_STAGE",
          at: T0,
          domain: "shop",
          namespace: "web",
          pipelineTaskId: id,
          taskId: a,
          name: "a",
          attempt: 1,
          from: "PENDING",
          stage: "CREATING",
          actor: "starter",
        },
      ],
      effects: [{ kind: "START", taskId: a, attempt: 1 }],
      claims: ["sequence/shop/web/p"],
      releases: [],
      notices: [],
      records: [],
      progress: expect.anything(),
    });
  });

  test("keeps a snapshot of pipeline, jobs and request that later changes do not touch", () => {
    const play = playPipeline("a > b", { tasks: { b: { job: "build" } }, jobs: { build: version } });
    const { definition } = play.state;
    expect(Object.keys(definition.jobs)).toEqual(["job-noop", "job-build"]);
    expect(definition.pipeline).toEqual(pipelineOf("a > b", { b: { job: "build" } }));
    expect(definition.runParams).toEqual([]);
  });

  test("joins the pipeline's labels to the run's without overwriting them", () => {
    const { run } = playPipeline("a", {
      labels: { a: "pipeline", b: "pipeline" },
      request: { labels: { b: "run" } },
    });
    expect(run.labels).toEqual({ a: "pipeline", b: "run" });
  });

  test("leaves tasks with `skipRun` out, also at the beginning", () => {
    const play = playPipeline("a b > c", { tasks: { a: { skipRun: true }, b: { skipRun: true } } });
    expect(play.lines()).toEqual([
      "run: ACTIVE",
      "a: PENDING -> SKIPPED",
      "b: PENDING -> SKIPPED",
      "c: PENDING -> CREATING",
    ]);
    expect(play.task("a").status.message).toBe("skip run");
  });

  test("seals what is sensitive in jobs, pipeline and request before anything is kept", () => {
    const play = playPipeline("a", {
      jobs: {
        noop: { runParams: [{ name: "TOKEN", sensitive: true, value: "default-t0ken" }, { name: "KEY" }] },
      },
      tasks: { a: { runParams: { TOKEN: "task-t0ken" } } },
      spec: { with: [{ name: "KEY", value: "marked-k3y", sensitive: true }] },
      request: { runParams: { TOKEN: "run-t0ken", KEY: "run-k3y" } },
    });
    const stored = JSON.stringify(play.decisions);
    const plain = ["default-t0ken", "task-t0ken", "marked-k3y", "run-t0ken", "run-k3y"];
    expect(plain.filter((value) => stored.includes(value))).toEqual([]);
    expect(play.task("a").params?.map(({ name, value, setBy }) => [name, value, setBy])).toEqual([
      ["TOKEN", seal("run-t0ken"), "RUN"],
      ["KEY", seal("run-k3y"), "RUN"],
    ]);
  });

  test("adds auditors of the request to the audits that their scope matches", () => {
    const auditors: AddedAuditor[] = [{ name: "bob" }, { name: "@leads", scope: { stage: "s2" } }];
    const audit = { auditors: ["ann"] };
    const play = playPipeline("a > b c", { tasks: { a: { audit }, b: { audit } }, request: { auditors } });
    expect(["a", "b", "c"].map((name) => play.task(name).audit?.people)).toEqual([
      ["ann", "bob"],
      ["ann", "bob", "@leads"],
      undefined,
    ]);
  });

  const refused: [string, string, PlayOptions, string][] = [
    ["a template", "a", { spec: { isTemplate: true } }, "TEMPLATE_NOT_RUNNABLE: pipeline `p` is a template"],
    [
      "a pipeline of which nothing is to run",
      "a > b",
      { tasks: { a: { skipRun: true }, b: { skipRun: true } } },
      "NOTHING_TO_RUN: every task has `skipRun: true`, so there is nothing to run; remove it from at least one",
    ],
    [
      "a pipeline of `finally` stages alone",
      "a",
      { stages: { s1: { finally: true } } },
      "NOTHING_TO_RUN: every stage is `finally`, so there is nothing that they come after; remove it from at least one",
    ],
    [
      "a need that the pipeline does not have",
      "alpha b",
      { tasks: { b: { needs: ["alhpa"] } } },
      "BAD_REQUEST: task `b` needs `alhpa`, which the pipeline does not have; did you mean `alpha`?",
    ],
    [
      "a need of a `finally` stage",
      "a > b",
      { tasks: { a: { needs: ["b"] } }, stages: { s2: { finally: true } } },
      "PLAN_CYCLE: task `a` needs `b`, but that is of the `finally` stage `s2`, which comes after all others; remove it, or move one of the tasks",
    ],
    [
      "tasks that wait for each other",
      "a > b",
      { tasks: { a: { needs: ["b"] } } },
      "PLAN_CYCLE: tasks wait for each other: `a` needs `b`; `b`, of stage `s2`, comes after `a`; remove one of these needs",
    ],
    [
      "a matrix without combinations",
      "a",
      { tasks: { a: { matrix: { params: { X: [1] }, exclude: [{ X: 1 }] } } } },
      "MATRIX_INVALID: the matrix of task `a` has no combinations: `exclude` leaves out all of them",
    ],
    [
      "a condition that cannot be read",
      "a",
      { stages: { s1: { when: "run.name ==" } } },
      "CONDITION_FAILED: `when` of stage `s1`: the condition ends too early; something has to follow (column 12)",
    ],
    [
      "a time of a retry that cannot be counted",
      "a",
      { jobs: { noop: { retry: { limit: 1, backoff: { initial: "99999999999999999d" } } } } },
      'BAD_REQUEST: "99999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m',
    ],
    [
      "a time of a stage that cannot be counted",
      "a",
      { stages: { s1: { timeout: "99999999999999999d" } } },
      'BAD_REQUEST: "99999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m',
    ],
    [
      "an unknown job",
      "a",
      { tasks: { a: { job: "gone:v2" } } },
      "NOT_FOUND: task `a` names job `gone:v2`, which is unknown",
    ],
    [
      "all missing params of all first tasks at once",
      "[a b]",
      {
        jobs: {
          noop: {
            runParams: [
              { name: "X", required: true },
              { name: "Y", required: true },
            ],
          },
        },
      },
      "INVALID_PARAMS: task `a`: param X is required and has no value; param Y is required and has no value; task `b`: param X is required and has no value; param Y is required and has no value",
    ],
    [
      "a value that does not parse",
      "a",
      {
        jobs: { noop: { runParams: [{ name: "N", valueType: "NUMBER" }] } },
        request: { runParams: { N: "many" } },
      },
      'INVALID_PARAMS: task `a`: param N (set by RUN) is "many", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991',
    ],
    [
      "a value of a later task that does not parse, which may lack others still",
      "a b",
      {
        jobs: {
          late: {
            runParams: [
              { name: "N", valueType: "NUMBER" },
              { name: "X", required: true },
            ],
          },
        },
        tasks: { b: { job: "late" } },
        request: { runParams: { N: "many" } },
      },
      'INVALID_PARAMS: task `b`: param N (set by RUN) is "many", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991',
    ],
    [
      "an auditor for a task without audit",
      "a",
      { request: { auditors: [{ name: "bob", scope: { task: "a" } }] } },
      'BAD_REQUEST: auditor bob is added, but no task in scope {"task":"a"} has an audit enabled',
    ],
    [
      "an auditor when no task has an audit",
      "a",
      { request: { auditors: [{ name: "bob" }] } },
      "BAD_REQUEST: auditor bob is added, but no task has an audit enabled",
    ],
    [
      "a run without the label that keeps runs in sequence",
      "a",
      { spec: { sequenceLabelKey: "branch" } },
      "BAD_REQUEST: runs of `p` are kept in sequence by the label `branch`, which this run lacks; give it, e.g. `--label branch=VALUE`",
    ],
  ];
  test.each(refused)("refuses %s", (_what, shape, options, message) => {
    expect(refusal(() => playPipeline(shape, options))).toBe(message);
  });

  test("asks of first tasks alone for their params: others may get them from earlier tasks", () => {
    const play = playPipeline("a > b > c", {
      jobs: { deploy: version },
      tasks: { b: { job: "deploy" }, c: { job: "deploy" } },
    });
    play.output("a", { VERSION: "1" });
    play.report("a", "SUCCEEDED");
    expect(play.task("b").params?.map(({ name, value, setBy }) => [name, value, setBy])).toEqual([
      ["VERSION", "1", "RUNTIME_ENV"],
    ]);
  });
});

describe("the sequence check", () => {
  const labels = { branch: "main" };
  const keys: [string, PlayOptions, string | undefined][] = [
    ["one run per pipeline", {}, "sequence/default/default/p"],
    ["none for a parallel pipeline", { spec: { isParallel: true } }, undefined],
    [
      "one per value of the pipeline's label",
      { spec: { sequenceLabelKey: "branch" }, request: { labels } },
      "sequence/default/default/p/branch=main",
    ],
    [
      "one per value of the request's label, which goes before",
      { spec: { sequenceLabelKey: "other" }, request: { labels, sequenceLabelKey: "branch" } },
      "sequence/default/default/p/branch=main",
    ],
    [
      "the label may be the pipeline's own",
      { spec: { sequenceLabelKey: "branch" }, labels },
      "sequence/default/default/p/branch=main",
    ],
  ];
  test.each(keys)("keeps %s", (_rule, options, key) => {
    const { world, run } = playPipeline("a", options);
    expect([run.lockKey, [...world.locks.keys()]]).toEqual([key, key === undefined ? [] : [key]]);
  });

  test("keeps none for a nameless spec", () => {
    const world = new World();
    const creation = creationOf(world, pipelineOf("a"), {});
    const { spec } = creation.pipeline;
    const state = createRun({ ...creation, pipeline: { spec } }, world.context(STARTER));
    expect([state.run?.name, state.run?.lockKey, state.run?.pipelineId]).toEqual([
      "unnamed",
      undefined,
      undefined,
    ]);
    expect(decideNew(state, world.context(STARTER))).toMatchObject({ claims: [] });
  });

  test("refuses a second run with the id of the first and the remedies", () => {
    const first = playPipeline("a");
    expect(refusal(() => playPipeline("a", { world: first.world }))).toBe(
      `PIPELINE_IS_RUNNING: pipeline \`p\` is running as ${first.run.id}; wait for its end, wait in line with \`--queue\`, or cancel it with \`mflow cancel ${first.run.id}\``,
    );
  });

  test("lets runs of other pipelines, scopes and label values go beside it, and the next one after it", () => {
    const world = new World();
    const spec = pipelineOf("a", {}, { sequenceLabelKey: "branch" });
    const start = (more: PlayOptions) =>
      playSpec(spec, { world, request: { labels: { branch: "main" } }, ...more });
    const first = start({});
    start({ name: "other" });
    start({ scope: { domain: "default", namespace: "other" } });
    start({ request: { labels: { branch: "dev" } } });
    expect(refusal(() => start({}))).toMatch(/^PIPELINE_IS_RUNNING/);
    first.report("a", "FAILED");
    expect(start({}).run.status.stage).toBe("ACTIVE");
  });

  test("holds the lock while gates wait, and lets it go exactly when the run ends", () => {
    const play = playPipeline("a b", {
      tasks: { a: { audit: { auditors: ["ann"] } }, b: { confirm: { checkers: ["ann"] } } },
    });
    const held = () => [...play.world.locks.values()];
    const steps = [held()];
    play.audit("a", "PASS", "ann");
    play.report("a", "SUCCEEDED");
    play.report("b", "SUCCEEDED");
    steps.push(held());
    const last = play.confirm("b", "PASS", "ann");
    steps.push(held());
    expect(steps).toEqual([[play.run.id], [play.run.id], []]);
    expect(last.releases).toEqual(["sequence/default/default/p"]);
    expect(play.decisions.flatMap((each) => each.releases)).toEqual(["sequence/default/default/p"]);
  });
});
