import type { HistoryEvent } from "@mflow/core/schema/event";
import { expect, test } from "vitest";
import { at, runOf, waitingGate } from "../testing/watched-run.ts";
import { changeLine, contentLine } from "./change-lines.ts";

const watched = runOf({
  deploy: [{ name: "prod", audit: waitingGate(["alice", "@ops"], { required: 2 }) }],
});
const [task] = watched.tasks;

function line(event: Partial<HistoryEvent> & Pick<HistoryEvent, "type">): string {
  const whole: HistoryEvent = { seq: 1, at: at(1), domain: "default", namespace: "default", ...event };
  return changeLine(whole, { command: "mflow", task: whole.taskId ? task : undefined });
}

const taskId = "task-00000000000000000000000001";

test.each<[Partial<HistoryEvent> & Pick<HistoryEvent, "type">, string]>([
  [
    { type: "RUN_STAGE", pipelineTaskId: "run-1", name: "release", stage: "ACTIVE" },
    "run run-1 release ACTIVE",
  ],
  [
    {
      type: "RUN_STAGE",
      pipelineTaskId: "run-1",
      name: "release",
      stage: "FAILED",
      message: "task `a` failed",
    },
    "run run-1 release FAILED task `a` failed",
  ],
  [
    {
      type: "RUN_STATUS",
      pipelineTaskId: "run-1",
      name: "release",
      stage: "ACTIVE",
      reason: "TIMEOUT",
      message: "the run timed out after 2s",
    },
    "run run-1 release ACTIVE TIMEOUT: the run timed out after 2s",
  ],
  [
    { type: "LIMIT_SET", name: "scope/corp", actor: "ada", message: "10 tasks at once" },
    "limit scope/corp set by ada (10 tasks at once)",
  ],
  [{ type: "LIMIT_TAKEN_AWAY", name: "scope/corp", actor: "ada" }, "limit scope/corp taken away by ada"],
  [{ type: "TASK_STAGE", taskId, stage: "ACTIVE", attempt: 1 }, "task deploy/prod ACTIVE"],
  [{ type: "TASK_STAGE", taskId, stage: "ACTIVE", attempt: 2 }, "task deploy/prod ACTIVE (attempt 2)"],
  [
    { type: "TASK_STAGE", taskId, stage: "FAILED", reason: "EXIT_CODE", message: "step `x`\nexited with 1" },
    "task deploy/prod FAILED EXIT_CODE: step `x` exited with 1",
  ],
  [
    { type: "TASK_STAGE", taskId, name: "prod (eu, 2)", stage: "ACTIVE", attempt: 1 },
    "task deploy/prod (eu, 2) ACTIVE",
  ],
  [{ type: "TASK_REPORTED", taskId, stage: "SUCCEEDED" }, "task deploy/prod reported SUCCEEDED"],
  [{ type: "TASK_OUTPUT", taskId, message: "VERSION" }, "task deploy/prod output VERSION"],
  [
    { type: "AUDIT_WAITING", taskId, message: "waits for alice, @ops" },
    `audit deploy/prod WAITING for @ops (0 of 2); decide: mflow audit ${taskId} --pass | --deny -m WHY`,
  ],
  [
    { type: "CONFIRM_WAITING", taskId, message: "waits for bob" },
    "confirm deploy/prod WAITING waits for bob",
  ],
  [
    { type: "AUDIT_DECISION", taskId, stage: "DENY", actor: "alice", message: "not today" },
    "audit deploy/prod decision DENY by alice (not today)",
  ],
  [{ type: "AUDIT_PASS", taskId }, "audit deploy/prod PASS"],
  [
    { type: "AUDIT_REMIND", taskId, message: "still waits for alice" },
    "audit deploy/prod REMIND still waits for alice",
  ],
  [
    { type: "CONFIRM_ESCALATED", taskId, message: "0 of 1 passed within 1h; bob may decide too" },
    "confirm deploy/prod ESCALATED 0 of 1 passed within 1h; bob may decide too",
  ],
  [
    { type: "AUDIT_EXPIRED", taskId, message: "0 of 2 passed within 1h" },
    "audit deploy/prod EXPIRED 0 of 2 passed within 1h",
  ],
  [
    { type: "AUDIT_WITHDRAWN", taskId, actor: "alice", message: "too early" },
    "audit deploy/prod WITHDRAWN by alice (too early)",
  ],
  [
    { type: "CONFIRM_PUSH_BACK", taskId, actor: "alice", message: "back to `build`: red" },
    "confirm deploy/prod PUSH_BACK by alice (back to `build`: red)",
  ],
  [
    { type: "TERMINAL_OPENED", taskId, actor: "alice", message: "a shell in container main" },
    "task deploy/prod terminal-opened by alice a shell in container main",
  ],
  [
    {
      type: "TERMINAL_CLOSED",
      taskId,
      actor: "alice",
      message: "exit code 1; in container main",
    },
    "task deploy/prod terminal-closed by alice exit code 1; in container main",
  ],
  [{ type: "LATE_REPORT", taskId, stage: "FAILED" }, "task deploy/prod late-report FAILED"],
  [{ type: "JOB_STAGE", name: "build", stage: "PUBLISHED", actor: "alice" }, "job build PUBLISHED by alice"],
  [
    { type: "SCHEDULE_STARTED", name: "nightly", pipelineTaskId: "run-1", actor: "alice" },
    "schedule nightly started run-1 by alice",
  ],
  [
    {
      type: "SCHEDULE_SKIPPED",
      name: "nightly",
      pipelineTaskId: "run-1",
      message: "run run-1 had not ended",
    },
    "schedule nightly skipped (run run-1 had not ended)",
  ],
  [
    { type: "SCHEDULE_PAUSED", name: "nightly", actor: "alice", message: "full disk" },
    "schedule nightly paused by alice (full disk)",
  ],
  [
    { type: "DELETED", pipelineTaskId: "run-1", name: "site", actor: "alice" },
    "run run-1 site deleted by alice",
  ],
  [
    { type: "DELETED", taskId, name: "backup", reason: "RETENTION", message: "older than 30d" },
    `task ${taskId} backup deleted (RETENTION: older than 30d)`,
  ],
])("%j is one line", (event, text) => {
  expect(line(event)).toBe(`2026-03-01T12:00:01.000Z ${text}`);
});

