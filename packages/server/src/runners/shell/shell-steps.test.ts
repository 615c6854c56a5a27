// What the steps of SHELL tasks find, and how their ends are told.

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OpenedPlace } from "./testing/opened-place.ts";

let place: OpenedPlace;
beforeAll(async () => {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  place = await OpenedPlace.open({ path });
});
afterAll(() => place.dispose());

/** The environment that a step prints, without what shells add. */
async function environmentOf(spec: Record<string, unknown>, env: Record<string, string> = {}) {
  const { texts } = await place.run(spec, { env });
  const entries = texts.map((line) =>
    line
      .replace(/^stdout \S+\| /, "")
      .split(/=(.*)/s)
      .slice(0, 2),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

describe("a step's environment", () => {
  test("is minimal, and nothing of the server's", async () => {
    process.env.MFLOW_SECRET_KEY = "server's own";
    try {
      const env = await environmentOf({ steps: [{ run: "env" }] });
      expect(Object.keys(env).sort()).toEqual([
        "CI",
        "HOME",
        "LANG",
        "LOGNAME",
        "MFLOW_OUTPUT",
        "MFLOW_STEP_MARK",
        "MFLOW_SUMMARY",
        "MFLOW_WORKSPACE",
        "PATH",
        "PWD",
        "TERM",
        "USER",
      ]);
      expect(env).toMatchObject({ CI: "true", LANG: "C.UTF-8", TERM: "dumb", PWD: env.MFLOW_WORKSPACE });
    } finally {
      delete process.env.MFLOW_SECRET_KEY;
    }
  });

  test("takes the params, over them the spec's variables, over those the step's", async () => {
    const spec = {
      env: { A: "spec", B: "spec", N: 3 },
      steps: [{ run: "env", env: { B: "step", YES: true } }],
    };
    const env = await environmentOf(spec, { A: "param", B: "param", C: "param" });
    expect(env).toMatchObject({ A: "spec", B: "step", C: "param", N: "3", YES: "true" });
  });

  test("keeps system variables whatever a spec says", async () => {
    const spec = { env: { JOB_ID: "forged" }, steps: [{ run: "env", env: { JOB_ID: "forged" } }] };
    expect(await environmentOf(spec, { JOB_ID: "job-1" })).toMatchObject({ JOB_ID: "job-1" });
  });

  test("holds any text, also in variables that shells use themselves", async () => {
    const odd = 'it\'s $HOME `x` "quoted" \\ ; # *';
    const spec = {
      steps: [{ run: 'printf "%s\\n" "$ODD"; env | grep ^UID=' }],
      env: { ODD: odd, UID: "77" },
    };
    const { texts } = await place.run(spec);
    expect(texts).toEqual([`stdout step-1| ${odd}`, "stdout step-1| UID=77"]);
  });

  test("stands at the end of an empty stdin", async () => {
    const { texts } = await place.run("cat; echo read; echo to-file >/dev/stdout; echo err >/dev/stderr");
    expect(texts.sort()).toEqual(["stderr step-1| err", "stdout step-1| read", "stdout step-1| to-file"]);
  });
});

describe("scripts", () => {
  test("run line by line, and end at the first command that fails", async () => {
    const { report, texts } = await place.run("echo one\nfalse\necho two\n");
    expect(texts).toEqual(["stdout step-1| one"]);
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "step `step-1` exited with 1",
    });
  });

  test("are run by the shell that the step names", async () => {
    const { texts } = await place.run({
      steps: [
        { name: "bash", shell: "bash -euo pipefail -c", run: "a=(1 2 3)\necho ${#a[@]}" },
        { name: "node", shell: "node -e", run: 'for (const i of [0, 1])\n  console.log("it\'s", i)' },
      ],
    });
    expect(texts).toEqual(["stdout bash| 3", "stdout node| it's 0", "stdout node| it's 1"]);
  });

  test("may have traps, replace the shell, and signal themselves", async () => {
    const { texts, report } = await place.run({
      steps: [
        { name: "trap", run: "trap 'echo bye' EXIT; echo hi" },
        { name: "exec", run: "exec echo replaced" },
        { name: "self", run: "kill -TERM $$; sleep 5" },
      ],
    });
    expect(texts).toEqual(["stdout trap| hi", "stdout trap| bye", "stdout exec| replaced"]);
    expect(report).toMatchObject({
      reason: "SIGNAL",
      message: "step `self` was ended by SIGTERM (exit code 143)",
    });
  });

  test("that kill their whole process group end the step, not the supervisor", async () => {
    const before = place.supervisorPid;
    expect((await place.run("kill -9 0")).report).toMatchObject({
      stage: "FAILED",
      reason: "SIGNAL",
      message: "step `step-1` was ended by SIGKILL",
    });
    expect((await place.run("kill -TERM 0; sleep 5")).report).toMatchObject({ reason: "SIGNAL" });
    expect((await place.run("true")).report.stage).toBe("SUCCEEDED");
    expect(place.supervisorPid).toBe(before);
  });
});

