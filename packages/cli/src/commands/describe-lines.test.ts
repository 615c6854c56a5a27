import type { JobTaskView, PipelineTaskView } from "@mflow/core/schema/api";
import type { Job } from "@mflow/core/schema/job";
import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { at, runOf, START, taskOf, waitingGate } from "../testing/watched-run.ts";
import { jobLines, runLines, taskLines } from "./describe-lines.ts";
import { pipelineLines } from "./pipeline-lines.ts";

const options = {
  style: makeStyle({ color: false, unicode: true }),
  command: "mflow",
  now: START + 60_000,
  columns: 80,
};

const record = {
  domain: "default",
  namespace: "web",
  revision: 1,
  createdBy: "alice",
  createdAt: at(0),
  updatedAt: at(5),
};

const job: Job = {
  ...record,
  id: "job-1",
  name: "build",
  version: "v2",
  stage: "PUBLISHED",
  publishedAt: at(5),
  labels: { team: "web" },
  spec: {
    runnerType: "SHELL",
    timeout: "5m",
    runParams: [
      { name: "VERSION", required: true, description: "what to build" },
      {
        name: "MODE",
        valueType: "ENUM",
        enumOptions: ["fast", { value: "slow" }],
        value: "fast",
        readOnly: true,
      },
    ],
    runnerSpec: { steps: [{ run: "make" }] },
  },
  readme: "# Build\n\nBuilds.",
};

test("a job is described with its params, its spec and its readme", async () => {
  expect(await jobLines(job, options)).toEqual([
    "Job         build:v2",
    "Stage       PUBLISHED",
    "Scope       web.default",
    "Visible to  NAMESPACE",
    "Runner      SHELL",
    "Timeout     5m",
    "Labels      team=web",
    "Created     2026-03-01T12:00:00.000Z by alice",
    "Published   2026-03-01T12:00:05.000Z",
    "Id          job-1",
    "",
    "Params",
    "  NAME     TYPE      DEFAULT",
    "  VERSION  ENV TEXT           required; what to build",
    "  MODE     ENV ENUM  fast     readOnly; one of fast, slow",
    "",
    "Runner spec",
    "  steps:",
    "    - run: make",
    "",
    "Readme",
    "  # Build",
    "",
    "  Builds.",
  ]);
});

test("a pipeline is described by its stages, tasks and gates", () => {
  const lines = pipelineLines(
    {
      ...record,
      id: "pipeline-1",
      name: "release",
      spec: {
        sequenceLabelKey: "env",
        stages: [
          {
            name: "build",
            isParallel: true,
            tasks: [
              { name: "compile", job: "build:v2" },
              { name: "docs", job: "docs", ignoreFailed: true },
            ],
          },
          { name: "deploy", tasks: [{ name: "prod", job: "deploy", audit: { auditors: ["bob", "@ops"] } }] },
        ],
      },
    },
    options,
  );
  expect(lines.slice(2)).toEqual([
    "Runs at once  one per env",
    "Created       2026-03-01T12:00:00.000Z by alice",
    "Changed       2026-03-01T12:00:05.000Z",
    "Id            pipeline-1",
    "",
    "Stages",
    "  build (parallel)",
    "    compile: build:v2",
    "    docs: docs (may fail)",
    "  deploy",
    "    prod: deploy (audit by bob, @ops)",
  ]);
});

