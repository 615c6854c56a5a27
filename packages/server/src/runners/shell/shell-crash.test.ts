// Servers and supervisors that are killed: work goes on, nothing runs twice, results are true or LOST is said.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startRequest } from "../testing/start-request.ts";
import { readJournal } from "./supervisor/journal.ts";
import { supervisorFolder } from "./supervisor/supervisor-record.ts";
import { OpenedPlace } from "./testing/opened-place.ts";
import { runs, until } from "./testing/shell-place.ts";

let place: OpenedPlace;
beforeEach(async () => {
  place = await OpenedPlace.open();
});
afterEach(() => place.dispose());

const PROGRAM = fileURLToPath(new URL("./testing/server-process.ts", import.meta.url));
const LOST_NOTE = "mflow | the supervisor was killed while this task ran; output may be missing here";

describe("a killed server", () => {
  const servers: ChildProcess[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.kill("SIGKILL");
  });

  /** A server in a process of its own. */
  function server(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, [PROGRAM, place.dataDir, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    servers.push(child);
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  const stored = (name: string): { stage: string; text: string; line: number }[] => {
    const path = join(place.dataDir, "stored", name);
    if (!existsSync(path)) return [];
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  };

  test("leaves its tasks running; the next one gets the whole log and the result", async () => {
    const script = [
      "for i in $(seq 60); do echo line $i; sleep 0.02; done",
      `until test -e '${place.dataDir}/go'; do sleep 0.02; done`,
      "echo X=1 >$MFLOW_OUTPUT",
    ].join("\n");
    const request = startRequest({ steps: [{ run: script }, { run: "echo second step" }] });
    const log = `${request.taskId}.1`;
    let current = await startedServer(request);
    for (const lines of [1, 15, 30]) {
      await until(() => stored(log).length >= lines);
      await kill(current);
      current = server();
    }
    await kill(current);
    place.touch("go");
    await until(() => place.exits().has(`${log}.1`));
    expect(stored("reports").map(({ stage }) => stage)).not.toContain("SUCCEEDED");
    server();
    await until(() => stored("reports").some(({ stage }) => stage === "SUCCEEDED"));
    const numbers = stored(log).map(({ line }) => line);
    expect(numbers).toEqual(Array.from({ length: 61 }, (_, i) => i + 1));
    expect(stored(log).map(({ text }) => text)).toEqual([
      ...Array.from({ length: 60 }, (_, i) => `line ${i + 1}`),
      "second step",
    ]);
    expect(stored("reports").at(-1)).toMatchObject({ stage: "SUCCEEDED", runtimeEnvs: { X: "1" } });
  });

  async function startedServer(request: object): Promise<ChildProcess> {
    const child = server(JSON.stringify(request));
    const [answer] = await once(child.stdout as NodeJS.ReadableStream, "data");
    expect(String(answer).trim()).toBe("STARTED");
    return child;
  }
});

describe("a killed supervisor", () => {
  test("loses no result of a step that ended meanwhile, nor what it put out", async () => {
    const script = [
      'trap "" PIPE',
      "echo before",
      'touch "$MFLOW_WORKSPACE/../../../../ready"',
      'until test -e "$MFLOW_WORKSPACE/../../../../go"; do sleep 0.02; done',
      "echo A=1 >$MFLOW_OUTPUT",
      "for i in $(seq 20000); do echo this fills more than a pipe holds unless somebody reads it; done & ",
      "exit 5",
    ].join("\n");
    const request = await place.start(script);
    await place.host.logged(request, "before");
    const supervisor = place.supervisorPid;
    process.kill(supervisor, "SIGSTOP");
    place.touch("go");
    const exits = () => place.exits().get(`${request.taskId}.1.0`);
    await until(() => exits() === 5);
    process.kill(supervisor, "SIGKILL");
    const report = await place.host.final(request);
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "step `step-1` exited with 5",
      runtimeEnvs: { A: "1" },
      steps: [{ name: "step-1", exitCode: 5 }],
    });
    expect(place.host.texts(request)).toContain(LOST_NOTE);
  });

  test("is replaced, and a task that cannot go on is LOST and nothing of it runs", async () => {
    const request = await place.start("echo $$; sleep 1000 & setsid sleep 1000 & sleep 1000");
    const { text } = await place.host.logged(request, "");
    await place.killSupervisor();
    const report = await place.host.final(request);
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "LOST",
      message: "the supervisor was killed while step `step-1` ran; the step was stopped",
    });
    expect(place.host.texts(request)).toEqual([`stdout step-1| ${text}`, LOST_NOTE]);
    await until(async () => !(await runs(Number(text))));
    await until(() => place.processesOf(request.taskId).length === 0);
    // It serves the next task as if nothing had been.
    expect((await place.run("echo next")).texts).toEqual(["stdout step-1| next"]);
  });

  test("makes a task LOST whose next step could not begin", async () => {
    const request = await place.start({
      steps: [
        { name: "a", run: `echo a; until test -e '${place.dataDir}/go'; do sleep 0.02; done` },
        { name: "b", run: "echo b" },
      ],
    });
    await place.host.logged(request, "a");
    const supervisor = place.supervisorPid;
    process.kill(supervisor, "SIGSTOP");
    place.touch("go");
    await until(() => place.exits().has(`${request.taskId}.1.0`));
    process.kill(supervisor, "SIGKILL");
    expect(await place.host.final(request)).toMatchObject({
      stage: "FAILED",
      reason: "LOST",
      message: "the supervisor was killed before step `b` could begin",
      steps: [{ name: "a", exitCode: 0 }],
    });
  });

  test("does not make a stopped task anything but CANCELED", async () => {
    const request = await place.start("trap '' TERM; echo ready; sleep 1000");
    await place.host.logged(request, "ready");
    await place.current.stop(request, { graceMs: 60_000 });
    await place.killSupervisor();
    expect((await place.host.final(request)).stage).toBe("CANCELED");
  });

  test("does not lose a result that nobody had taken", async () => {
    place.host.refuse = Number.POSITIVE_INFINITY;
    const request = await place.start(
      "echo A=1 >$MFLOW_OUTPUT; echo '# x' >$MFLOW_SUMMARY; echo logged; sleep 0.5",
    );
    await place.host.until(() => place.host.refused.find(({ stage }) => stage === "SUCCEEDED"));
    await place.current.close();
    await place.killSupervisor();
    await place.openRunner();
    expect(await place.host.final(request)).toMatchObject({
      stage: "SUCCEEDED",
      runtimeEnvs: { A: "1" },
      markdownOutput: "# x\n",
      steps: [{ name: "step-1", exitCode: 0, peakMemorySource: expect.any(String) }],
    });
    expect(place.host.texts(request)).toEqual(["stdout step-1| logged"]);
  });

  test("runs nothing twice that a server had taken", async () => {
    const count = join(place.dataDir, "count");
    const { request } = await place.run(`echo once >>${count}; echo A=1 >$MFLOW_OUTPUT`);
    const isForgotten = () => readJournal(supervisorFolder(place.dataDir)).some(({ e }) => e === "ack");
    await until(isForgotten);
    await place.killSupervisor();
    expect(await place.current.start(request)).toEqual({ state: "EXISTS" });
    expect(readFileSync(count, "utf8")).toBe("once\n");
  });

  test("does not stop what steps kept", async () => {
    const { texts } = await place.run({
      steps: [{ run: "sleep 1000 >/dev/null 2>&1 & echo $!", keepProcesses: true }],
    });
    const pid = Number(texts[0]?.replace("stdout step-1| ", ""));
    await place.killSupervisor();
    await place.run("true");
    expect(await runs(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("answers a start that was under way as soon as there is another", async () => {
    await place.run("true");
    process.kill(place.supervisorPid, "SIGSTOP");
    const request = startRequest(
      { steps: [{ run: "echo once >>$HOME_FILE" }] },
      {
        env: { HOME_FILE: join(place.dataDir, "count") },
      },
    );
    const starting = place.current.start(request);
    process.kill(place.supervisorPid, "SIGKILL");
    expect((await starting).state).toMatch(/STARTED|EXISTS/);
    await place.host.final(request);
    expect(readFileSync(join(place.dataDir, "count"), "utf8")).toBe("once\n");
  });
});

test("no secret and no variable reaches a file while the task runs", async () => {
  const request = await place.start("echo $TOKEN; sleep 1000", {
    env: { TOKEN: "very-secret-value", PLAIN: "plain-variable-value" },
    secrets: ["very-secret-value"],
  });
  await place.host.logged(request, "***");
  const text = await place.allText();
  expect(text).not.toContain("very-secret-value");
  expect(text).not.toContain("plain-variable-value");
  await place.current.stop(request, { graceMs: 100 });
  await place.host.final(request);
});

test("a supervisor that nobody needs ends by itself, and leaves little behind", async () => {
  await place.run("echo x");
  const pid = place.supervisorPid;
  await place.current.close();
  await until(async () => !(await runs(pid)));
  expect(place.filesOfSupervisor()).toEqual([]);
  expect(readdirSync(join(place.dataDir, "supervisor", "pipes"))).toEqual([]);
});
