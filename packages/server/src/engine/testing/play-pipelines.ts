// The pipelines that a play runs: each has one kind of limit, end or follow-up, so that what goes wrong names its cause.

import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineManifest, PipelineSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import type { ScheduleManifest } from "@mflow/core/schema/schedule";

export const GROUP_LIMIT = 2;
export const MATRIX_LIMIT = 2;

const shared = { group: "shared", limit: GROUP_LIMIT };
const newest = { group: "newest", cancelInProgress: true };
const confirm = { checkers: ["ana"], allowSelf: true };
const audit = { auditors: ["ana", "bob"], required: 2, allowSelf: true };
const retry = { limit: 2, backoff: { initial: "3ms" } };

export const JOBS: JobManifest[] = [
  jobOf("work", { runnerType: "FAKE", runnerSpec: { duration: "2ms" } }),
  jobOf("flaky", {
    runnerType: "FAKE",
    runnerSpec: { duration: "2ms", failsFirst: 1 },
    retry: { ...retry, on: ["FAILED", "LOST"] },
  }),
  jobOf("failing", { runnerType: "FAKE", runnerSpec: { duration: "1ms", outcome: "FAILED" } }),
  jobOf("endless", { runnerType: "FAKE", runnerSpec: { outcome: "NONE" } }),
  jobOf("stubborn", { runnerType: "FAKE", runnerSpec: { duration: "6ms", ignoreStop: true } }),
  jobOf("twice", { runnerType: "FAKE", runnerSpec: { duration: "1ms", doubled: true } }),
  jobOf("late", { runnerType: "FAKE", runnerSpec: { duration: "1ms", lateReport: "FAILED" } }),
  jobOf("early", { runnerType: "FAKE", runnerSpec: { reportsBeforeStart: true, doubled: true } }),
  jobOf("way", {
    runnerType: "FAKE",
    runnerSpec: { duration: "2ms" },
    runParams: [{ name: "WAY", value: "" }],
  }),
  jobOf("outside", { runnerType: "MANUAL", runnerSpec: {} }),
  jobOf("call", { runnerType: "PIPELINE", runnerSpec: { pipeline: "line", queue: true } }),
  jobOf("call-newest", { runnerType: "PIPELINE", runnerSpec: { pipeline: "newest" } }),
];

function jobOf(name: string, spec: JobManifest["spec"]): JobManifest {
  return { kind: "Job", metadata: { name }, publish: true, spec };
}

const task = (job: string, rest: Partial<TaskSpec> = {}): TaskSpec => ({ name: "a", job, ...rest });
const named = (name: string, job: string, rest: Partial<TaskSpec> = {}): TaskSpec => ({ name, job, ...rest });
/** One stage whose tasks run at once. */
const atOnce = (...tasks: TaskSpec[]): PipelineSpec["stages"] => [{ name: "main", isParallel: true, tasks }];

const SPECS = {
  /** One run at a time, the others wait in line. */
  line: { queue: {}, stages: atOnce(task("work"), named("b", "work")) },
  /** The run holds the group. */
  group: { isParallel: true, concurrency: shared, stages: atOnce(task("work")) },
  /** Tasks hold the group, and there are few of them at once. */
  tasks: {
    isParallel: true,
    maxTasks: 1,
    stages: atOnce(task("work", { concurrency: shared }), named("b", "work", { concurrency: shared })),
  },
  /** Older runs give way. */
  newest: { isParallel: true, concurrency: newest, stages: atOnce(task("work")) },
  /** Older tasks give way. */
  "newest-tasks": {
    isParallel: true,
    stages: atOnce(
      task("work", { concurrency: { group: "newest-tasks", cancelInProgress: true }, ignoreFailed: true }),
      named("b", "stubborn"),
    ),
  },
  tries: { isParallel: true, stages: atOnce(task("flaky", { concurrency: shared })) },
  /** The lock is let go while people decide. */
  gates: {
    queue: {},
    holdLock: false,
    stages: [
      {
        name: "main",
        tasks: [task("work", { concurrency: shared }), named("b", "work", { concurrency: shared, confirm })],
      },
    ],
  },
  audited: { queue: {}, holdLock: false, stages: atOnce(task("work", { audit })) },
  outside: { isParallel: true, stages: atOnce(task("outside", { concurrency: shared })) },
  above: { isParallel: true, stages: atOnce(task("call")) },
  /** What it runs gives way to whatever is newer. */
  "above-newest": { isParallel: true, stages: atOnce(task("call-newest", { retry })) },
  first: {
    isParallel: true,
    concurrency: newest,
    nextPipeline: { pipeline: "second", queue: true },
    stages: atOnce(task("twice")),
  },
  second: { queue: {}, nextPipeline: { pipeline: "newest" }, stages: atOnce(task("late")) },
  matrix: {
    isParallel: true,
    stages: atOnce(
      task("way", { matrix: { params: { WAY: [1, 2, 3, 4] }, maxParallel: MATRIX_LIMIT } }),
      named("b", "early"),
    ),
  },
  /** A stage and a run that take too long; what comes finally runs all the same. */
  timeouts: {
    isParallel: true,
    timeout: "40ms",
    stages: [
      { name: "main", isParallel: true, timeout: "8ms", tasks: [task("endless"), named("b", "stubborn")] },
      { name: "clean", finally: true, tasks: [named("c", "work")] },
    ],
  },
  slow: {
    isParallel: true,
    timeout: "10ms",
    stages: [
      { name: "main", isParallel: true, tasks: [task("endless"), named("b", "work")] },
      { name: "clean", finally: true, tasks: [named("c", "work")] },
    ],
  },
  broken: {
    queue: {},
    stages: [
      { name: "main", isParallel: true, failFast: true, tasks: [task("failing"), named("b", "work")] },
      { name: "rest", tasks: [named("c", "work")] },
    ],
  },
  timed: { queue: {}, stages: atOnce(task("work")) },
} satisfies Record<string, PipelineSpec>;

export type PlayPipeline = keyof typeof SPECS;
export const PIPELINES = Object.keys(SPECS) as PlayPipeline[];
/** Pipelines whose tasks hold the group. */
export const SHARING: readonly PlayPipeline[] = ["tasks", "tries", "gates", "outside"];

/** Everything is told: the run to one listener, and its tasks to another one. */
const webhooks = [{ url: "http://run.test" }, { url: "http://task.test", scope: "*" as const }];

export const PIPELINE_MANIFESTS = PIPELINES.map(
  (name): PipelineManifest => ({
    kind: "Pipeline",
    metadata: { name },
    spec: { ...(SPECS[name] as PipelineSpec), webhooks },
  }),
);

export const OVERLAPS = ["ALLOW", "SKIP", "QUEUE", "CANCEL_RUNNING"] as const;

/** Each of them fires every minute. */
export const SCHEDULES = OVERLAPS.map(
  (overlap): ScheduleManifest => ({
    kind: "Schedule",
    metadata: { name: scheduleOf(overlap) },
    spec: {
      pipeline: "timed",
      cron: "* * * * *",
      overlap,
      catchUp: { policy: overlap === "QUEUE" ? "ALL" : "LAST" },
    },
  }),
);

export function scheduleOf(overlap: (typeof OVERLAPS)[number]): string {
  return overlap.toLowerCase().replace("_", "-");
}
