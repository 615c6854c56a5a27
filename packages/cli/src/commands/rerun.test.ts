// `mflow rerun` and `mflow rollback` as processes: a run that fails, is run again, and is rolled back.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Ended, makeServedWorkplace, stable, type Workplace } from "../testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
publish: true
metadata: { name: build }
spec: { runnerType: FAKE, runnerSpec: { log: [built] } }
---
kind: Job
publish: true
metadata: { name: deploy }
spec:
  runnerType: FAKE
  allowRollback: true
  runParams: [{ name: VERSION }]
  runnerSpec: { log: [deploying] }
---
kind: Job
publish: true
metadata: { name: test }
spec:
  runnerType: FAKE
  runParams: [{ name: ENDS, value: SUCCEEDED, usageType: TEMPLATE }]
  runnerSpec: { outcome: "\${ENDS}" }
---
kind: Pipeline
metadata: { name: shop }
spec:
  stages:
    - { name: make, tasks: [{ name: build, job: build }] }
    - { name: ship, tasks: [{ name: deploy, job: deploy }, { name: test, job: test }] }
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace({ "shop.yaml": FILE });
  await call("apply", "-f", "shop.yaml");
});
afterAll(() => place.remove());

async function call(...args: string[]): Promise<Ended> {
  const { stdout, stderr, exitCode } = await place.mflow(args);
  return { stdout: stable(stdout), stderr: stable(stderr), exitCode };
}

/** Id of the pipeline's newest run. */
async function newest(): Promise<string> {
  const { stdout } = await place.mflow(["get", "runs", "--limit", "1", "-o", "json"]);
  return JSON.parse(stdout).items[0].id;
}

test("a run that failed names the command that runs it again, which keeps what succeeded", async () => {
  const failed = await call("run", "shop", "-p", "VERSION=1", "-p", "ENDS=FAILED");
  expect([failed.exitCode, failed.stderr]).toEqual([
    1,
    "mflow: to run again what failed: node bin/mflow.js rerun run-ID\n",
  ]);
  const id = await newest();
  expect(await call("rerun", id, "-p", "ENDS=SUCCEEDED", "--dry-run")).toEqual({
    stdout: [
      "TASK         DOES  WHY",
      "make/build   KEEP  it succeeded",
      "ship/deploy  KEEP  it succeeded",
      "ship/test    RUN   it failed",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 0,
  });
  const again = await call("rerun", id, "-p", "ENDS=SUCCEEDED");
  expect(again.exitCode).toBe(0);
  expect(again.stderr).toBe("mflow: 2 of 3 tasks are kept, as they ended in run-ID\n");
  expect(again.stdout).toContain("TIME task make/build kept (kept from run run-ID)");
  expect(again.stdout).toContain("TIME task ship/test SUCCEEDED");
  const second = await newest();
  const { stdout } = await call("describe", "run", second);
  expect(stdout).toContain("Rerun of  run-ID, what failed");
  expect(stdout).toContain("Kept      2 of 3 tasks; the others run again");
  expect(stdout).toMatch(/deploy +SUCCEEDED.*kept from run-ID/);
  expect((await call("describe", "run", id)).stdout).toContain(
    "Made of it\n  run-ID rerun SUCCEEDED, TIME by",
  );
  const logs = await call("logs", second);
  expect(logs.stdout).toContain("make/build  | built");
  expect(logs.stderr).toContain("mflow: task-ID was kept: this is the log of task task-ID of run run-ID\n");
});

test("a rollback says what it does with which values, and does it", async () => {
  await call("run", "shop", "-p", "VERSION=2", "-p", "ENDS=FAILED");
  const dry = await call("rollback", "--pipeline", "shop", "--dry-run");
  expect(dry.stdout).toContain("make/build   SKIP  NO_ROLLBACK: job `build:v1` does not allow rollbacks");
  expect(dry.stdout).toContain("ship/deploy  RUN   back to task-ID of run run-ID");
  expect(dry.stdout).toContain("ship/deploy  VERSION  1      LAST_SUCCESS");
  const back = await call("rollback", "--pipeline", "shop");
  expect([back.exitCode, back.stderr]).toEqual([0, ""]);
  const described = await call("describe", "run", await newest());
  expect(described.stdout).toContain("Mode         ROLLBACK");
  expect(described.stdout).toContain("Rollback of  run-ID");
  // The rollback itself is not what a second one rolls back.
  const second = await call("rollback", "--pipeline", "shop", "--dry-run");
  expect(second.stdout).toContain("ship/deploy  VERSION  1      LAST_SUCCESS");
});

test("what makes no sense is said with what to do instead", async () => {
  const id = await newest();
  expect(await call("rollback")).toEqual({
    stdout: "",
    stderr: "mflow: name a run or --pipeline NAME, one of them\nmflow rollback --pipeline NAME\n",
    exitCode: 2,
  });
  expect((await call("rollback", "--pipeline", "none")).stderr).toContain(
    "pipeline `none` has no run to roll back",
  );
  expect((await call("rerun", id, "--all", "--from", "test")).exitCode).toBe(2);
  expect((await call("rerun", id, "--from", "tset")).stderr).toContain("did you mean `test`?");
  expect((await call("rerun", id, "--failed")).stderr).toContain("nothing of run run-ID would run again");
});

test("a rerun that has to wait says for what", async () => {
  const last = await newest();
  await call("pause", "shop", "-m", "frozen");
  const { stdout, stderr, exitCode } = await place.mflow(["rerun", last, "--all", "--detach"]);
  const id = stdout.trim();
  expect([exitCode, stderr]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^mflow: ${id} waits: pipeline \`shop\` is paused by .*: frozen\n$`)),
  ]);
  await call("cancel", id);
  await call("resume", "shop");
});

