import type { Evidence } from "@mflow/core/schema/evidence";
import type { EffectiveParam } from "@mflow/core/schema/param";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { type TaskSketch, taskOf, waitingGate } from "../testing/watched-run.ts";
import { gateContent, gateContentLine } from "./gate-content.ts";
import { openGateOf } from "./watched.ts";

const style = makeStyle({ color: false, unicode: true });
const gate = waitingGate(["alice"], { digest: "0123456789abcdef" });

function param(name: string, value: string): EffectiveParam {
  return { name, value, usageType: "ENV", valueType: "TEXT", setBy: "RUN" };
}

function waiting(sketch: TaskSketch, params?: EffectiveParam[]) {
  const task = { ...taskOf(sketch, "release"), params };
  const open = openGateOf(task);
  if (!open) throw new Error("no gate is open");
  return { task, open };
}

const deploy = waiting({ name: "deploy", audit: gate }, [
  param("APP_VERSION", "v20260203-main-bfacd86c"),
  param("TOKEN", "***"),
  param("NOTES", "first line\nsecond line"),
]);

test("an audit shows the job, the params that it will run with, and the digest", () => {
  expect(gateContent(deploy.task, deploy.open, { columns: 50, rows: 10, style })).toEqual([
    "Audit of release/deploy: may it run?",
    "  job          deploy:v1",
    "  APP_VERSION  v20260203-main-bfacd86c",
    "  TOKEN        ***",
    "  NOTES        first line second line",
    "  digest 0123456789abcdef",
  ]);
});

test("a confirm shows the result, what was put out, and the summary", () => {
  const { task, open } = waiting({
    name: "check",
    stage: "ACTIVE",
    from: 0,
    to: 1.5,
    reported: "SUCCEEDED",
    confirm: gate,
  });
  const status = {
    ...task.status,
    runtimeEnvs: { URL: "http://x" },
    markdownOutput: "# Report\n\nall well\n",
  };
  expect(gateContent({ ...task, status }, open, { columns: 50, rows: 10, style })).toEqual([
    "Confirm of release/check: is the result good?",
    "  result  SUCCEEDED in 1.5s",
    "  URL     http://x",
    "  # Report",
    "  all well",
    "  digest 0123456789abcdef",
  ]);
});

test("what a decision rests on comes before the params: feedback, what changed, what was decided last", () => {
  const evidence: Evidence = {
    taskId: deploy.task.id,
    name: "deploy",
    attempt: 1,
    stage: "PENDING",
    domain: "default",
    namespace: "default",
    startedBy: "alice",
    content: { job: { name: "deploy", version: "v1" }, params: [] },
    sinceSuccess: {
      taskId: "task-0",
      startedBy: "alice",
      params: [{ name: "TOKEN", change: "CHANGED", before: "***", after: "***", sensitive: true }],
      commits: { before: "0123456789abcdef0123", after: "fedcba98765432100123" },
    },
    earlierDecisions: [
      { taskId: "task-0", attempt: 1, user: "eve", verdict: "DENY", comment: "no", at: "THEN", digest: "d" },
    ],
    earlierTasks: [],
    links: [],
  };
  const task = { ...deploy.task, feedback: "make it blue" };
  const lines = gateContent(task, deploy.open, { columns: 80, rows: 6, style, evidence });
  expect(lines.slice(1, -2)).toEqual([
    "  job       deploy:v1",
    "  feedback  make it blue",
    "  changed   commits 0123456789ab..fedcba987654; TOKEN (sensitive) changed",
  ]);
  expect(gateContent(task, deploy.open, { columns: 80, rows: 9, style, evidence })[4]).toBe(
    "  before       THEN DENY by eve: no",
  );
});

test("content that does not fit is cut, and says so", () => {
  const lines = gateContent(deploy.task, deploy.open, { columns: 30, rows: 5, style });
  expect(lines).toEqual([
    "Audit of release/deploy: may …",
    "  job          deploy:v1",
    "  APP_VERSION  v20260203-main…",
    expect.stringMatching(/^ {2}… 2 more: describe task .*…$/),
    "  digest 0123456789abcdef",
  ]);
});

test("in a pipe the content is one line", () => {
  expect(gateContentLine(deploy.task, deploy.open)).toBe(
    "job=deploy:v1 APP_VERSION=v20260203-main-bfacd86c TOKEN=*** NOTES=first line second line digest=0123456789abcdef",
  );
});
