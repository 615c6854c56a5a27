// The command as a process, with a real server: what people and scripts see.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Ended, makeServedWorkplace, stable, type Workplace } from "../testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
publish: true
metadata: { name: greet, labels: { team: web } }
spec:
  runnerType: FAKE
  runParams:
    - { name: WHO, value: world }
    - { name: LEVEL, valueType: ENUM, enumOptions: [low, high], value: low }
  runnerSpec: { duration: 20ms, log: [one, two, three] }
---
kind: Job
publish: true
metadata: { name: break }
spec:
  runnerType: FAKE
  runnerSpec: { outcome: FAILED, reason: EXIT_CODE, message: it broke, log: [fine, bad] }
---
kind: Job
publish: true
metadata: { name: hang }
spec: { runnerType: FAKE, runnerSpec: { outcome: NONE } }
---
kind: Pipeline
metadata: { name: good }
spec:
  stages:
    - name: build
      tasks:
        - { name: hello, job: greet }
        - { name: left-out, job: greet, skipRun: true }
---
kind: Pipeline
metadata: { name: bad }
spec:
  stages:
    - name: build
      tasks:
        - { name: hello, job: break }
        - { name: after, job: greet }
---
kind: Pipeline
metadata: { name: endless }
spec:
  isParallel: true
  stages: [{ name: wait, tasks: [{ name: hang, job: hang }] }]
---
kind: Pipeline
metadata: { name: gated }
spec:
  isParallel: true
  stages: [{ name: go, tasks: [{ name: prod, job: greet, audit: { auditors: [nobody-here] } }] }]
---
kind: Pipeline
metadata: { name: guarded }
spec:
  stages:
    - name: go
      tasks:
        - { name: prod, job: greet, audit: { auditors: ["@everyone"], allowSelf: true } }
        - { name: after, job: greet }
---
kind: Job
publish: true
metadata: { name: list }
spec: { runnerType: FAKE, runnerSpec: { runtimeEnvs: { WHO: '["ann","bob"]' } } }
---
kind: Pipeline
metadata: { name: several }
spec:
  stages:
    - { name: find, tasks: [{ name: list, job: list }] }
    - { name: greet, tasks: [{ name: greet, job: greet, matrix: { fromEnv: WHO } }] }
---
kind: Pipeline
metadata: { name: open-gate }
spec:
  isParallel: true
  stages: [{ name: go, tasks: [{ name: prod, job: greet, audit: { auditors: ["@everyone"], allowSelf: true } }] }]
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace({ "all.yaml": FILE });
  const applied = await place.mflow(["apply", "-f", "all.yaml"]);
  expect(applied).toEqual({
    stdout: [
      "job greet:v1 created (PUBLISHED)",
      "job break:v1 created (PUBLISHED)",
      "job hang:v1 created (PUBLISHED)",
      "pipeline good created",
      "pipeline bad created",
      "pipeline endless created",
      "pipeline gated created",
      "pipeline guarded created",
      "job list:v1 created (PUBLISHED)",
      "pipeline several created",
      "pipeline open-gate created",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 0,
  });
});
afterAll(() => place.remove());

async function call(args: string[], options?: Parameters<Workplace["mflow"]>[1]): Promise<Ended> {
  const { stdout, stderr, exitCode } = await place.mflow(args, options);
  return { stdout: stable(stdout), stderr: stable(stderr), exitCode };
}

test("a run that succeeds is one line per change, and exit code 0", async () => {
  expect(await call(["run", "good"])).toEqual({
    stdout: `TIME run run-ID good ACTIVE
TIME task build/hello CREATING
TIME task build/hello ACTIVE
TIME task build/hello SUCCEEDED
TIME task build/left-out SKIPPED skip run
TIME run run-ID good SUCCEEDED
`,
    stderr: "",
    exitCode: 0,
  });
});

test("a run that fails ends with the last lines of the log of what failed, and exit code 1", async () => {
  const { stdout, exitCode } = await call(["run", "bad"]);
  expect({ lines: stdout.split("\n").slice(-6), exitCode }).toEqual({
    lines: [
      "TIME task build/hello FAILED EXIT_CODE: it broke",
      "TIME task build/after SKIPPED RUN_FAILED: not started: task `hello` failed",
      "TIME run run-ID bad FAILED TASK_FAILED: task `hello` failed",
      "log build/hello | fine",
      "log build/hello | bad",
      "",
    ],
    exitCode: 1,
  });
});

