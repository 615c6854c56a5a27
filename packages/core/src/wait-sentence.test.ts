// Why something waits, in words: one sentence for each kind of key and gate.

import { expect, test } from "vitest";
import type { Wait } from "./admission.ts";
import { circleSentence, waitKindOf, waitSentence } from "./wait-sentence.ts";

const at = "2026-01-01T00:00:00.000Z";
const base = { holders: [], held: 0, place: 2, since: at };
const held = { holders: ["run-1", "run-2", "run-3", "run-4"], held: 12 };

test.each<[string, Partial<Wait> & { key: string }, string]>([
  [
    "SEQUENCE_LOCK",
    { key: "sequence/d/n/release", limit: 1, holders: ["run-1"], held: 1 },
    "waits for the sequence lock of pipeline `release`, held by run-1, 2 before it in line",
  ],
  [
    "SEQUENCE_LOCK",
    { key: "sequence/d/n/release/branch=feature/a", limit: 1, holders: ["run-1"], held: 1 },
    "waits for the sequence lock of pipeline `release` with branch=feature/a, held by run-1, 2 before it in line",
  ],
  [
    "GROUP",
    { key: "group/d/n/prod", limit: 12, ...held },
    "waits for its turn in the concurrency group `prod` (at most 12), held by run-1, run-2, run-3 and 9 more, 2 before it in line",
  ],
  [
    "PIPELINE_RUNS",
    { key: "pipeline-runs/d/n/p", limit: 1, holders: ["run-1"], held: 1 },
    "waits: at most 1 run of pipeline `p` at once, held by run-1, 2 before it in line",
  ],
  [
    "PIPELINE_TASKS",
    { key: "pipeline-tasks/d/n/p", limit: 4 },
    "waits: at most 4 tasks of pipeline `p` at once; 2 before it in line",
  ],
  [
    "JOB_TASKS",
    { key: "job/d/n/j", limit: 1 },
    "waits: at most 1 task of job `j` at once; 2 before it in line",
  ],
  [
    "SCOPE_TASKS",
    { key: "scope/corp", limit: 9 },
    "waits: at most 9 tasks of domain `corp` at once, by the limit of an admin; 2 before it in line",
  ],
  [
    "SCOPE_TASKS",
    { key: "scope/corp/web", limit: 9 },
    "waits: at most 9 tasks of namespace `web.corp` at once, by the limit of an admin; 2 before it in line",
  ],
  [
    "RUNNER_TASKS",
    { key: "runner/SHELL", limit: 2 },
    "waits: at most 2 tasks of runner type `SHELL` at once, by the limit of an admin; 2 before it in line",
  ],
  ["TASK_SLOTS", { key: "slots", limit: 1 }, "waits for the only task slot; 2 before it in line"],
  ["TASK_SLOTS", { key: "slots", limit: 4 }, "waits for one of 4 task slots; 2 before it in line"],
  [
    "SERVER_PAUSED",
    { key: "server", closure: { by: "ada", at, message: "upgrade" } },
    `waits: the server is drained by ada since ${at}: upgrade`,
  ],
  [
    "PIPELINE_PAUSED",
    { key: "pipeline/d/n/p", closure: { by: "ada", at } },
    `waits: pipeline \`p\` is paused by ada since ${at}`,
  ],
  [
    "RUN_PAUSED",
    { key: "run/run-1", closure: { by: "ada", at } },
    `waits: the run is paused by ada since ${at}`,
  ],
  ["RUN_LOCK", { key: "run/run-1", closure: { at } }, "waits until its run has the sequence lock again"],
])("%s of %j", (kind, facts, sentence) => {
  const wait: Wait = { ...base, ...facts };
  expect([waitKindOf(wait), waitSentence(wait)]).toEqual([kind, sentence]);
});

test("a circle is told from the one that gives up back to it, with what each waits for", () => {
  const steps = [
    { id: "run-5", key: "sequence/d/n/release/branch=a/b" },
    { id: "run-1" },
    { id: "task-2", key: "job/d/n/test" },
    { id: "task-3" },
    { id: "run-4", key: "pipeline-runs/d/n/p" },
    { id: "run-6" },
  ];
  expect(circleSentence(steps)).toBe(
    "waits for the sequence lock of pipeline `release` with branch=a/b, held by run-1, which waits for task-2, which waits for the limit of job `test`, held by task-3, which waits for run-4, which waits for the limit of runs of pipeline `p`, held by run-6, which waits for this: all would wait for ever",
  );
});
