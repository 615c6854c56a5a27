// Messages as tests want them: of a deployment that failed, and of its gates.

import type { Message, MessageGate, MessageTask } from "@mflow/core/schema/message";

export const failedTask: MessageTask = {
  id: "task-1",
  name: "prod",
  stageName: "production",
  job: { name: "deploy", version: "v3" },
  attempt: 2,
  stage: "FAILED",
  from: "ACTIVE",
  reason: "EXIT_CODE",
  message: "step migrate ended with exit code 3",
  startAt: "2026-03-01T11:58:55.000Z",
  endAt: "2026-03-01T12:00:00.000Z",
  durationMs: 65_000,
  params: [
    { name: "VERSION", value: "1.4.0" },
    { name: "TOKEN", value: "***" },
  ],
  steps: [
    { name: "build", exitCode: 0 },
    { name: "migrate", exitCode: 3 },
  ],
};

export const failed: Message = {
  version: 1,
  id: "msg-1",
  type: "FAILED",
  at: "2026-03-01T12:00:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "alice",
  run: { id: "run-1", name: "release", stage: "ACTIVE", triggerMode: "MANUAL" },
  task: failedTask,
};

const pendingTask: MessageTask = {
  id: "task-1",
  name: "prod",
  stageName: "production",
  job: { name: "deploy", version: "v3" },
  attempt: 1,
  stage: "PENDING",
  params: [{ name: "VERSION", value: "1.4.0" }],
};

export const auditGate: MessageGate = {
  kind: "AUDIT",
  stage: "WAITING",
  people: ["@dba", "carol"],
  required: 2,
  passes: 1,
  digest: "2c26b46b68ffc68ff99b453c1d304134",
  openedAt: "2026-03-01T12:00:00.000Z",
  expiresAt: "2026-03-02T12:00:00.000Z",
  decisions: [
    {
      user: "bob",
      onBehalfOf: "carol",
      verdict: "PASS",
      comment: "seen the plan",
      at: "2026-03-01T12:00:00.000Z",
      digest: "2c26b46b68ffc68ff99b453c1d304134",
    },
  ],
};

export const auditWaiting: Message = {
  ...failed,
  type: "AUDIT_WAITING",
  run: { id: "run-1", name: "release", stage: "ACTIVE", triggerMode: "SCHEDULE" },
  task: pendingTask,
  gate: auditGate,
};

export const confirmWaiting: Message = {
  ...failed,
  type: "CONFIRM_WAITING",
  task: {
    ...pendingTask,
    stage: "ACTIVE",
    startAt: "2026-03-01T11:58:55.000Z",
    endAt: "2026-03-01T12:00:00.000Z",
    durationMs: 65_000,
    markdownOutput: "**1200** rows changed",
  },
  gate: {
    kind: "CONFIRM",
    stage: "WAITING",
    people: ["@everyone"],
    required: 1,
    passes: 0,
    digest: "fcde2b2edba56bf408601fb721fe9b5c",
    openedAt: "2026-03-01T12:00:00.000Z",
    reported: {
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "step migrate ended with exit code 3",
      at: "2026-03-01T12:00:00.000Z",
    },
    decisions: [],
  },
};

/** What would be a mention, a link or a heading somewhere. */
export const HOSTILE =
  "# <!channel> <@U1> @all <at id=all></at> [x](https://evil.example) **b** `c` _d_ &#60;at&#62; | ~";