test("with -o json the final run is all there is on stdout", async () => {
  const { stdout, stderr, exitCode } = await call(["run", "bad", "-o", "json"]);
  const { run, tasks } = JSON.parse(stdout);
  expect({
    stage: run.status.stage,
    tasks: tasks.map((task: { name: string }) => task.name),
    stderr,
    exitCode,
  }).toEqual({
    stage: "FAILED",
    tasks: ["hello", "after"],
    stderr: "",
    exitCode: 1,
  });
});

test("a detached run prints its id; it can be canceled, and whoever watches it exits with 3", async () => {
  const { stdout } = await place.mflow(["run", "endless", "--detach"]);
  const id = stdout.trim();
  const watching = place.start(["watch", id]);
  await watching.says(/task wait\/hang ACTIVE/);
  expect(await call(["cancel", id, "-m", "enough"])).toEqual({
    stdout: expect.stringMatching(/^run-ID endless CANCEL(ING|ED)\n$/),
    stderr: "",
    exitCode: 0,
  });
  const { stdout: seen, exitCode } = await watching.ended;
  expect({ last: stable(seen).trimEnd().split("\n").at(-1), exitCode }).toEqual({
    last: "TIME run run-ID endless CANCELED enough",
    exitCode: 3,
  });
});

test("Ctrl-C in a pipe detaches and says how to come back, with exit code 4", async () => {
  const running = place.start(["run", "endless"]);
  const [, id = ""] = await running.says(/run (run-\w+) endless ACTIVE\n(?:.*\n)*.*ACTIVE/);
  running.process.kill("SIGINT");
  const { stderr, exitCode } = await running.ended;
  expect({ stderr: stable(stderr), exitCode }).toEqual({
    stderr: `mflow: run-ID goes on; to watch or cancel it:
  node bin/mflow.js watch run-ID
  node bin/mflow.js cancel run-ID
`,
    exitCode: 4,
  });
  await place.mflow(["cancel", id]);
});

test("tasks of a matrix that an earlier task made known are told by their own names", async () => {
  const { stdout, exitCode } = await place.mflow(["run", "several"]);
  const lines = stable(stdout)
    .split("\n")
    .filter((line) => line.includes("greet") && line.includes("SUCCEEDED"));
  expect({ lines: lines.sort(), exitCode }).toEqual({
    lines: ["TIME task greet/greet (ann) SUCCEEDED", "TIME task greet/greet (bob) SUCCEEDED"],
    exitCode: 0,
  });
});

test("a run, a task and the unfinished runs of a pipeline say why they wait", async () => {
  const { stdout } = await place.mflow(["run", "guarded", "--detach"]);
  const id = stdout.trim();
  const shown = [
    "run guarded (run-ID) ACTIVE",
    "- task `prod` waits for the audit by @everyone since TIME",
    "    go/prod PENDING task-ID",
    "- task `after` waits for other tasks",
    "    go/after PENDING task-ID",
    "",
  ].join("\n");
  expect(await call(["why", id])).toEqual({ stdout: shown, stderr: "", exitCode: 0 });
  expect(await call(["why", "guarded"])).toEqual({ stdout: shown, stderr: "", exitCode: 0 });
  const json = JSON.parse((await place.mflow(["why", id, "-o", "json"])).stdout);
  expect([json.id, json.causes.map(({ kind }: { kind: string }) => kind)]).toEqual([id, ["AUDIT", "TASKS"]]);
  expect(await call(["why", json.causes[1].tasks[0].id])).toEqual({
    stdout: "task after (task-ID) PENDING\n- comes after `prod` (PENDING)\n    go/prod PENDING task-ID\n",
    stderr: "",
    exitCode: 0,
  });
  await place.mflow(["cancel", id]);
  expect(await call(["why", id])).toEqual({
    stdout: "run guarded (run-ID) CANCELED\nIt has ended and waits for nothing.\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await call(["why", "guarded"])).toEqual({
    stdout: "",
    stderr: expect.stringMatching(/no run of a pipeline `guarded` is unfinished/),
    exitCode: 2,
  });
});

