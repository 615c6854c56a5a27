// SHELL tasks through engine, runner and supervisor, beside a loop of Node alone that starts the same processes.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JobManifest } from "@mflow/core/schema/job";
import { createShellRunner, DEFAULT_LIMITS } from "@mflow/server/runners/shell/shell-runner";
import type { Benchmark } from "./benchmark.ts";
import { type EngineRig, noop, noopStage, openEngineRig } from "./engine-rig.ts";

const WIDTH = 8;
/** What a task takes: it is started, its start and its end are reported, its effect is done. */
const COMMITS_PER_TASK = 4;

const bareProgram = join(import.meta.dirname, "bare-spawns.ts");

const shellNoop: JobManifest = {
  ...noop,
  spec: { runnerType: "SHELL", runnerSpec: { steps: [{ run: "true" }] } },
};

/**
 * Milliseconds of the bare loop. Its second start finds the program stripped of its types and does not load what
 * strips them: the loop is measured at the size that it would have as JavaScript.
 */
async function bareSpawns(count: number, width: number, commits: number): Promise<number> {
  const codeCache = await mkdtemp(join(tmpdir(), "mflow-bare-"));
  const env = { ...process.env, NODE_COMPILE_CACHE: codeCache, NODE_NO_WARNINGS: "1" };
  const run = async (spawns: number) => {
    const args = [bareProgram, spawns, width, commits].map(String);
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    return Number(stdout);
  };
  try {
    await run(width);
    return await run(count);
  } finally {
    await rm(codeCache, { recursive: true, force: true });
  }
}

async function onShellRig<T>(work: (rig: EngineRig) => Promise<T>): Promise<T> {
  const rig = await openEngineRig({
    maxTasks: WIDTH,
    job: shellNoop,
    runner: ({ dataFolder }) =>
      createShellRunner({
        dataDir: dataFolder,
        allowRootSteps: true,
        graceMs: 10_000,
        limits: DEFAULT_LIMITS,
        supervisorIdleMs: 100,
        log: { info: () => {}, warn: (message) => console.error(message) },
      }),
  });
  try {
    // A first round starts the supervisor and lets the code be compiled.
    await runTasks(rig, 50, WIDTH);
    return await work(rig);
  } finally {
    await rig.close();
  }
}

/** Milliseconds of one run of `tasks` tasks, `width` at once. */
async function runTasks(rig: EngineRig, tasks: number, width: number): Promise<number> {
  const stage = width > 1 ? { ...noopStage(tasks, true), maxParallel: width } : noopStage(tasks);
  const start = performance.now();
  await rig.run({ stages: [stage] });
  return performance.now() - start;
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "shell.serial",
    work: "one run of 50 serial SHELL tasks that run `true`",
    unit: "ms",
    referenceIs: `a loop of Node alone: 50 times \`sh -c true\` and ${COMMITS_PER_TASK} durable commits, ms`,
    goal: "at most 2x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 2,
    pass: () =>
      onShellRig(async (rig) => {
        const reference = await bareSpawns(50, 1, COMMITS_PER_TASK);
        return { value: await runTasks(rig, 50, 1), reference };
      }),
  },
  {
    id: "shell.parallel",
    work: `one run of 200 SHELL tasks that run \`true\`, ${WIDTH} at once`,
    unit: "tasks/s",
    referenceIs: `a loop of Node alone: \`sh -c true\` per second, ${WIDTH} at once`,
    goal: "at least 0.7x",
    reaches: (_, ratio) => (ratio ?? 0) >= 0.7,
    pass: () =>
      onShellRig(async (rig) => {
        const reference = (200 / (await bareSpawns(200, WIDTH, 0))) * 1000;
        return { value: (200 / (await runTasks(rig, 200, WIDTH))) * 1000, reference };
      }),
  },
];
