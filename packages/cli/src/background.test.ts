// `mflow run` where no server is: one is started in the background, serves, and ends when nothing is left to do.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { makeWorkplace, stable, until, type Workplace } from "./testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
metadata: { name: greet }
spec:
  runnerType: SHELL
  runParams: [{ name: WHO, value: world }]
  runnerSpec:
    steps:
      - name: hello
        run: |
          echo "hello $WHO"
          echo "GREETED=$WHO" >> "$MFLOW_OUTPUT"
      - { name: check, run: 'test "$WHO" = mflow' }
---
kind: Job
metadata: { name: pretend }
spec:
  runnerType: FAKE
  runParams: [{ name: GREETED, usageType: TEMPLATE, required: true }]
  runnerSpec: { duration: 50ms, log: ["greeted \${GREETED}"] }
---
kind: Pipeline
metadata: { name: first }
spec:
  stages:
    - { name: real, tasks: [{ name: greet, job: greet }] }
    - { name: fake, tasks: [{ name: pretend, job: pretend }] }
`;

const ONE = "kind: Job\nmetadata: { name: one }\nspec: { runnerType: FAKE, runnerSpec: {} }\n";

/** For servers that are to stay until the test ends them, however slow the machine is. */
const STAYS = { MFLOW_IDLE_EXIT: "10m" };

let place: Workplace;
afterEach(async () => {
  const server = await record();
  if (server && isAlive(server.pid)) {
    process.kill(server.pid, "SIGTERM");
    await gone(server.pid);
  }
  await place.remove();
});

async function record(): Promise<{ address: string; pid: number } | undefined> {
  const text = await readFile(join(place.path, ".mflow", "server.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  await until("end of the server", () => (isAlive(pid) ? undefined : true));
}

test("a server comes with the first run and serves what follows", async () => {
  place = await makeWorkplace({ "first.yaml": FILE });
  const env = STAYS;
  const failed = await place.mflow(["run", "-f", "first.yaml", "--allow-root-steps"], { env });
  expect({
    last: stable(failed.stdout).trimEnd().split("\n").slice(-3),
    stderr: stable(failed.stderr).replace(/node \S*mflow\.js/, "mflow"),
    exitCode: failed.exitCode,
  }).toEqual({
    last: [
      expect.stringMatching(/^TIME task fake\/pretend SKIPPED/),
      expect.stringMatching(/^TIME run run-ID first FAILED/),
      "log real/greet | hello world",
    ],
    stderr:
      `mflow: started a server in the background on ${place.path}/.mflow; it ends when it is idle\n` +
      "mflow: to run again what failed: mflow rerun run-ID\n",
    exitCode: 1,
  });
  const server = await record();
  expect(server).toBeDefined();
  const mode = (await stat(join(place.path, ".mflow"))).mode & 0o777;
  expect(mode).toBe(0o700);

  // The same server takes the next run.
  const good = await place.mflow(["run", "-f", "first.yaml", "-p", "WHO=mflow"], { env });
  const [id = ""] = /run-\w+/.exec(good.stdout) ?? [];
  expect({ stderr: good.stderr, exitCode: good.exitCode }).toEqual({ stderr: "", exitCode: 0 });
  expect((await place.mflow(["logs", id], { env })).stdout).toBe(
    "real/greet   | hello mflow\nfake/pretend | greeted mflow\n",
  );
  expect(await record()).toEqual(server);
});

test("an idle server goes by itself, and what it did is still there to ask about", async () => {
  place = await makeWorkplace({ "one.yaml": ONE });
  const { exitCode } = await place.mflow(["run", "-f", "one.yaml"], { env: { MFLOW_IDLE_EXIT: "2s" } });
  expect(exitCode).toBe(0);
  const server = await record();
  // On a busy machine it may have gone before one could ask.
  if (server) await gone(server.pid);
  expect(await record()).toBeUndefined();
  const { stdout, stderr } = await place.mflow(["get", "tasks"], { env: STAYS });
  expect({ lines: stdout.trimEnd().split("\n").length, stderr }).toEqual({
    lines: 2,
    stderr: expect.stringContaining("started a server in the background"),
  });
});

test("an idle server in the background makes room for one with the options of the next run", async () => {
  place = await makeWorkplace({ "one.yaml": ONE });
  const pids: (number | undefined)[] = [];
  for (const flags of [[], ["--allow-root-steps"], ["--allow-root-steps"], []]) {
    const { exitCode } = await place.mflow(["run", "-f", "one.yaml", ...flags], { env: STAYS });
    expect(exitCode).toBe(0);
    pids.push((await record())?.pid);
  }
  const [first, second] = pids;
  expect(second).not.toBe(first);
  expect(pids).toEqual([first, second, second, second]);
});

test("a server that somebody started themselves is never ended", async () => {
  place = await makeWorkplace({ "one.yaml": ONE });
  const server = place.start(["server", "--port", "0", "--log-level", "silent"]);
  await until("server", () => (server.stderr.includes("listens") ? true : undefined));
  const { stderr, exitCode } = await place.mflow(["run", "-f", "one.yaml", "--allow-root-steps"]);
  expect({ stderr, exitCode, pid: (await record())?.pid }).toEqual({
    stderr: `mflow: a server runs on ${place.path}/.mflow already; --allow-root-steps counts for a new one\n`,
    exitCode: 0,
    pid: server.process.pid,
  });
});

test("runs that begin at once where no server is share one", async () => {
  place = await makeWorkplace({
    "one.yaml":
      "kind: Job\nmetadata: { name: one }\nspec: { runnerType: FAKE, runnerSpec: { duration: 10ms } }\n",
  });
  const calls = await Promise.all(
    [1, 2, 3].map(() => place.mflow(["run", "-f", "one.yaml"], { env: STAYS })),
  );
  expect(calls.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
});

test("a run that comes while the server is going gets a new one", async () => {
  place = await makeWorkplace({ "one.yaml": ONE });
  const first = place.start(["server", "--port", "0", "--log-level", "silent"]);
  await until("server", () => (first.stderr.includes("listens") ? true : undefined));
  first.process.kill("SIGTERM");
  const { exitCode } = await place.mflow(["run", "-f", "one.yaml"], { env: STAYS });
  expect({ exitCode, first: (await first.ended).exitCode }).toEqual({ exitCode: 0, first: 0 });
});

test("a server that cannot start is said to, with what it said itself", async () => {
  place = await makeWorkplace({ "one.yaml": ONE });
  const { stdout, stderr, exitCode } = await place.mflow(["run", "-f", "one.yaml"], {
    env: { MFLOW_LOG_LEVEL: "loud" },
  });
  expect({ stdout, stderr: stderr.split("\n").slice(0, 2), exitCode }).toEqual({
    stdout: "",
    stderr: [
      "mflow: cannot start a server in the background: it ended at once",
      expect.stringMatching(/^mflow: .*LOG_LEVEL.*loud/),
    ],
    exitCode: 2,
  });
});

test("a server that is killed while a run is watched, and comes back elsewhere, is found again", async () => {
  place = await makeWorkplace({
    "long.yaml":
      "kind: Job\nmetadata: { name: long }\nspec: { runnerType: FAKE, runnerSpec: { outcome: NONE } }\n",
  });
  const first = place.start(["server", "--port", "0", "--log-level", "silent"]);
  await until("server", () => (first.stderr.includes("listens") ? true : undefined));
  const { stdout: started } = await place.mflow(["run", "-f", "long.yaml", "--detach"]);
  const id = started.trim();
  const watching = place.start(["watch", id]);
  await watching.says(/task long ACTIVE/);
  first.process.kill("SIGKILL");
  await first.ended;
  await until("loss of the connection", () => (watching.stderr.includes("is lost") ? true : undefined));
  const second = place.start(["server", "--port", "0", "--log-level", "silent"]);
  await until("second server", () => (second.stderr.includes("listens") ? true : undefined));
  await until("return of the connection", () => (watching.stderr.includes("is back") ? true : undefined));
  await place.mflow(["cancel", id]);
  const { stdout, stderr } = await watching.ended;
  const lines = stable(stdout).trimEnd().split("\n");
  expect({
    twice: lines.filter((line, index) => lines.indexOf(line) !== index),
    last: lines.at(-1),
    stderr,
  }).toEqual({
    twice: [],
    last: expect.stringMatching(/^TIME task long (CANCELED|FAILED)/),
    stderr: "mflow: the connection is lost; trying again\nmflow: the connection is back\n",
  });
});
