// Evidence as a terminal of 80 columns shows it, whole.

import type { Evidence } from "@mflow/core/schema/evidence";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { displayWidth } from "../display/width.ts";
import { at } from "../testing/watched-run.ts";
import { evidenceLines } from "./evidence-lines.ts";

const options = { style: makeStyle({ color: false, unicode: true }), command: "mflow", columns: 80 };

const task = {
  taskId: "task-2",
  name: "prod",
  stageName: "release",
  attempt: 2,
  stage: "PENDING",
  domain: "default",
  namespace: "default",
  startedBy: "alice",
  run: { id: "run-2", name: "shop" },
} as const;

function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    ...task,
    gate: {
      kind: "AUDIT",
      people: ["@ops", "eve"],
      required: 2,
      allowSelf: false,
      stage: "WAITING",
      digest: "d1",
      openedAt: at(10),
      expiresAt: at(50),
      escalateTo: ["zoe"],
      escalatedAt: at(20),
      decisions: [{ user: "bob", verdict: "PASS", comment: "ok", at: at(11), digest: "d1" }],
      mayDecide: [{ user: "cem", standIn: "dan" }, { user: "eve" }],
    },
    content: {
      job: { name: "deploy", version: "v3" },
      params: [
        { name: "TARGET", value: "eu", usageType: "ENV", valueType: "TEXT", setBy: "RUN" },
        {
          name: "A_VERY_LONG_NAME_OF_A_PARAM",
          value: "one two three four five six seven eight nine ten eleven twelve",
          usageType: "ENV",
          valueType: "TEXT",
          setBy: "RUN",
        },
      ],
    },
    feedback: "the button is red",
    sinceSuccess: {
      taskId: "task-1",
      pipelineTaskId: "run-1",
      endAt: at(2),
      startedBy: "eve",
      job: { before: "v2", after: "v3" },
      params: [
        { name: "NEW", change: "ADDED", after: "1" },
        { name: "OLD", change: "REMOVED", before: "2" },
        { name: "PASSWORD", change: "CHANGED", before: "***", after: "***", sensitive: true },
        { name: "KEY", change: "UNKNOWN", before: "***", after: "***", sensitive: true },
        { name: "TARGET", change: "CHANGED", before: "us", after: "eu" },
      ],
      commits: { before: "0123456789ab", after: "ba9876543210", url: "https://gitlab.example.com/a/b" },
    },
    earlierDecisions: [
      { taskId: "task-2", attempt: 1, user: "eve", verdict: "DENY", comment: "no", at: at(5), digest: "d" },
      { taskId: "task-1", attempt: 1, user: "bob", verdict: "PASS", at: at(1), digest: "d" },
    ],
    earlierTasks: [
      {
        taskId: "task-0",
        name: "test",
        stageName: "build",
        stage: "SUCCEEDED",
        runtimeEnvs: { COVERAGE: "93" },
        markdownOutput: "# 42 tests\n\nall \u001b[31mwell\n",
      },
    ],
    links: [{ label: "commit", url: "https://gitlab.example.com/a/b/-/commit/ba9876543210" }],
    ...more,
  };
}