test("a task is not run again, rolled back or paused by itself, and what to do instead is said", async () => {
  const id = "task-01m839vdegbxzhfe6bmyfsy0k3";
  const instead = "Of a run: mflow rerun RUN --from TASK. One that ran alone: mflow run --task ID.\n";
  const said = await Promise.all(["rerun", "rollback", "pause"].map((verb) => place.mflow([verb, id])));
  expect(said.map(({ stderr, exitCode }) => [exitCode, stderr])).toEqual([
    [2, `mflow: ${id} is a task, and this is done to runs\n${instead}`],
    [2, `mflow: ${id} is a task, and this is done to runs\n${instead}`],
    [2, `mflow: ${id} is a task, and tasks do not pause by themselves\nName its run: mflow pause RUN.\n`],
  ]);
});

test("the last run is one of which something ran, and what is passed over is said", async () => {
  await call("pause", "shop");
  const { stdout: waiting } = await place.mflow(["run", "shop", "-p", "VERSION=3", "--detach"]);
  await call("cancel", waiting.trim());
  await call("resume", "shop");
  const dry = await call("rollback", "--pipeline", "shop", "--dry-run");
  expect([dry.exitCode, dry.stderr]).toEqual([
    0,
    "mflow: run run-ID ended CANCELED, and nothing of it ran; the one before it counts\n",
  ]);
  expect(dry.stdout).toContain("ship/deploy  VERSION  1      LAST_SUCCESS");
});

const RELEASE = `
kind: Job
publish: true
metadata: { name: compile }
spec:
  runnerType: FAKE
  runParams: [{ name: COMPILES, value: SUCCEEDED, usageType: TEMPLATE }]
  runnerSpec: { outcome: "\${COMPILES}" }
---
kind: Job
publish: true
metadata: { name: serve }
spec:
  runnerType: FAKE
  allowRollback: true
  runParams: [{ name: VERSION }, { name: SERVED, value: "yes" }]
  runnerSpec: {}
---
kind: Pipeline
metadata: { name: serve }
spec:
  stages:
    - { name: ship, tasks: [{ name: serve, job: serve, when: params.SERVED == "yes" }] }
---
kind: Pipeline
metadata: { name: release }
spec:
  stages:
    - { name: make, tasks: [{ name: compile, job: compile }] }
    - { name: ship, tasks: [{ name: serve, job: serve, when: params.SERVED == "yes" }] }
`;

