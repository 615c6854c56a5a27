// The engine alone: what deciding, committing and the effects cost per task, on the FAKE runner.

import type { Benchmark } from "./benchmark.ts";
import { type EngineRig, noopStage, openEngineRig } from "./engine-rig.ts";
import { rawCommitsPerSecond } from "./raw-commits.ts";

/** Slots enough that none waits: the engine is measured, not its limit. */
const MAX_TASKS = 8192;
const RAW_COMMITS = 2000;
const WARM_UP_ROUNDS = 5;

async function onRig<T>(work: (rig: EngineRig) => Promise<T>): Promise<T> {
  const rig = await openEngineRig({ maxTasks: MAX_TASKS });
  try {
    // A server works for days: measured is code that has been compiled, which takes some thousand tasks.
    for (let round = 0; round < WARM_UP_ROUNDS; round++) await runMany(rig, 100, 5);
    return await work(rig);
  } finally {
    await rig.close();
  }
}

/** Runs pipelines of serial no-op tasks at once; milliseconds until the last one ended. */
async function runMany(rig: EngineRig, pipelines: number, tasks: number): Promise<number> {
  const start = performance.now();
  await Promise.all(Array.from({ length: pipelines }, () => rig.run({ stages: [noopStage(tasks)] })));
  return performance.now() - start;
}

async function timePerTaskOfWidth(rig: EngineRig, width: number): Promise<number> {
  const start = performance.now();
  await rig.run({ stages: [noopStage(width, true)] });
  return (performance.now() - start) / width;
}

function throughput(id: string, pipelines: number, goal: number): Benchmark {
  const tasks = 5;
  return {
    id,
    work: `${pipelines.toLocaleString("en")} pipelines of ${tasks} serial no-op tasks at once, synchronous=FULL`,
    unit: "tasks/s",
    referenceIs: "bare durable commits per second",
    goal: `at least ${goal.toLocaleString("en")} tasks/s`,
    reaches: (value) => value >= goal,
    pass: () =>
      onRig(async (rig) => {
        const reference = rawCommitsPerSecond(RAW_COMMITS);
        const ms = await runMany(rig, pipelines, tasks);
        return { value: ((pipelines * tasks) / ms) * 1000, reference };
      }),
  };
}

export const benchmarks: readonly Benchmark[] = [
  throughput("engine.noop.r", 100, 3000),
  throughput("engine.noop.r1k", 1000, 3000),
  {
    id: "engine.noop.s",
    work: "one run of 50 serial no-op tasks",
    unit: "ms",
    referenceIs: "50 bare durable commits, ms",
    goal: "at most 60 ms",
    reaches: (value) => value <= 60,
    pass: () =>
      onRig(async (rig) => {
        const reference = (50 / rawCommitsPerSecond(RAW_COMMITS)) * 1000;
        return { value: await runMany(rig, 1, 50), reference };
      }),
  },
  {
    id: "run.width",
    work: "time per task of a run with 2,000 no-op tasks in a parallel stage, over one with 200",
    unit: "ms/task",
    referenceIs: "time per task with 200 tasks, ms",
    goal: "at most 1.5x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 1.5,
    pass: () =>
      onRig(async (rig) => {
        const reference = await timePerTaskOfWidth(rig, 200);
        return { value: await timePerTaskOfWidth(rig, 2000), reference };
      }),
  },
];
