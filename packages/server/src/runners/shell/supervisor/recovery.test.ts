// What the next supervisor says of attempts, whatever the moment in which the one before was killed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Folders, outputPath } from "./folders.ts";
import type { JournalEvent } from "./journal.ts";
import { MARK_VARIABLE, markOf } from "./leftovers.ts";
import { bootId } from "./process-identity.ts";
import type { Result } from "./protocol.ts";
import { type Recovered, recover, replay } from "./recovery.ts";

const ref = { taskId: "task-1", attempt: 1 };
const key = "task-1.1";
const startAt = "2026-01-01T00:00:00.000Z";
/** No process has this number. */
const leader = { pid: 2 ** 22 + 1, start: 1, boot: bootId() };

let home: string;
let folder: string;
let files: string;
let exits: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "mflow-recovery-"));
  folder = join(home, "workspaces", "1-0");
  files = join(home, "tasks", key);
  exits = join(home, "exits.1-0");
  mkdirSync(join(folder, "out"), { recursive: true });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(home, { recursive: true });
});

function start(...names: string[]): JournalEvent {
  const steps = names.map((name) => ({ name, continueOnError: false, keepProcesses: false }));
  return { e: "start", ref, startAt, steps, files, folder, exits, leader };
}

function end(result: Partial<Result>, outputs: number[]): JournalEvent {
  return { e: "end", ref, result: { stage: "SUCCEEDED", at: startAt, steps: [], ...result }, outputs };
}

async function recovered(...events: JournalEvent[]): Promise<Recovered> {
  const found = await recover(replay(events), () => new Folders(home, "2", undefined));
  return found.get(key) as Recovered;
}

/** A process of a step. */
async function running(step: number): Promise<ChildProcess> {
  const env = { ...process.env, [MARK_VARIABLE]: markOf(key, step) };
  const child = spawn("sleep", ["1000"], { env, detached: true });
  children.push(child);
  await once(child, "spawn");
  return child;
}

const said = ({ result, outputs }: Recovered) => ({
  stage: result.stage,
  reason: result.reason,
  message: result.message,
  steps: result.steps,
  runtimeEnvs: result.runtimeEnvs,
  outputs,
});
const nothing = { reason: undefined, message: undefined, runtimeEnvs: undefined, outputs: [] };

describe("a step after the one that the journal names", () => {
  test("is killed when it runs, and the attempt is LOST", async () => {
    writeFileSync(exits, `${key}.0 0\n`);
    const child = await running(1);
    const gone = once(child, "exit");
    expect(said(await recovered(start("a", "b")))).toEqual({
      ...nothing,
      stage: "FAILED",
      reason: "LOST",
      message: "the supervisor was killed while step `b` ran; the step was stopped",
      steps: [{ name: "a", exitCode: 0 }],
    });
    expect(await gone).toEqual([null, "SIGKILL"]);
  });

  test("counts when it has ended, with what all put out", async () => {
    writeFileSync(exits, `${key}.0 0\n${key}.1 0\n`);
    mkdirSync(files, { recursive: true });
    writeFileSync(outputPath(files, 0), "A=1\n");
    writeFileSync(join(folder, "out", "output"), "B=2\n");
    expect(said(await recovered(start("a", "b")))).toEqual({
      ...nothing,
      stage: "SUCCEEDED",
      steps: [
        { name: "a", exitCode: 0 },
        { name: "b", exitCode: 0 },
      ],
      runtimeEnvs: { A: "1", B: "2" },
      outputs: [0, 1],
    });
  });

  test("makes the attempt FAILED when it did", async () => {
    writeFileSync(exits, `${key}.0 0\n${key}.1 3\n`);
    expect(said(await recovered(start("a", "b", "c")))).toMatchObject({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "step `b` exited with 3",
    });
  });
});

test("an attempt that was being stopped is CANCELED, also when its step ended by that", async () => {
  writeFileSync(exits, `${key}.0 143\n`);
  expect(said(await recovered(start("a"), { e: "stop", ref }))).toEqual({
    ...nothing,
    stage: "CANCELED",
    steps: [{ name: "a", exitCode: 143 }],
  });
});

describe("what a step put out", () => {
  test("is read where the supervisor before had put it", async () => {
    writeFileSync(exits, `${key}.0 0\n`);
    mkdirSync(files, { recursive: true });
    writeFileSync(outputPath(files, 0), "A=1\n");
    // Written by a process that the step kept: it must not take the place of what was taken.
    writeFileSync(join(folder, "out", "output"), "LATE=1\n");
    expect(said(await recovered(start("a")))).toMatchObject({ stage: "SUCCEEDED", runtimeEnvs: { A: "1" } });
  });

  test("and is no pair fails the attempt, also when it had been taken already", async () => {
    writeFileSync(exits, `${key}.0 0\n`);
    mkdirSync(files, { recursive: true });
    writeFileSync(outputPath(files, 0), "no pair\n");
    expect(said(await recovered(start("a")))).toMatchObject({
      stage: "FAILED",
      reason: "OUTPUT_INVALID",
      message: '$MFLOW_OUTPUT of step `a`: line 1 is neither NAME=value nor NAME<<WORD: "no pair"',
    });
  });

  test("and cannot be taken fails the attempt", async () => {
    writeFileSync(exits, `${key}.0 0\n`);
    writeFileSync(join(folder, "out", "output"), "A=1\n");
    mkdirSync(join(home, "tasks"));
    // In the way of the folder for it.
    symlinkSync(join(home, "nowhere"), files);
    const { stage, reason, message } = said(await recovered(start("a")));
    expect([stage, reason]).toEqual(["FAILED", "RUNNER_ERROR"]);
    expect(message).toMatch(/^what step `a` put out cannot be read: E/);
  });

  test("and is gone, although the result tells of it, fails the attempt", async () => {
    expect(said(await recovered(start("a"), end({}, [0])))).toMatchObject({
      stage: "FAILED",
      reason: "RUNNER_ERROR",
      message: `what step \`a\` put out cannot be read: ${outputPath(files, 0)} is gone`,
    });
  });

  test("and is gone does not change how an attempt failed", async () => {
    const failed = { stage: "FAILED", reason: "EXIT_CODE", message: "step `a` exited with 1" } as const;
    expect(said(await recovered(start("a"), end(failed, [0])))).toMatchObject(failed);
  });

  test("is nothing when it is a link", async () => {
    writeFileSync(exits, `${key}.0 0\n`);
    writeFileSync(join(home, "secret"), "A=1\n");
    symlinkSync(join(home, "secret"), join(folder, "out", "output"));
    expect(said(await recovered(start("a")))).toMatchObject({ stage: "SUCCEEDED", runtimeEnvs: undefined });
    expect(existsSync(join(home, "secret"))).toBe(true);
  });
});