const WHY_SKIPPED = "no task of it ran whose job allows rollbacks; the one before it counts";

test("a run that changed nothing of what is rolled back is not the last one, however it ended", async () => {
  await place.write("release.yaml", RELEASE);
  expect((await call("apply", "-f", "release.yaml")).exitCode).toBe(0);
  for (const pipeline of ["serve", "release"])
    for (const version of ["1", "2"]) await call("run", pipeline, "-p", `VERSION=${version}`);
  expect((await call("run", "serve", "-p", "SERVED=no")).exitCode).toBe(0);
  const skipped = await call("rollback", "--pipeline", "serve", "--dry-run");
  expect([skipped.exitCode, skipped.stderr]).toEqual([
    0,
    "mflow: run run-ID ended SUCCEEDED, and nothing of it ran; the one before it counts\n",
  ]);
  expect(skipped.stdout).toMatch(/ship\/serve +VERSION +1 +LAST_SUCCESS/);

  expect((await call("run", "release", "-p", "SERVED=no")).exitCode).toBe(0);
  expect((await call("run", "release", "-p", "COMPILES=FAILED")).exitCode).toBe(1);
  const compiled = await call("rollback", "--pipeline", "release", "--dry-run");
  expect([compiled.exitCode, compiled.stderr]).toEqual([
    0,
    `mflow: run run-ID ended FAILED, and ${WHY_SKIPPED}\nmflow: run run-ID ended SUCCEEDED, and ${WHY_SKIPPED}\n`,
  ]);
  expect(compiled.stdout).toMatch(/ship\/serve +VERSION +1 +LAST_SUCCESS/);
});

test("a run that did with another job version what may be rolled back is not passed over", async () => {
  const moved = (version: string, more: string) => `
kind: Job
publish: true
metadata: { name: mover, version: ${version} }
spec: { runnerType: FAKE, ${more}, runParams: [{ name: VERSION }], runnerSpec: {} }
---
kind: Pipeline
metadata: { name: moved }
spec:
  stages:
    - { name: ship, tasks: [{ name: main, job: "mover:${version}" }] }
    - { name: more, tasks: [{ name: other, job: serve, when: params.SERVED == "no" }] }
`;
  const apply = async (text: string) => {
    await place.write("moved.yaml", text);
    expect((await call("apply", "-f", "moved.yaml")).exitCode).toBe(0);
  };
  await apply(moved("v1", "allowRollback: true"));
  for (const version of ["1", "2"]) await call("run", "moved", "-p", `VERSION=${version}`);
  await apply(moved("v2", "allowRollback: false"));
  expect((await call("run", "moved", "-p", "VERSION=3")).exitCode).toBe(0);
  const dry = await call("rollback", "--pipeline", "moved", "--dry-run");
  expect([dry.exitCode, dry.stderr]).toEqual([0, ""]);
  expect(dry.stdout).toMatch(/ship\/main +VERSION +2 +LAST_SUCCESS/);

  // Then no success is left before it that may be gone back to.
  await call("run", "moved", "-p", "VERSION=4");
  const refused = await call("rollback", "--pipeline", "moved", "--dry-run");
  expect([refused.exitCode, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(
    /^mflow: nothing of run run-ID can be rolled back: .*`mover:v2` does not allow/,
  );
});

test("that no job of a pipeline allows rollbacks is said of its last run", async () => {
  const text = RELEASE.split("---\n")[3]
    ?.replace("name: release", "name: fixed")
    .replace("job: serve", "job: compile");
  await place.write("fixed.yaml", text?.replace("SERVED", "COMPILES") ?? "");
  expect((await call("apply", "-f", "fixed.yaml")).exitCode).toBe(0);
  await call("run", "fixed");
  const refused = await call("rollback", "--pipeline", "fixed");
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain("job `compile:v1` does not allow rollbacks (`allowRollback`)");
});