test("a gate that nobody who is there may decide is not started", async () => {
  expect(await call(["run", "gated", "--add-auditor", "go/prod:gone"])).toEqual({
    stdout: "",
    stderr: expect.stringMatching(/may decide; nobody-here: no such user; gone: no such user\n/),
    exitCode: 2,
  });
});

test("a gate says for whom it waits and how to decide; the decision lets the run go on", async () => {
  const running = place.start(["run", "open-gate"]);
  const [line, task = ""] = await running.says(/.*WAITING for .* (task-\w+) .*/);
  expect(stable(line)).toBe(
    "TIME audit go/prod WAITING for @everyone (0 of 1); decide: node bin/mflow.js audit task-ID --pass | --deny -m WHY",
  );
  expect(await call(["audit", task, "--deny"])).toEqual({
    stdout: "",
    stderr: "mflow: a --deny needs a reason\nGive it with -m.\n",
    exitCode: 2,
  });
  expect((await call(["audit", task, "--pass"])).exitCode).toBe(0);
  expect((await running.ended).exitCode).toBe(0);
});

test("a job runs alone, with its log on request", async () => {
  const { stdout, exitCode } = await place.mflow(["run", "--job", "greet", "-p", "LEVEL=high"]);
  expect({ stdout: stable(stdout), exitCode }).toEqual({
    stdout: "TIME task greet CREATING\nTIME task greet ACTIVE\nTIME task greet SUCCEEDED\n",
    exitCode: 0,
  });
  const { stdout: tasks } = await place.mflow([
    "get",
    "tasks",
    "--job",
    "greet",
    "--limit",
    "1",
    "-o",
    "json",
  ]);
  const [{ id }] = JSON.parse(tasks).items;
  expect(await call(["logs", id])).toEqual({ stdout: "one\ntwo\nthree\n", stderr: "", exitCode: 0 });
  expect(await call(["logs", id, "--tail", "1", "-t"])).toMatchObject({ stdout: "TIME three\n" });
  expect(await call(["logs", id, "--search", "TW"])).toMatchObject({ stdout: "two\n" });
  expect(await call(["logs", "-f", id])).toMatchObject({ stdout: "one\ntwo\nthree\n" });
});

test("a wrong value is refused with its options, and nothing runs", async () => {
  expect(await call(["run", "--job", "greet", "-p", "LEVEL=hihg"])).toEqual({
    stdout: "",
    stderr: expect.stringMatching(/^mflow: .*LEVEL.*hihg.*low.*high/),
    exitCode: 2,
  });
});

test("a file's documents are laid over the stored ones, DRAFT jobs included", async () => {
  await place.write(
    "draft.yaml",
    "kind: Job\nmetadata: { name: greet }\nspec: { runnerType: FAKE, runnerSpec: { log: [new] } }\n",
  );
  const { stdout, exitCode } = await place.mflow(["run", "good", "-f", "draft.yaml"]);
  const [id = ""] = /run-\w+/.exec(stdout) ?? [];
  expect({ exitCode, logs: (await place.mflow(["logs", id])).stdout }).toEqual({
    exitCode: 0,
    logs: "build/hello    | new\n",
  });
});

test("stdin is a file too, and a dry run shows what would run", async () => {
  const stdin = "kind: Job\nmetadata: { name: x }\nspec: { runnerType: FAKE, runnerSpec: { log: [a] } }\n";
  expect(await call(["run", "-f", "-", "--dry-run"], { stdin })).toEqual({
    stdout: "name: x\njob: x@default.default:v1\nspec:\n  log:\n    - a\nparams: []\n",
    stderr: "",
    exitCode: 0,
  });
});

