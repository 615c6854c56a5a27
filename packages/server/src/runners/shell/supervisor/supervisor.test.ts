// What the supervisor has written down at the moments in which it could be killed: what it said and did before must
// not be undone by what the next one finds.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Folders } from "./folders.ts";
import { type JournalEvent, readJournal } from "./journal.ts";
import { Launcher } from "./launchers.ts";
import type { FromSupervisor, StartMessage } from "./protocol.ts";
import { type Recovered, recover, replay } from "./recovery.ts";
import { Supervisor } from "./supervisor.ts";
import { supervisorFolder } from "./supervisor-record.ts";

const ref = { taskId: "task-1", attempt: 1 };
const key = "task-1.1";

let dataDir: string;
let supervisor: Supervisor;
let sent: FromSupervisor[];
let heard: () => void = () => {};
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "mflow-supervisor-"));
  sent = [];
  supervisor = await Supervisor.open(dataDir, 1, (message) => {
    sent.push(message);
    heard();
  });
});
afterEach(() => {
  supervisor.close();
  rmSync(dataDir, { recursive: true });
});

function start(...scripts: string[]): void {
  const steps = scripts.map((script, index) => {
    return { name: `step-${index + 1}`, script, env: {}, continueOnError: false, keepProcesses: false };
  });
  const limits = {
    bytesPerTask: 1e6,
    bytesPerSecond: 1e6,
    runtimeEnvs: 64,
    runtimeEnvBytes: 1e4,
    markdownBytes: 1e4,
  };
  const message: StartMessage = {
    type: "start",
    ref,
    steps,
    workspace: { kind: "task" },
    env: { PATH: process.env.PATH ?? "" },
    secrets: [],
    graceMs: 1000,
    limits,
  };
  supervisor.handle(message);
}

async function result(): Promise<FromSupervisor> {
  for (;;) {
    const found = sent.find(({ type }) => type === "result");
    if (found) return found;
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
}

const journal = (): JournalEvent[] => readJournal(supervisorFolder(dataDir));

/** What the next supervisor would say if this one was killed now. */
async function found(): Promise<Recovered | undefined> {
  const home = supervisorFolder(dataDir);
  return (await recover(replay(journal()), () => new Folders(home, "2", undefined))).get(key);
}

test("a result that a server has taken is either known whole or not at all", async () => {
  start("echo A=1 >$MFLOW_OUTPUT");
  expect(await result()).toMatchObject({ result: { stage: "SUCCEEDED", runtimeEnvs: { A: "1" } } });
  await expect.poll(() => journal().map(({ e }) => e)).toContain("end");
  supervisor.handle({ type: "ack", refs: [ref] });
  const files = join(supervisorFolder(dataDir), "tasks", key);
  const known = await found();
  expect([known?.result.stage, known?.result.runtimeEnvs]).toEqual(["SUCCEEDED", { A: "1" }]);
  await expect.poll(() => existsSync(files)).toBe(false);
  expect(await found()).toBe(undefined);
});

test("every step is in the journal before it begins", async () => {
  const begun: string[][] = [];
  const original = Launcher.prototype.start;
  Launcher.prototype.start = function (launch) {
    begun.push(journal().map(({ e }) => e));
    return original.call(this, launch);
  };
  try {
    start("true", "true", "true");
    await result();
  } finally {
    Launcher.prototype.start = original;
  }
  expect(begun).toEqual([["start"], ["start", "step"], ["start", "step", "step"]]);
});