describe("steps", () => {
  test("run one after another, and report exit code and duration of each", async () => {
    const { report } = await place.run({
      steps: [
        { name: "a", run: "true" },
        { run: "exit 3", continueOnError: true },
        { name: "c", run: "exit 4" },
      ],
    });
    expect(report).toMatchObject({ stage: "FAILED", reason: "EXIT_CODE", message: "step `c` exited with 4" });
    expect(report.steps?.map(({ name, exitCode }) => ({ name, exitCode }))).toEqual([
      { name: "a", exitCode: 0 },
      { name: "step-2", exitCode: 3 },
      { name: "c", exitCode: 4 },
    ]);
    for (const { startAt, endAt, durationMs } of report.steps ?? []) {
      expect(Date.parse(endAt ?? "") - Date.parse(startAt ?? "")).toBe(durationMs);
    }
  });

  test("end the task at the first that fails", async () => {
    const { report, texts } = await place.run({
      steps: [{ name: "a", run: "exit 2" }, { run: "echo never" }],
    });
    expect(report).toMatchObject({ stage: "FAILED", message: "step `a` exited with 2" });
    expect([report.steps?.length, texts]).toEqual([1, []]);
  });

  test("report how much memory they held", async () => {
    // A busy supervisor looks once a second.
    const run = "const held = Buffer.alloc(80_000_000, 1); setTimeout(() => held, 2000);";
    const { report } = await place.run({ steps: [{ shell: "node -e", run }] });
    const [step] = report.steps ?? [];
    expect(step?.peakMemoryBytes).toBeGreaterThan(80_000_000);
    expect(step?.peakMemoryBytes).toBeLessThan(200_000_000);
    expect(["CGROUP", "SAMPLED"]).toContain(step?.peakMemorySource);
  });

  test("that run out of time are stopped and fail with STEP_TIMEOUT", async () => {
    const { report } = await place.run({
      steps: [
        { name: "gentle", run: "sleep 100", timeout: "100ms", continueOnError: true },
        { name: "stubborn", run: "trap '' TERM; sleep 100", timeout: "100ms" },
      ],
    });
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "STEP_TIMEOUT",
      message: "step `stubborn` ran longer than 0.1s",
    });
    expect(report.steps?.map(({ timedOut }) => timedOut)).toEqual([true, true]);
    expect(report.steps?.[1]?.durationMs).toBeGreaterThan(1000); // The grace.
  });

  test("that cannot be started fail with SPAWN_ERROR and say why", async () => {
    const messages = [];
    for (const step of [
      { run: "true", shell: "no-such-shell -c" },
      { run: "true", workdir: "missing" },
      { run: "true", workdir: "../.." },
      { run: `: ${"x".repeat(140_000)}` },
      { run: "true", env: { LARGE: "x".repeat(140_000) } },
    ]) {
      const { report } = await place.run({ steps: [step] });
      expect(report).toMatchObject({ stage: "FAILED", reason: "SPAWN_ERROR" });
      messages.push(report.message?.replace(/ in \/.*/, "").replace("step `step-1` cannot be started: ", ""));
    }
    expect(messages).toEqual([
      "its shell `no-such-shell` was not found",
      "its workdir `missing` is not a folder in the workspace",
      "its workdir `../..` lies outside the workspace",
      "its script is longer than 131071 bytes; put it into a file",
      "its variable LARGE is longer than 131071 bytes; put it into a file",
    ]);
  });
});

describe("workspaces", () => {
  test("a task has a fresh folder, which goes when it ends", async () => {
    const spec = {
      steps: [{ run: "mkdir sub; echo x >sub/file" }, { run: "cat file; pwd", workdir: "sub" }],
    };
    const { texts } = await place.run(spec);
    const folder = texts[1]?.replace("stdout step-2| ", "") ?? "";
    expect(texts[0]).toBe("stdout step-2| x");
    await expect.poll(() => existsSync(folder)).toBe(false);
    expect((await place.run("ls -A; stat -c %a .")).texts).toEqual(["stdout step-1| 700"]);
  });

  test("a folder that a task made read-only goes too", async () => {
    const { texts } = await place.run("mkdir a; echo x >a/b; chmod 500 a; pwd");
    const folder = texts[0]?.replace("stdout step-1| ", "") ?? "";
    await expect.poll(() => existsSync(folder)).toBe(false);
  });

  test("the tasks of a run share a folder until it is released", async () => {
    const changes = { pipelineTaskId: "run-00000000000000000000000001" };
    await place.run({ workspace: "run", steps: [{ run: "echo shared >file" }] }, changes);
    const { texts } = await place.run({ workspace: "run", steps: [{ run: "cat file; pwd" }] }, changes);
    expect(texts[0]).toBe("stdout step-1| shared");
    const folder = texts[1]?.replace("stdout step-1| ", "") ?? "";
    expect(existsSync(folder)).toBe(true);
    await place.current.release(changes.pipelineTaskId);
    expect(existsSync(folder)).toBe(false);
  });

  test("a lone task has such a folder for itself", async () => {
    const { request, texts } = await place.run({ workspace: "run", steps: [{ run: "touch a; pwd" }] });
    const folder = texts[0]?.replace("stdout step-1| ", "") ?? "";
    expect(readdirSync(folder)).toEqual(["a"]);
    await place.current.release(request.taskId);
    expect(existsSync(folder)).toBe(false);
  });

  test("a given folder is used and kept", async () => {
    const workspace = join(place.dataDir, "given");
    mkdirSync(workspace);
    await place.run({ workspace, steps: [{ run: "touch made; test $MFLOW_WORKSPACE = $PWD" }] });
    expect(readdirSync(workspace)).toEqual(["made"]);
  });

  test("nothing else is a workspace", async () => {
    await expect(place.start({ workspace: "somewhere", steps: [{ run: "true" }] })).rejects.toThrow(
      /workspace 'somewhere' is neither/,
    );
  });
});