test("an audit is read from what it asks to how it is decided", () => {
  expect(evidenceLines(evidence(), options)).toEqual([
    "Audit of release/prod of shop (run-2): may it run?",
    "  passed       1 of 2; listed: @ops, eve",
    "  may decide   dan (for cem, who is away), eve",
    "  waits since  2026-03-01T12:00:10.000Z",
    "  until        2026-03-01T12:00:50.000Z",
    "  escalated    2026-03-01T12:00:20.000Z to zoe",
    "  decided      2026-03-01T12:00:11.000Z PASS by bob: ok",
    "",
    "Feedback",
    "  the button is red",
    "",
    "What runs",
    "  job                       deploy:v3",
    "  started by                alice, attempt 2",
    "  TARGET                    eu",
    "  A_VERY_LONG_NAME_OF_A_PARAM",
    "                            one two three four five six seven eight nine ten",
    "                            eleven twelve",
    "",
    "Since it last SUCCEEDED",
    "  job       v2 -> v3",
    "  commits   https://gitlab.example.com/a/b",
    "  NEW       added: 1",
    "  OLD       removed, was 2",
    "  PASSWORD  (sensitive) changed",
    "  KEY       (sensitive) cannot be compared: its key is gone",
    "  TARGET    us -> eu",
    "  then      2026-03-01T12:00:02.000Z, by eve, task-1",
    "",
    "Decided before",
    "  attempt 1: 2026-03-01T12:00:05.000Z DENY by eve: no",
    "  last success: 2026-03-01T12:00:01.000Z PASS by bob",
    "",
    "build/test SUCCEEDED",
    "  COVERAGE  93",
    "  # 42 tests",
    "",
    "  all well",
    "",
    "Links",
    "  commit  https://gitlab.example.com/a/b/-/commit/ba9876543210",
    "",
    "Decide on exactly this:",
    "  mflow audit task-2 --pass --digest d1",
    "  or: --deny -m WHY",
  ]);
});

test("a confirm shows how the work ended and the end of its log; nothing is wider than the terminal", () => {
  const { gate, ...rest } = evidence();
  const lines = evidenceLines(
    {
      ...rest,
      gate: { ...(gate as NonNullable<typeof gate>), kind: "CONFIRM" },
      result: {
        reported: { stage: "FAILED", reason: "EXIT_CODE", message: "exit code 3", at: at(9) },
        durationMs: 6000,
        steps: [
          { name: "one", exitCode: 0 },
          { name: "two", exitCode: 3 },
        ],
        markdownOutput: "很".repeat(100),
      },
      log: [{ line: 7, time: 0, stream: "stderr", step: "two", text: "no" }],
    },
    { ...options, columns: 60 },
  );
  const start = lines.indexOf("Result");
  expect(lines.slice(start, start + 10)).toEqual([
    "Result",
    "  result   FAILED in 6s",
    "  because  EXIT_CODE: exit code 3",
    "  failed   two",
    `  ${"很".repeat(29)}`,
    `  ${"很".repeat(29)}`,
    `  ${"很".repeat(29)}`,
    `  ${"很".repeat(13)}`,
    "",
    "End of the log",
  ]);
  expect(lines.at(-1)).toBe("  or: --deny -m WHY, or --push-back TASK -m WHY");
  expect(lines.filter((line) => displayWidth(line) > 60 && !line.includes("http"))).toEqual([]);
});

test("when nothing changed it says so, and a gate that is decided is not asked about", () => {
  const { gate, feedback: _feedback, ...rest } = evidence();
  const lines = evidenceLines(
    {
      ...rest,
      gate: { ...(gate as NonNullable<typeof gate>), stage: "PASS", mayDecide: [], decisions: [] },
      sinceSuccess: { taskId: "task-1", startedBy: "eve", params: [] },
      earlierDecisions: [],
      earlierTasks: [],
      links: [],
    },
    options,
  );
  expect([lines[0], ...lines.slice(-7)]).toEqual([
    "Audit of release/prod of shop (run-2): PASS",
    "                            eleven twelve",
    "",
    "Since it last SUCCEEDED",
    "  nothing  job version and params are the same",
    "  then     by eve, task-1",
    "",
    "digest d1",
  ]);
  const { gate: _gate, ...none } = evidence();
  expect(evidenceLines(none, options)[0]).toBe("release/prod of shop (run-2) has no gate");
});

test("a long address stays whole, on a line of its own", () => {
  const url = `https://gitlab.example.com/a/b/-/compare/${"0".repeat(34)}`;
  const lines = evidenceLines(evidence({ links: [{ label: "what changed", url }] }), options);
  const start = lines.indexOf("Links");
  expect(lines.slice(start, start + 4)).toEqual(["Links", "  what changed", `  ${url}`, ""]);
});