test("a pipeline is described with what decides when and how often its runs and tasks run", () => {
  const spec: PipelineSpec = {
    queue: { maxLength: 5 },
    concurrency: { group: "site-${ENV}", limit: 2, cancelInProgress: true },
    priority: 5,
    maxTasks: 10,
    timeout: "2h",
    stages: [
      {
        name: "test",
        isParallel: true,
        maxParallel: 2,
        failFast: true,
        timeout: "1h",
        when: 'trigger.mode == "MANUAL"',
        tasks: [
          {
            name: "early",
            job: "j",
            needs: [],
            retry: { limit: 2, on: ["LOST"], backoff: { initial: "10s" } },
          },
          {
            name: "ways",
            job: "j",
            needs: ["early"],
            matrix: { params: { OS: ["a"] }, include: [{ ARCH: "arm" }], maxParallel: 1 },
            timeout: "5m",
          },
          { name: "found", job: "j", matrix: { fromEnv: "LIST" }, priority: 0, concurrency: { group: "db" } },
        ],
      },
      {
        name: "tidy",
        finally: true,
        ignoreFailed: true,
        tasks: [{ name: "tidy", job: "j", when: "params.X" }],
      },
    ],
  };
  const lines = pipelineLines({ ...record, id: "pipeline-1", name: "release", spec }, options);
  expect(lines.slice(2)).toEqual([
    "Runs at once  one",
    "In line       at most 5 runs wait",
    "Group         site-${ENV}, at most 2, cancels what is older",
    "At most       10 tasks at once, of all its runs",
    "Priority      5",
    "Timeout       2h",
    "Created       2026-03-01T12:00:00.000Z by alice",
    "Changed       2026-03-01T12:00:05.000Z",
    "Id            pipeline-1",
    "",
    "Stages",
    '  test (parallel, at most 2 at once; fails fast; timeout 1h; when trigger.mode == "MANUAL")',
    "    early: j (needs nothing; retry up to 2 times after LOST, first after 10s)",
    "    ways: j (needs early; matrix of OS, ARCH with include, at most 1 at once; timeout 5m)",
    "    found: j (matrix from LIST; priority 0; group db)",
    "  tidy (finally; may fail)",
    "    tidy: j (when params.X)",
  ]);
});

test("a run is described by who started it and by its view, however long that is", () => {
  const tasks = Array.from({ length: 100 }, (_, index) => ({ name: `t${index}` }));
  const { run, tasks: views } = runOf({ all: tasks });
  if (!run) throw new Error("a run is needed");
  const lines = runLines({ run: { ...run, labels: { team: "web" } }, tasks: views }, options);
  expect(lines.slice(0, 6)).toEqual([
    "Run       run-00000000000000000000000001",
    "Pipeline  release",
    "Scope     default.default",
    "Started   2026-03-01T12:00:00.000Z by alice (MANUAL)",
    "Labels    team=web",
    "",
  ]);
  expect(lines.slice(6)).toHaveLength(1 + 1 + 100);
});

test("a task says once what its runner says and it waits for", () => {
  const message = "the image cannot be pulled";
  const task = taskOf({ name: "prod", waitingFor: `is being created: ${message}` }, "deploy", 1);
  const lines = (waitingFor?: string) =>
    taskLines({ ...task, ...(waitingFor && { waitingFor }), status: { stage: "CREATING", message } }, options)
      .filter((line) => /^(?:Message|Waits)/.test(line))
      .map((line) => line.replace(/ +/, " "));
  expect([lines(), lines("waits for its turn")]).toEqual([
    [`Waits is being created: ${message}`],
    [`Message ${message}`, "Waits waits for its turn"],
  ]);
});

test("a task is described with who decided, what it ran with, and how each step went", () => {
  const audit = waitingGate(["bob", "carol"], {
    required: 2,
    digest: "abc",
    decisions: [{ user: "bob", verdict: "PASS", at: at(3), comment: "fine", digest: "abc" }],
  });
  const task = taskOf({ name: "prod", audit, waitingFor: "waits for carol" }, "deploy", 1);
  const lines = taskLines(
    {
      ...task,
      id: "task-1",
      params: [{ name: "N", value: "3", usageType: "ENV", valueType: "NUMBER", setBy: "RUN" }],
      status: {
        ...task.status,
        steps: [
          {
            name: "one",
            exitCode: 0,
            durationMs: 1500,
            peakMemoryBytes: 3 * 2 ** 20,
            peakMemorySource: "SAMPLED",
          },
          { name: "two", exitCode: 3, durationMs: 20 },
          { name: "three", signal: "SIGKILL" },
        ],
        runtimeEnvs: { VERSION: "1.4.0" },
        markdownOutput: "## Done\n",
      },
    },
    options,
  );
  expect(lines).toEqual([
    "Task     deploy/prod",
    "Stage    PENDING",
    "Waits    waits for carol",
    "Job      prod:v1",
    "Scope    default.default",
    "Attempt  1",
    "Created  2026-03-01T12:00:00.000Z by alice",
    "Id       task-1",
    "",
    "Audit",
    "  WAITING carol (1 of 2)",
    "  2026-03-01T12:00:03.000Z PASS by bob: fine",
    "  digest abc",
    "  see all: mflow evidence task-1",
    "  decide: mflow audit task-1 --pass | --deny -m WHY",
    "",
    "Params",
    "  NAME  VALUE  SET BY",
    "  N     3      RUN",
    "",
    "Steps",
    "  STEP   RESULT       TOOK  PEAK MEMORY",
    "  one    ok           1.5s  3.0 MiB (sampled)",
    "  two    exit code 3  20ms",
    "  three  SIGKILL",
    "",
    "Runtime envs",
    "  VERSION=1.4.0",
    "",
    "Summary",
    "  ## Done",
  ]);
});

