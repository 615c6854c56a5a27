import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Launchers } from "./launchers.ts";
import { MARK_VARIABLE } from "./leftovers.ts";
import { Pipes } from "./pipes.ts";
import { RunningStep } from "./running-step.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), "mflow-step-"));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test("a step may run for longer than timers go", async () => {
  const rung = Promise.withResolvers<void>();
  const { setTimeout } = globalThis;
  // The longest timers ring at once, as if their time were over.
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((callback: () => void, ms?: number) => {
    if (ms !== 2 ** 31 - 1) return setTimeout(callback, ms);
    return setTimeout(() => {
      callback();
      rung.resolve();
    }, 0);
  }) as typeof setTimeout);
  const launchers = new Launchers(new Pipes(join(folder, "pipes"), "p", undefined), undefined);
  const launcher = launchers.take();
  const mark = `mflow-running-step-test-${process.pid}`;
  const step = new RunningStep(
    {
      launcher,
      launch: {
        ...{ script: "until test -e go; do sleep 0.02; done", cwd: folder, mark },
        ...{ env: { [MARK_VARIABLE]: mark, PATH: process.env.PATH ?? "" }, exits: join(folder, "exits") },
      },
      timeoutMs: 30 * 24 * 3600_000,
      graceMs: 1000,
      keepProcesses: false,
      onOutput: () => undefined,
      onLasting: () => undefined,
    },
    { launchers, cgroups: undefined },
  );
  await rung.promise;
  await writeFile(join(folder, "go"), "");
  const { exitCode, timedOut } = await step.ended;
  await launchers.retire(launcher, 0);
  expect({ exitCode, timedOut }).toEqual({ exitCode: 0, timedOut: false });
});
