// What somebody who decides sees, on whole values.

import { expect, test } from "vitest";
import { MflowError } from "./errors.ts";
import { assembleEvidence, type EvidenceContext, gateInQuestion, paramChanges } from "./evidence.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobSnapshot } from "./schema/job.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { EffectiveParam } from "./schema/param.ts";
import type { RunDefinition } from "./schema/pipeline-task.ts";

const at = (second: number) => `2026-03-01T12:00:${String(second).padStart(2, "0")}.000Z`;

const context: EvidenceContext = {
  groupMembers: (group) => (group === "ops" ? ["bob", "cem", "alice"] : []),
  standInOf: (user) => (user === "cem" ? "dan" : undefined),
  cannotDecide: () => undefined,
  isSealed: (text) => text.startsWith("sealed:"),
  unseal: (text) => text.slice("sealed:".length).split("#")[0] as string,
  fingerprint: (plain) => `print of ${plain}`,
};

function param(name: string, value: string, more: Partial<EffectiveParam> = {}): EffectiveParam {
  return { name, value, usageType: "TEMPLATE", valueType: "TEXT", setBy: "RUN", ...more };
}

const job: JobSnapshot = {
  id: "job-1",
  domain: "default",
  namespace: "default",
  name: "deploy",
  version: "v3",
  spec: {
    runnerType: "FAKE",
    runParams: [
      { name: "TARGET", usageType: "TEMPLATE" },
      { name: "PASSWORD", usageType: "TEMPLATE", sensitive: true },
    ],
    runnerSpec: { to: "${TARGET}", with: "${PASSWORD}" },
  },
};

function definitionOf(runParams: RunDefinition["runParams"] = []): RunDefinition {
  return { jobs: { "job-1": job }, runParams };
}

function gate(more: Partial<Gate> = {}): Gate {
  return {
    people: ["@ops", "eve"],
    required: 2,
    allowSelf: false,
    stage: "WAITING",
    digest: "d1",
    openedAt: at(10),
    decisions: [],
    ...more,
  };
}

function task(id: string, more: Partial<JobTask> = {}): JobTask {
  return {
    id,
    domain: "default",
    namespace: "default",
    name: "prod",
    pipelineTaskId: "run-2",
    stageName: "release",
    stageNumber: 2,
    taskNumber: 1,
    job: { id: "job-1", name: "deploy", version: "v3" },
    runnerType: "FAKE",
    attempt: 1,
    params: [param("TARGET", "eu"), param("PASSWORD", "sealed:hunter2#2", { sensitive: true })],
    status: { stage: "PENDING" },
    startedBy: "alice",
    createdAt: at(0),
    updatedAt: at(10),
    revision: 3,
    ...more,
  };
}

const build = task("task-build", {
  name: "build",
  stageName: "build",
  stageNumber: 1,
  status: {
    stage: "SUCCEEDED",
    endAt: at(9),
    runtimeEnvs: {
      GIT_COMMIT_ID: "0123456789abcdef",
      GIT_HTTP_URL: "https://gitlab.example.com/web/shop.git",
      KEY: "sealed:x",
    },
    markdownOutput: "# 42 tests",
  },
});

const last = task("task-old", {
  pipelineTaskId: "run-1",
  job: { id: "job-0", name: "deploy", version: "v2" },
  params: [
    param("TARGET", "us"),
    param("PASSWORD", "sealed:hunter1#1", { sensitive: true }),
    param("GIT_COMMIT_ID", "fedcba9876543210"),
  ],
  audit: gate({
    stage: "PASS",
    decisions: [{ user: "bob", verdict: "PASS", comment: "as ever", at: at(1), digest: "d0" }],
  }),
  status: { stage: "SUCCEEDED", endAt: at(2) },
  startedBy: "eve",
});

test("an audit shows what will run, what changed, what was decided before and what earlier tasks said", () => {
  const waiting = task("task-now", {
    attempt: 2,
    feedback: "the button is red",
    audit: gate({ decisions: [{ user: "bob", verdict: "PASS", at: at(11), digest: "d1" }] }),
    pastAttempts: [
      {
        attempt: 1,
        status: { stage: "FAILED" },
        audit: gate({
          stage: "DENY",
          decisions: [{ user: "eve", verdict: "DENY", comment: "not on Friday", at: at(5), digest: "d1" }],
        }),
      },
    ],
  });
  const evidence = assembleEvidence(
    {
      task: waiting,
      definition: definitionOf(),
      tasks: [build, waiting, task("task-later", { status: { stage: "PENDING" } })],
      lastSuccess: { task: last, definition: definitionOf(), tasks: [last] },
    },
    context,
  );
  expect(evidence).toEqual({
    taskId: "task-now",
    name: "prod",
    stageName: "release",
    attempt: 2,
    stage: "PENDING",
    domain: "default",
    namespace: "default",
    startedBy: "alice",
    gate: { kind: "AUDIT", ...waiting.audit, mayDecide: [{ user: "cem", standIn: "dan" }, { user: "eve" }] },
    content: {
      job: { name: "deploy", version: "v3" },
      params: [param("TARGET", "eu"), param("PASSWORD", "***", { sensitive: true })],
      spec: { to: "eu", with: "***" },
    },
    feedback: "the button is red",
    sinceSuccess: {
      taskId: "task-old",
      pipelineTaskId: "run-1",
      endAt: at(2),
      startedBy: "eve",
      job: { before: "v2", after: "v3" },
      params: [
        { name: "GIT_COMMIT_ID", change: "REMOVED", before: "fedcba9876543210" },
        { name: "PASSWORD", change: "CHANGED", before: "***", after: "***", sensitive: true },
        { name: "TARGET", change: "CHANGED", before: "us", after: "eu" },
      ],
      commits: {
        before: "fedcba9876543210",
        after: "0123456789abcdef",
        url: "https://gitlab.example.com/web/shop/-/compare/fedcba9876543210...0123456789abcdef",
      },
    },
    earlierDecisions: [
      {
        taskId: "task-now",
        attempt: 1,
        user: "eve",
        verdict: "DENY",
        comment: "not on Friday",
        at: at(5),
        digest: "d1",
      },
      {
        taskId: "task-old",
        attempt: 1,
        user: "bob",
        verdict: "PASS",
        comment: "as ever",
        at: at(1),
        digest: "d0",
      },
    ],
    earlierTasks: [
      {
        taskId: "task-build",
        name: "build",
        stageName: "build",
        stage: "SUCCEEDED",
        runtimeEnvs: {
          GIT_COMMIT_ID: "0123456789abcdef",
          GIT_HTTP_URL: "https://gitlab.example.com/web/shop.git",
          KEY: "***",
        },
        markdownOutput: "# 42 tests",
      },
    ],
    links: [
      { label: "repository", url: "https://gitlab.example.com/web/shop" },
      { label: "commit", url: "https://gitlab.example.com/web/shop/-/commit/0123456789abcdef" },
    ],
  });
});