test("what is said of a gate fits the terminal; a command to copy stays in one line", () => {
  const id = `task-${"0".repeat(26)}`;
  const confirm = waitingGate(["bob"], { digest: "abc" });
  const [task] = runOf({ deploy: [{ name: "prod", confirm }] }).tasks;
  const change = { change: "CHANGED", before: "one of many", after: "another one" } as const;
  const lines = taskLines(
    { ...(task as NonNullable<typeof task>), id },
    {
      ...options,
      evidence: {
        ...{ taskId: id, name: "prod", attempt: 1, stage: "ACTIVE", domain: "default", namespace: "default" },
        ...{ startedBy: "alice", content: { job: { name: "deploy", version: "v1" }, params: [] } },
        sinceSuccess: {
          taskId: "task-0",
          startedBy: "alice",
          params: ["FIRST", "SECOND", "THIRD"].map((name) => ({ name, ...change })),
        },
        ...{ earlierDecisions: [], earlierTasks: [], links: [] },
      },
    },
  );
  const start = lines.findIndex((line) => line.includes("changed since"));
  expect(lines.slice(start, start + 6)).toEqual([
    "  changed since the last success: FIRST one of many -> another one; SECOND one",
    "    of many -> another one; THIRD one of many -> another one",
    `  see all: mflow evidence ${id}`,
    `  decide: mflow confirm ${id} --pass`,
    "    or: --deny -m WHY, or: --push-back TASK -m WHY",
  ]);
});

test("a task shows what time does to its gate, what was taken back, and what happened in earlier attempts", () => {
  const confirm = waitingGate(["bob", "@ops"], {
    digest: "abc",
    openedAt: at(1),
    expiresAt: at(60),
    remindAt: at(30),
    escalateTo: ["carol"],
    maxPushBacks: 2,
    decisions: [
      { user: "bob", onBehalfOf: "cem", verdict: "PASS", at: at(3), digest: "abc", withdrawnAt: at(4) },
    ],
  });
  const sketch = { name: "check", stage: "ACTIVE", reported: "SUCCEEDED", confirm } as const;
  const lines = taskLines(
    {
      ...taskOf(sketch, "release", 2),
      id: "task-1",
      attempt: 2,
      pushBacks: 1,
      feedback: "the button is red\nmake it blue",
      pastAttempts: [
        {
          attempt: 1,
          status: { stage: "FAILED", reason: "PUSHED_BACK", message: "pushed back to `build` by eve: red" },
          confirm: waitingGate(["eve"], {
            stage: "CLOSED",
            decisions: [
              {
                user: "eve",
                verdict: "PUSH_BACK",
                pushBackTo: "build",
                comment: "red",
                at: at(0),
                digest: "d",
              },
            ],
          }),
        },
      ],
    },
    {
      ...options,
      evidence: {
        taskId: "task-1",
        name: "check",
        attempt: 2,
        stage: "ACTIVE",
        domain: "default",
        namespace: "default",
        startedBy: "alice",
        content: { job: { name: "check", version: "v1" }, params: [] },
        sinceSuccess: {
          taskId: "task-0",
          startedBy: "alice",
          job: { before: "v0", after: "v1" },
          params: [{ name: "N", change: "CHANGED", before: "2", after: "3" }],
        },
        earlierDecisions: [
          { taskId: "task-0", attempt: 1, user: "eve", verdict: "PASS", at: at(0), digest: "d" },
        ],
        earlierTasks: [],
        links: [],
      },
    },
  );
  expect(lines.slice(4)).toEqual([
    "Scope        default.default",
    "Attempt      2",
    "Pushed back  1 of 2 times",
    "Created      2026-03-01T12:00:00.000Z by alice",
    "Id           task-1",
    "",
    "Confirm",
    "  WAITING bob, @ops (0 of 1)",
    "  waits since 2026-03-01T12:00:01.000Z",
    "  until 2026-03-01T12:01:00.000Z, then carol may decide too",
    "  next reminder 2026-03-01T12:00:30.000Z",
    "  2026-03-01T12:00:03.000Z PASS by bob for cem, who was away (taken back 2026-03-01T12:00:04.000Z)",
    "  digest abc",
    "  changed since the last success: job v0 -> v1; N 2 -> 3",
    "  before: 2026-03-01T12:00:00.000Z PASS by eve",
    "  see all: mflow evidence task-1",
    "  decide: mflow confirm task-1 --pass | --deny -m WHY | --push-back TASK -m WHY",
    "",
    "Feedback",
    "  the button is red",
    "  make it blue",
    "",
    "Earlier attempts",
    "  1: FAILED PUSHED_BACK pushed back to `build` by eve: red",
    "     2026-03-01T12:00:00.000Z PUSH_BACK to build by eve: red",
  ]);
});

