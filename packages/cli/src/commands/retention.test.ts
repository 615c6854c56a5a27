// Retention from the command line: what is kept is shown, what would go is said, and what goes is asked for.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import { aNewRun, anEvent, aRun, LEASE } from "@mflow/server/store/testing/records";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeServedWorkplace, makeWorkplace, stable, until, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const manifests = `
kind: Job
metadata: { name: greet }
publish: true
spec: { runnerType: FAKE, runnerSpec: {} }
---
kind: Pipeline
metadata: { name: release }
spec:
  retention: { maxAge: 30d, maxRuns: 50, failed: { maxRuns: 5 } }
  stages: [{ name: one, tasks: [{ name: greet, job: greet }] }]
`;

let place: Workplace;
/** Runs of the pipeline, the oldest first. */
const ids: string[] = [];
let task = "";

beforeAll(async () => {
  place = await makeServedWorkplace({ "release.yaml": manifests });
  await place.mflow(["apply", "-f", "release.yaml"]);
  for (let n = 0; n < 3; n++) {
    const { stdout, stderr } = await place.mflow(["run", "release"]);
    ids.push(/run-[0-9a-z]{26}/.exec(stdout + stderr)?.[0] ?? "");
  }
  const lone = await place.mflow(["run", "--job", "greet", "-o", "json"]);
  task = /task-[0-9a-z]{26}/.exec(lone.stdout)?.[0] ?? "";
});
afterAll(() => place.remove());

const kept = async () => {
  const { stdout } = await place.mflow(["get", "runs", "-o", "json"]);
  return (JSON.parse(stdout).items as { id: string }[]).map(({ id }) => id).toReversed();
};

test("what a pipeline keeps is shown with it", async () => {
  const { stdout } = await place.mflow(["describe", "pipeline", "release"]);
  expect(stdout).toMatch(/^Keeps +30d, the last 50; FAILED and CANCELED: the last 5$/m);
});

test("what is kept a minute is not offered for cleanup, whatever is asked", async () => {
  const answer = await place.mflow(["cleanup", "--max-runs", "1"]);
  expect(answer).toEqual({ stdout: "", stderr: "mflow: there is nothing to delete\n", exitCode: 0 });
  const documents = await place.mflow(["cleanup", "--dry-run", "-o", "json"]);
  expect(JSON.parse(documents.stdout)).toEqual({ items: [], hasMore: false });
  const yes = await place.mflow(["cleanup", "--yes"]);
  expect(yes.stdout).toBe("0 runs deleted\n");
});

test("a rule that makes no sense is refused with its place", async () => {
  const { stderr, exitCode } = await place.mflow(["cleanup", "--max-age", "month", "--dry-run"]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain("/retention/maxAge");
});

test("deleting by filters needs filters that fit, and somebody to ask", async () => {
  const refusal = async (...args: string[]) => {
    const { stderr, exitCode } = await place.mflow(["delete", ...args]);
    expect(exitCode).toBe(2);
    return stderr;
  };
  expect(await refusal("runs")).toBe(
    "mflow: it is not said which runs to delete\nGive names, or filters such as --before 30d.\n",
  );
  expect(await refusal("pipeline", "--before", "30d")).toBe(
    "mflow: --before does not filter pipelines\nIt filters runs, tasks.\n",
  );
  expect(await refusal("runs", ids[0] ?? "", "--before", "30d")).toBe(
    "mflow: --before is for deleting without names\nGive names, or filters.\n",
  );
  expect(await refusal("runs", "--stage", "active")).toBe(
    "mflow: no run that has ended is ACTIVE\nTake SUCCEEDED, FAILED, CANCELED.\n",
  );
  expect(await refusal("runs", "--pipeline", "release")).toBe(
    "mflow: nobody can be asked here: Delete 3 runs with all logs?\nSay --yes, or --dry-run to see what it is.\n",
  );
  expect(await kept()).toEqual(ids);
});

test("filters say which runs go, and which tasks that ran alone", async () => {
  const old = await place.mflow(["delete", "runs", "--pipeline", "release", "--before", "1d", "--yes"]);
  expect(old).toEqual({ stdout: "", stderr: "mflow: there is nothing to delete\n", exitCode: 0 });
  const dry = await place.mflow(["delete", "tasks", "--job", "greet", "--dry-run"]);
  expect(dry.stdout).toBe(`task ${task} would be deleted\n`);
  const gone = await place.mflow(["delete", "tasks", "--job", "greet", "--yes"]);
  expect(stable(gone.stdout)).toBe("task task-ID deleted\n");
  const all = await place.mflow(["delete", "runs", "--stage", "succeeded", "--yes", "-o", "json"]);
  expect(JSON.parse(all.stdout).deleted.toSorted()).toEqual(ids);
  expect(await kept()).toEqual([]);
});

test("the archive is empty when everything is kept", async () => {
  expect(await place.mflow(["events", "--archive"])).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  const { stderr, exitCode } = await place.mflow(["events", "--archive", "-f"]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("cannot be used with")]);
});

describe("on a server with months behind it", () => {
  let old: Workplace;
  /** Runs that ended in January, the oldest first. */
  const runs = Array.from({ length: 5 }, (_, n) => aRun(n + 1, { stage: n === 4 ? "FAILED" : "SUCCEEDED" }));

  async function serve(...flags: string[]) {
    const server = old.start(["server", "--port", "0", "--log-level", "warn", ...flags]);
    await until("server", () => (/listens on/.test(server.stderr) ? true : undefined));
    return server;
  }

  async function idsKept(): Promise<string[]> {
    const { stdout } = await old.mflow(["get", "runs", "-o", "json"]);
    return (JSON.parse(stdout).items as { id: string }[]).map(({ id }) => id).toReversed();
  }

  beforeAll(async () => {
    old = await makeWorkplace();
    await mkdir(join(old.path, ".mflow"), { mode: 0o700 });
    const store = await openSqliteStore(join(old.path, ".mflow", "mflow.db"));
    for (const run of runs) {
      const history = [anEvent({ pipelineTaskId: run.id, name: run.name })];
      await store.runs.commit([aNewRun(run, [], { history })], LEASE);
    }
    await store.close();
  });
  afterAll(() => old.remove());

  test("cleanup says what goes and by which rule, and takes it", async () => {
    const server = await serve();
    const rule = ["cleanup", "--pipeline", "release", "--max-runs", "4"];
    const dry = await old.mflow([...rule, "--dry-run"]);
    expect(dry).toEqual({
      stdout: [
        "ID                              OF       ENDED                     SUCCEEDED  RULE",
        `${runs[0]?.id}  release  ${runs[0]?.createdAt}  yes        maxRuns: 4\n`,
      ].join("\n"),
      stderr: "mflow: 1 run would be deleted\n",
      exitCode: 0,
    });
    const unasked = await old.mflow(rule);
    expect([unasked.exitCode, unasked.stderr]).toEqual([
      2,
      "mflow: nobody can be asked here: Delete 1 run?\nSay --yes, or --dry-run to see what it is.\n",
    ]);
    expect(await old.mflow([...rule, "--yes"])).toEqual({
      stdout: "1 run deleted\n",
      stderr: "",
      exitCode: 0,
    });
    expect(await idsKept()).toEqual(runs.slice(1).map(({ id }) => id));
    server.process.kill("SIGTERM");
    await server.ended;
  });

  test("settings let the rest go but what is needed, and move old events to the archive", async () => {
    const server = await serve("--retain-for", "1d", "--history-for", "1h");
    const archived = await until("archive", async () => {
      const { stdout } = await old.mflow(["events", "--archive", "-o", "json"]);
      return stdout === "" ? undefined : stdout.trim().split("\n");
    });
    expect(archived.map((line) => JSON.parse(line).pipelineTaskId)).toEqual(runs.map(({ id }) => id));
    await until("end of the runs", async () => ((await idsKept()).length === 1 ? true : undefined));
    expect(await idsKept()).toEqual([runs[3]?.id]);
    const ofRun = await old.mflow(["events", "--run", runs[1]?.id ?? ""]);
    expect(ofRun.stdout).toMatch(/^.*deleted.*$/im);
    expect(ofRun.stderr).toBe("mflow: events up to place 5 are in the archive; --archive shows them\n");
    const after = await old.mflow(["events", "--after", "2"]);
    expect([after.exitCode, after.stderr]).toEqual([
      expect.any(Number),
      expect.stringContaining("Events after place 2 are in the archive, up to place 5"),
    ]);
    const token = (await readFile(join(old.path, ".mflow", "local.token"), "utf8")).trim();
    const address = /http:\/\/[0-9.]+:\d+/.exec(server.stderr)?.[0];
    const answer = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    const metrics = await answer.text();
    expect(metrics).toContain('mflow_runs_removed_total{by="retention"} 3');
    expect(metrics).toContain("mflow_events_archived_total 5");
    expect(metrics).toMatch(/^mflow_archive_bytes [1-9]\d*$/m);
    expect(metrics).toMatch(/^mflow_database_bytes [1-9]\d*$/m);
  });
});