test("all errors of files come with their places, and nothing is stored", async () => {
  await place.write(
    "wrong.yaml",
    "kind: Pipeline\nmetadata: { name: wrong }\nspec:\n  stags: []\n---\nkind: Job\nmetadata: { name: fresh }\nspec: { runnerType: SHEL, runnerSpec: {} }\n",
  );
  const lint = await call(["lint", "wrong.yaml"]);
  const places = lint.stdout
    .split("\n")
    .map((line) => /^wrong\.yaml:\d+:\d+: error: .*(stags|stages|SHEL)/.exec(line)?.[1]);
  expect({ places, exitCode: lint.exitCode }).toEqual({
    places: expect.arrayContaining(["stages", "SHEL"]),
    exitCode: 2,
  });
  for (const command of [
    ["apply", "-f", "wrong.yaml"],
    ["run", "-f", "wrong.yaml"],
  ]) {
    const { stdout, stderr, exitCode } = await call(command);
    expect({ stdout, first: stderr.split("\n")[0], exitCode }).toEqual({
      stdout: "",
      first: expect.stringMatching(/^mflow: wrong\.yaml has \d errors$/),
      exitCode: 2,
    });
  }
  expect((await call(["get", "jobs", "--text", "fresh"])).stderr).toBe("mflow: no jobs\n");
});

test("what only the server knows to be wrong gets its place in the file as well", async () => {
  await place.write(
    "unknown.yaml",
    "kind: Pipeline\nmetadata: { name: unknown }\nspec:\n  stages:\n    - name: a\n      tasks:\n        - { name: t, job: gret }\n",
  );
  for (const command of ["apply", "run"]) {
    const { stderr, exitCode } = await call([command, "-f", "unknown.yaml"]);
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringMatching(/^unknown\.yaml:7:\d+: error: .*`gret`/m),
      exitCode: 2,
    });
  }
});

test("lists are tables in a pipe, whole and without cutting", async () => {
  const wide = await call(["get", "pipelines", "--text", "good", "-o", "wide"]);
  // How wide the age is depends on how long the tests before took.
  expect({ ...wide, stdout: wide.stdout.replace(/ {2,}/g, "  ") }).toEqual({
    stdout:
      "NAME  STAGES  TASKS  AGE  NAMESPACE  DOMAIN  ID  PAUSED\ngood  build  2 TOOK  default  default  pipeline-ID\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await call(["get", "jobs", "--label", "team=web", "-o", "yaml"])).toMatchObject({
    stdout: expect.stringMatching(/^items:\n {2}- id: job-ID\n/),
    exitCode: 0,
  });
  const page = await call(["get", "jobs", "--limit", "1"]);
  const [, rest = ""] = /^mflow: there are more: (--limit 1 --cursor \S+)\n$/.exec(page.stderr) ?? [];
  const next = await call(["get", "jobs", ...rest.split(" ")]);
  expect([page.stdout.split("\n").length, next.stdout.split("\n").length]).toEqual([3, 3]);
  expect(next.stdout).not.toBe(page.stdout);
});

test("events are what happened, one line each", async () => {
  const { stdout: started } = await place.mflow(["run", "good", "--detach"]);
  await place.mflow(["watch", started.trim()]);
  const { stdout } = await call(["events", "--run", started.trim(), "--tail", "100"]);
  expect(stdout.split("\n").slice(-2)).toEqual(["TIME run run-ID good SUCCEEDED", ""]);
});

test("jobs are published, deprecated and deleted", async () => {
  await place.write(
    "life.yaml",
    "kind: Job\nmetadata: { name: life }\nspec: { runnerType: FAKE, runnerSpec: {} }\n",
  );
  const said: string[] = [];
  for (const args of [
    ["apply", "-f", "life.yaml"],
    ["publish", "life:v1"],
    ["delete", "job", "life:v1"],
    ["deprecate", "life:v1"],
    ["run", "--job", "life:v1"],
  ]) {
    const { stdout, stderr } = await call(args);
    said.push((stdout + stderr).split("\n")[0] ?? "");
  }
  expect(said).toEqual([
    "job life:v1 created (DRAFT)",
    "job life:v1 PUBLISHED",
    expect.stringContaining("PUBLISHED"),
    "job life:v1 DEPRECATED",
    "mflow: job `life:v1` (life:v1) is DEPRECATED",
  ]);
});

test("a token that nobody has is refused with what to do", async () => {
  expect(await call(["get", "runs"], { env: { MFLOW_TOKEN: "wrong" } })).toEqual({
    stdout: "",
    stderr: `mflow: The token is not valid.
Give a token with \`--token\` or \`MFLOW_TOKEN\`; an admin makes one with \`mflow token create\`.
`,
    exitCode: 2,
  });
});