test("a gate that waits is followed by a line with what is decided on, also when it was decided since", () => {
  const decided = waitingGate(["alice"], { stage: "PASS", digest: "0f3a" });
  const known = runOf({ deploy: [{ name: "prod", audit: decided }] }).tasks[0];
  const event: HistoryEvent = {
    seq: 1,
    at: at(1),
    domain: "default",
    namespace: "default",
    type: "AUDIT_WAITING",
  };
  expect(contentLine(event, known)).toBe(
    "2026-03-01T12:00:01.000Z audit deploy/prod content job=prod:v1 digest=0f3a",
  );
  expect(contentLine({ ...event, type: "AUDIT_PASS" }, known)).toBeUndefined();
  expect(contentLine({ ...event, type: "CONFIRM_WAITING" }, known)).toBeUndefined();
  expect(contentLine(event, task)).toBeUndefined();
});

test("a gate that waits says until when, and that it was escalated", () => {
  const audit = waitingGate(["bob"], { expiresAt: at(60), escalatedAt: at(30) });
  const known = runOf({ deploy: [{ name: "prod", audit }] }).tasks[0];
  const event: HistoryEvent = {
    seq: 1,
    at: at(1),
    domain: "default",
    namespace: "default",
    type: "AUDIT_WAITING",
    taskId,
  };
  expect(changeLine(event, { command: "mflow", task: known })).toBe(
    `2026-03-01T12:00:01.000Z audit deploy/prod WAITING for bob (0 of 1) until ${at(60)}, escalated; ` +
      `decide: mflow audit ${taskId} --pass | --deny -m WHY`,
  );
});
