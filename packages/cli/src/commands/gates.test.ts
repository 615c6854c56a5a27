// The commands of those who decide, as processes on a real server with users: a release that is looked at, pushed back,
// passed by a stand-in, and reported.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Ended, makeServedWorkplace, stable, until, type Workplace } from "../testing/command.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const FILE = `
kind: Job
publish: true
metadata: { name: build }
spec:
  runnerType: FAKE
  runnerSpec: { runtimeEnvs: { APP_VERSION: "1.4.0" }, markdownOutput: "42 tests", log: [built] }
---
kind: Job
publish: true
metadata: { name: deploy }
spec:
  runnerType: FAKE
  runParams: [{ name: TARGET, value: eu }, { name: KEY, sensitive: true }]
  runnerSpec: { log: [deploying, healthy] }
---
kind: Pipeline
metadata: { name: shop }
spec:
  stages:
    - name: build
      tasks: [{ name: test, job: build }]
    - name: release
      tasks:
        - name: prod
          job: deploy
          audit: { auditors: ["@ops"], required: 2 }
          confirm: { checkers: [cem], maxPushBacks: 1 }
`;

let place: Workplace;
const tokens = new Map<string, string>();

async function as(name: string, ...args: string[]): Promise<Ended> {
  const token = tokens.get(name);
  const { stdout, stderr, exitCode } = await place.mflow(args, { env: token ? { MFLOW_TOKEN: token } : {} });
  const text = (said: string) => stable(said).replace(/[0-9a-f]{64}/g, "HASH");
  return { stdout: text(stdout), stderr: text(stderr), exitCode };
}

/** What the command writes for programs. */
async function document(name: string, ...args: string[]) {
  const { stdout } = await place.mflow([...args, "-o", "json"], {
    env: { MFLOW_TOKEN: tokens.get(name) ?? "" },
  });
  return JSON.parse(stdout);
}

const said = (stdout: string) => ({ stdout, stderr: "", exitCode: 0 });

beforeAll(async () => {
  place = await makeServedWorkplace({ "shop.yaml": FILE });
  for (const [name, ...roles] of [
    ["ada"],
    ["bob", "operator"],
    ["cem", "viewer"],
    ["dan", "viewer"],
  ] as const) {
    const args = [
      "user",
      "add",
      name as string,
      "--with-token",
      "t",
      ...roles.flatMap((role) => ["--role", role]),
    ];
    tokens.set(name as string, (await document("ada", ...args)).token.token);
  }
  await as("ada", "group", "set", "ops", "bob", "cem");
  expect((await as("ada", "apply", "-f", "shop.yaml")).exitCode).toBe(0);
});
afterAll(() => place.remove());

test("somebody who is away is represented, and everybody sees by whom", async () => {
  expect(await as("cem", "away", "--ask", "dan")).toEqual({
    stdout: "",
    stderr:
      "mflow: say until when and who stands in\ne.g. --until 2026-03-08 --ask bob; or that you are here again: --back\n",
    exitCode: 2,
  });
  expect((await as("cem", "away", "--until", "soon", "--ask", "dan")).stderr).toMatch(
    /^mflow: `soon` is no time\n/,
  );
  expect(await as("cem", "away", "--until", "3d", "--ask", "dan")).toEqual(
    said("user cem: away until TIME, dan stands in\n"),
  );
  expect(await as("cem", "user", "language", "cem", "zh")).toEqual(said("user cem: messages in zh\n"));
  expect((await as("cem", "user", "address", "cem", "post", "cem@example.com")).stderr).toContain(
    "`post` is no channel that writes to people with an address; there is none yet",
  );
  const { stdout } = await as("ada", "get", "users");
  expect(stdout).toMatch(/^NAME +ROLES +AGE +AWAY\n/);
  expect(stdout).toMatch(/\ncem +viewer +\S+ +away until TIME, dan stands in\n/);
  expect((await as("dan", "whoami")).stdout).toContain("stands  in for cem\n");
});

test("a release is decided on from the inbox, with the evidence, to the report", async () => {
  const run = (await as("ada", "run", "shop", "-p", "KEY=hunter2", "--detach")).stdout;
  expect(run).toBe("run-ID\n");
  const item = await until("gate in the inbox", async () => {
    const { items } = await document("dan", "inbox");
    return items[0];
  });
  const { taskId: task, pipelineTaskId: id } = item;
  expect(item).toMatchObject({ name: "prod", gate: "AUDIT", onBehalfOf: "cem", passes: 0, required: 2 });
  expect(await as("dan", "inbox")).toEqual({
    stdout: expect.stringMatching(
      /^TASK +NAME +GATE +PASS +SINCE +LEFT +FOR +BY\ntask-ID +release\/prod +audit +0\/2 +\S+ +cem +ada\n$/,
    ),
    stderr: "mflow: look at one with: node bin/mflow.js evidence TASK\n",
    exitCode: 0,
  });
  expect(await as("ada", "inbox")).toEqual({
    stdout: "",
    stderr: "mflow: nothing waits for you\n",
    exitCode: 0,
  });

  const evidence = await as("dan", "evidence", task);
  expect(
    evidence.stdout.replace(/digest \S+/, "digest D"),
  ).toBe(`Audit of release/prod of shop (run-ID): may it run?
  passed       0 of 2; listed: @ops
  may decide   bob, dan (for cem, who is away)
  waits since  TIME

What runs
  job         deploy:v1
  started by  ada
  TARGET      eu
  KEY         ***