test("a confirm shows how the work ended, and the end of its log", () => {
  const reported = { stage: "FAILED", message: "exit code 3", at: at(9) } as const;
  const log = [{ line: 7, time: 0, stream: "stderr", step: "test", text: "no" }] as const;
  const alone = task("task-now", {
    pipelineTaskId: undefined,
    stageName: undefined,
    confirm: gate(),
    audit: gate({ stage: "PASS" }),
    status: {
      stage: "ACTIVE",
      reported,
      startAt: at(3),
      endAt: at(9),
      runtimeEnvs: { URL: "http://x" },
      markdownOutput: "x".repeat(9000),
    },
  });
  const input = { task: alone, definition: definitionOf(), tasks: [alone], log };
  const { gate: shown, result, log: tail } = assembleEvidence(input, context);
  expect({ kind: shown?.kind, result, tail }).toEqual({
    kind: "CONFIRM",
    result: {
      reported,
      durationMs: 6000,
      runtimeEnvs: { URL: "http://x" },
      markdownOutput: "x".repeat(8192),
    },
    tail: log,
  });
  const audit = assembleEvidence({ ...input, kind: "audit" }, context);
  expect({ kind: audit.gate?.kind, result: audit.result, tail: audit.log }).toEqual({ kind: "AUDIT" });
});

test("a task without the gate that is asked for is refused by name", () => {
  const none = task("task-now");
  const input = { task: none, definition: definitionOf(), tasks: [none] };
  expect(assembleEvidence(input, context).gate).toBeUndefined();
  expect(() => assembleEvidence({ ...input, kind: "confirm" }, context)).toThrow(
    expect.objectContaining({ code: "NOT_FOUND", message: "task `prod` (task-now) has no confirm" }),
  );
});

test("the gate in question is the one that waits, else the one that was decided last", () => {
  const pending = gate({ stage: "PENDING" });
  const passed = gate({ stage: "PASS" });
  expect([
    gateInQuestion(task("t", { audit: gate(), confirm: pending })),
    gateInQuestion(task("t", { audit: passed, confirm: pending })),
    gateInQuestion(task("t", { audit: passed, confirm: gate() })),
    gateInQuestion(task("t", { audit: passed, confirm: passed })),
    gateInQuestion(task("t", { confirm: pending })),
    gateInQuestion(task("t")),
  ]).toEqual(["audit", "audit", "confirm", "confirm", "confirm", undefined]);
});

test("equal secrets are no change, however they were sealed; one whose key is gone is not known", () => {
  const secret = (value: string) => [param("P", value, { sensitive: true })];
  expect(paramChanges(secret("sealed:a#1"), secret("sealed:a#2"), context)).toEqual([]);
  expect(paramChanges([param("P", "a")], secret("sealed:a#2"), context)).toEqual([]);
  expect(paramChanges([param("P", "b")], secret("sealed:a#2"), context)).toEqual([
    { name: "P", change: "CHANGED", before: "***", after: "***", sensitive: true },
  ]);
  const unseal = () => {
    throw new MflowError("SECRET_KEY_UNKNOWN", "gone");
  };
  expect(paramChanges(secret("sealed:a#1"), secret("sealed:a#2"), { ...context, unseal })).toEqual([
    { name: "P", change: "UNKNOWN", before: "***", after: "***", sensitive: true },
  ]);
});

test("a commit that is sensitive is neither compared nor linked", () => {
  const secret = [param("GIT_COMMIT_ID", "sealed:0123456789#1", { sensitive: true })];
  const now = task("task-now", { params: secret, audit: gate() });
  const { links, sinceSuccess } = assembleEvidence(
    {
      task: now,
      definition: definitionOf([{ name: "GIT_HTTP_URL", value: "https://github.com/web/shop" }]),
      tasks: [now],
      lastSuccess: { task: last, definition: definitionOf(), tasks: [last] },
    },
    context,
  );
  expect({ links, commits: sinceSuccess?.commits }).toEqual({
    links: [{ label: "repository", url: "https://github.com/web/shop" }],
  });
});