test("each earlier attempt is listed with its times and the command that prints its log", () => {
  const status = { stage: "FAILED", reason: "TIMEOUT", message: "timed out after 1s" } as const;
  const task = {
    ...taskOf({ name: "fetch", stage: "SCHEDULING" }, "release", 2),
    id: "task-1",
    pastAttempts: [{ attempt: 1, isRetried: true, status: { ...status, startAt: at(0), endAt: at(1) } }],
  };
  expect(taskLines(task, options).slice(-4)).toEqual([
    "Earlier attempts",
    "  1: FAILED TIMEOUT timed out after 1s",
    "     2026-03-01T12:00:00.000Z to 2026-03-01T12:00:01.000Z, took 1s",
    "     logs: mflow logs task-1 --attempt 1",
  ]);
});

test("a run is described with where it comes from, which runs its tasks are, and what followed", () => {
  const { run, tasks } = runOf({
    build: [
      { name: "builds", stage: "SUCCEEDED", from: 0, to: 30 },
      { name: "other", stage: "FAILED", from: 0, to: 30, message: "run run-4 of pipeline `p` FAILED" },
    ],
  });
  const [builds, other] = tasks as [JobTaskView, JobTaskView];
  const past = { attempt: 1, status: { stage: "FAILED", child: { runId: "run-2" } } } as const;
  const view: PipelineTaskView = {
    run: {
      ...(run as PipelineTask),
      parent: { runId: "run-0", taskId: "task-0", attempt: 1 },
      previous: { runId: "run-before" },
      chain: ["nightly@default.default"],
      status: { ...(run as PipelineTask).status, next: { pipeline: "deploy", runId: "run-9" } },
    },
    tasks: [
      { ...builds, status: { ...builds.status, child: { runId: "run-3" } }, pastAttempts: [past] },
      { ...other, status: { ...other.status, child: { runId: "run-4" } } },
    ],
  };
  const lines = runLines(view, options);
  expect(lines.filter((line) => /^(Parent|Previous|Chain|Next) /.test(line))).toEqual([
    "Parent    task task-0 of run-0",
    "Previous  run-before",
    "Chain     nightly@default.default -> release",
    "Next      run-9 of deploy",
  ]);
  const at = lines.indexOf("Runs of its tasks");
  expect(lines.slice(at, at + 5)).toEqual([
    "Runs of its tasks",
    "  build/builds SUCCEEDED: run-2 (earlier attempt)",
    "  build/builds SUCCEEDED: run-3",
    "  build/other FAILED: run-4",
    "",
  ]);
  expect(lines.filter((line) => /as run-3|then run-9 of deploy/.test(line))).toHaveLength(2);
});

test("what did not follow a run is said with the reason", () => {
  const { run, tasks } = runOf({ build: [{ name: "a" }] });
  const next = { pipeline: "deploy", code: "NOT_FOUND", message: "there is no pipeline `deploy`" };
  const refused = { ...(run as PipelineTask), status: { ...(run as PipelineTask).status, next } };
  expect(runLines({ run: refused, tasks }, options)).toContain(
    "Next      deploy was not started: there is no pipeline `deploy`",
  );
});

test("a task that waits for somebody outside says how to end it", () => {
  const task = {
    ...taskOf({ name: "ticket", stage: "ACTIVE", from: 0 }),
    id: "task-1",
    runnerType: "MANUAL",
  };
  expect(taskLines(task, options)).toContain("Status call  mflow status-call task-1");
});
