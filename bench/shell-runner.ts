// How fast the SHELL runner is, beside a bare loop of this Node that starts `sh -c true`:
//
//     node bench/shell-runner.ts [--passes N]
//
// Prints medians. The runner's goals: 200 tasks, 8 at once, at 0.8 of the bare rate or more; 50 one after
// another in twice the bare time or less.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import type { RunnerHost } from "../packages/server/src/runners/runner.ts";
import { createShellRunner, DEFAULT_LIMITS } from "../packages/server/src/runners/shell/shell-runner.ts";
import { startRequest } from "../packages/server/src/runners/testing/start-request.ts";

const { values } = parseArgs({
  options: { passes: { type: "string", default: "5" }, run: { type: "string", default: "true" } },
});

/** Calls `work` so many times, at most `width` at once; answers milliseconds. */
async function timed(count: number, width: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  let left = count;
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: width }, worker));
  return performance.now() - began;
}

/** The bare loop, in a process of its own: starting processes takes the longer the larger the starter is. */
async function bare(count: number, width: number): Promise<number> {
  const program = `
    const { spawn } = require("node:child_process");
    let left = ${count}, running = ${width};
    const began = performance.now();
    const next = () => {
      if (left-- > 0) spawn("sh", ["-c", ${JSON.stringify(values.run)}], { stdio: "ignore" }).on("exit", next);
      else if (--running === 0) console.log(performance.now() - began);
    };
    for (let i = 0; i < ${width}; i++) next();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program]);
  return Number(stdout);
}

const ended = new Map<string, () => void>();
const host: RunnerHost = {
  report: async ({ taskId, stage }) => {
    if (stage !== "ACTIVE") ended.get(taskId)?.();
  },
  logs: { length: async () => 0, append: async () => {}, finish: async () => {} },
};

const dataDir = mkdtempSync(join(tmpdir(), "mflow-bench-"));
const runner = createShellRunner({
  dataDir,
  allowRootSteps: true,
  graceMs: 1000,
  limits: DEFAULT_LIMITS,
  supervisorIdleMs: 100,
  log: { info: () => {}, warn: (message) => console.warn(message) },
});

async function task(): Promise<void> {
  const request = startRequest({ steps: [{ run: values.run }] }, { secrets: ["a-token-of-the-task"] });
  const end = new Promise<void>((resolve) => ended.set(request.taskId, resolve));
  await runner.start(request);
  await end;
  ended.delete(request.taskId);
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

await runner.open(host);
await timed(50, 8, task);
await bare(50, 8);
const shapes = [
  { name: "200 tasks, 8 at once", count: 200, width: 8 },
  { name: "50 tasks, one after another", count: 50, width: 1 },
];
for (const { name, count, width } of shapes) {
  const bareTimes: number[] = [];
  const taskTimes: number[] = [];
  for (let pass = 0; pass < Number(values.passes); pass++) {
    bareTimes.push(await bare(count, width));
    taskTimes.push(await timed(count, width, task));
  }
  const [bareMs, taskMs] = [median(bareTimes), median(taskTimes)];
  const rate = (ms: number) => `${Math.round((count / ms) * 1000)}/s`;
  console.log(
    `${name}: ${rate(taskMs)} (${taskMs.toFixed(0)} ms), bare ${rate(bareMs)} (${bareMs.toFixed(0)} ms), rate ratio ${(bareMs / taskMs).toFixed(2)}`,
  );
}
await runner.close();
rmSync(dataDir, { recursive: true, force: true });
