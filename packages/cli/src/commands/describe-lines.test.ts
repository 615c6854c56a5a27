import type { Job } from "@mflow/core/schema/job";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { at, runOf, START, taskOf, waitingGate } from "../testing/watched-run.ts";
import { jobLines, pipelineLines, runLines, taskLines } from "./describe-lines.ts";

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
    "  WAITING bob, carol (1 of 2)",
    "  2026-03-01T12:00:03.000Z PASS by bob: fine",
    "  digest abc",
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
