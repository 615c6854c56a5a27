// Which tasks have terminals, by table, and what happens when one cannot be recorded.

import { MflowError } from "@mflow/core/errors";
import type { NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import { describe, expect, test } from "vitest";
import { createFakeRunner } from "../runners/fake/fake-runner.ts";
import type { TerminalRequest } from "../runners/runner.ts";
import { createTerminalRunner } from "../runners/testing/terminal-runner.ts";
import { Terminals, type TerminalsParts } from "./terminals.ts";

const request: TerminalRequest = { columns: 80, rows: 24, output: async () => {} };

function aTask(stage: JobTask["status"]["stage"], more: Partial<JobTask> = {}): JobTask {
  const task = { id: "task-1", name: "build", domain: "default", namespace: "default", attempt: 1 };
  return { ...task, runnerType: "K8S_JOB", status: { stage }, ...more } as JobTask;
}

function makeTerminals(append: (events: NewHistoryEvent[]) => Promise<void>) {
  const runner = createTerminalRunner();
  const warnings: string[] = [];
  const parts: TerminalsParts = {
    history: {
      async append(events) {
        await append(events);
        return events.map((event, i) => ({ seq: i + 1, ...event }));
      },
    },
    runnerOf: (type) => (type === "K8S_JOB" ? runner : createFakeRunner()),
    now: () => 0,
    tell: () => {},
    warn: (message) => warnings.push(message),
  };
  return { terminals: new Terminals(parts), runner, warnings };
}

describe("a task", () => {
  const { terminals } = makeTerminals(async () => {});

  test.each(["CREATING", "ACTIVE", "CANCELING", "CANCELED", "FAILED", "SUCCEEDED"] as const)(
    "that is %s may have a terminal: its runner knows",
    (stage) => {
      expect(() => terminals.check(aTask(stage))).not.toThrow();
    },
  );

  test.each<[JobTask, string]>([
    [aTask("PENDING"), "CONFLICT Task task-1 is PENDING: its work has not started."],
    [aTask("SCHEDULING"), "CONFLICT Task task-1 is SCHEDULING: its work has not started."],
    [
      aTask("SKIPPED", { attempt: 0 }),
      "CONFLICT Task task-1 is SKIPPED and never ran: there is nothing to look into.",
    ],
    [
      aTask("CANCELED", { attempt: 0 }),
      "CONFLICT Task task-1 is CANCELED and never ran: there is nothing to look into.",
    ],
    [
      aTask("ACTIVE", { runnerType: "SHELL" }),
      "BAD_REQUEST Task task-1 is run by SHELL: its steps are processes of the server's own machine, which nobody is let into; read `mflow logs`, or log in there.",
    ],
  ])("%j is refused", (task, words) => {
    try {
      terminals.check(task);
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      expect(`${error.code} ${error.message}`).toBe(words);
    }
  });
});

test("nobody gets in unrecorded: when the history cannot be written, the terminal is closed and refused", async () => {
  const { terminals, runner } = makeTerminals(async () => {
    throw new MflowError("STORE_FULL", "The disk is full.");
  });
  await expect(
    terminals.open(aTask("ACTIVE"), request, { name: "ada", operator: true }),
  ).rejects.toMatchObject({
    code: "STORE_FULL",
  });
  expect(await runner.terminals[0]?.ended).toEqual({ reason: "it could not be recorded that it was opened" });
  expect(terminals.isBusy).toBe(false);
});

test("an end that cannot be recorded is warned of, and the terminal is over all the same", async () => {
  let isFull = false;
  const { terminals, runner, warnings } = makeTerminals(async () => {
    if (isFull) throw new MflowError("STORE_FULL", "The disk is full.");
  });
  const terminal = await terminals.open(aTask("ACTIVE"), request, { name: "ada", operator: true });
  expect(terminals.isBusy).toBe(true);
  isFull = true;
  runner.terminals[0]?.exit(0);
  expect(await terminal.ended).toEqual({ exitCode: 0 });
  expect([terminals.isBusy, warnings]).toEqual([
    false,
    ["could not record the end of a terminal in task task-1"],
  ]);
});