build/test SUCCEEDED
  APP_VERSION  1.4.0
  42 tests

Decide on exactly this:
  node bin/mflow.js audit task-ID --pass --digest D
  or: --deny -m WHY
`);

  expect((await as("ada", "audit", task, "--pass")).stderr).toContain(
    "ada is not listed for the audit of task `prod`",
  );
  expect(await as("bob", "audit", task, "--pass")).toEqual(
    said("audit of release/prod: PASS; it still waits for @ops (1 of 2)\n"),
  );
  expect(await as("bob", "withdraw", task, "-m", "wait")).toEqual(
    said("audit of release/prod: your pass is taken back; it waits for @ops (0 of 2)\n"),
  );
  expect((await as("bob", "withdraw", task)).stderr).toContain(
    "bob has not decided the audit of task `prod`",
  );
  await as("bob", "audit", task, "--pass", "-m", "go");
  expect(await as("dan", "audit", task, "--pass")).toEqual(said("audit of release/prod: PASS\n"));

  const described = await until("confirm", async () => {
    const { stdout } = await as("cem", "describe", "task", task);
    return /see all:/.test(stdout) ? stdout : undefined;
  });
  expect(described).toContain("  TIME PASS by dan for cem, who was away\n");
  expect(described).toContain("  TIME PASS by bob (taken back TIME)\n");
  expect(await as("cem", "confirm", task, "--push-back", "test")).toEqual({
    stdout: "",
    stderr: "mflow: a --push-back needs a reason\nGive it with -m; the task gets it as MFLOW_FEEDBACK.\n",
    exitCode: 2,
  });
  expect(await as("cem", "confirm", task, "--push-back", "test", "-m", "make it blue")).toEqual(
    said("confirm of release/prod: PUSH_BACK to test\n"),
  );
  await until("second audit", async () => {
    const { audit } = await document("ada", "get", "tasks", task);
    return audit?.stage === "WAITING" ? true : undefined;
  });
  for (const name of ["bob", "dan"]) await as(name, "audit", task, "--pass");
  await until("second confirm", async () =>
    (await as("cem", "confirm", task, "--pass")).exitCode === 0 ? true : undefined,
  );

  const list = await as("ada", "record", "list", "--run", id);
  const what = list.stdout
    .split("\n")
    .slice(1, -1)
    .map((line) => line.split(/ {2,}/).slice(2, 6).join(" "));
  expect(what.filter((line) => !line.includes("REFUSE PASS GATE_NOT_OPEN"))).toEqual([
    "prod audit OPEN 2 of @ops must pass",
    "prod audit REFUSE PASS NOT_LISTED ada",
    "prod audit PASS bob",
    "prod audit WITHDRAW bob",
    "prod audit REFUSE WITHDRAW_REFUSED bob",
    "prod audit PASS bob",
    "prod audit PASS dan for cem",
    "prod confirm OPEN 1 of cem must pass",
    "prod confirm PUSH_BACK to test cem",
    "prod audit OPEN 2 of @ops must pass",
    "prod audit PASS bob",
    "prod audit PASS dan for cem",
    "prod confirm OPEN 1 of cem must pass",
    "prod confirm PASS cem",
  ]);
  const events = (await as("ada", "events", "--run", id)).stdout;
  expect(events).toContain("TIME audit prod WITHDRAWN by bob (wait)\n");
  expect(events).toContain("TIME confirm prod PUSH_BACK by cem (back to `test`: make it blue)\n");

  const report = await as("ada", "record", "export", id);
  expect(report.stdout).toMatch(/^# Release report: shop\n/);
  expect(report.stdout).toContain("**dan** for cem **PASS**, by CLI from `127.0.0.1`, `mflow-cli/");
  expect(report.stdout).not.toContain("hunter2");
  expect((await document("ada", "record", "export", id)).proof.ok).toBe(true);
  expect(await as("ada", "get", "runs", "-o", "md")).toEqual({
    stdout: "",
    stderr: "mflow: -o md is for `record export` alone\nTake table, wide, json or yaml.\n",
    exitCode: 2,
  });
});

test("a record that was changed behind the server's back does not verify: exit code 1", async () => {
  const { stdout } = await place.mflow(["record", "verify"], {
    env: { MFLOW_TOKEN: tokens.get("dan") ?? "" },
  });
  const [, noted = ""] = /last row (\S+)\n/.exec(stdout) ?? [];
  expect(stdout).toMatch(/^the decision record is whole: \d+ rows\n/);
  expect((await as("dan", "record", "verify", "--expect", noted)).exitCode).toBe(0);
  expect(await as("dan", "record", "verify", "--expect", "3:abc")).toEqual({
    stdout: "",
    stderr:
      "mflow: `3:abc` is no row with its hash\nWrite it as ROW:HASH, as `mflow record verify` or a release report printed it.\n",
    exitCode: 2,
  });
  expect(await as("dan", "record", "verify", "--expect", `1:${"0".repeat(64)}`)).toMatchObject({
    exitCode: 1,
  });
  const database = new DatabaseSync(join(place.path, ".mflow", "mflow.db"));
  database.exec(
    "UPDATE decision_records SET body = replace(body, '\"NOT_LISTED\"', '\"NOT_LITSED\"') WHERE seq = 2",
  );
  database.close();
  expect(await as("dan", "record", "verify")).toEqual({
    stdout:
      "the decision record is NOT whole: row 2 has not the hash of what it says: it was changed\nlast good row 1:HASH\n",
    stderr: "",
    exitCode: 1,
  });
});
