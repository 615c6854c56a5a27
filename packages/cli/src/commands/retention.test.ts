// Retention from the command line: what is kept is shown, what would go is said, and what goes is asked for.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, stable, type Workplace } from "../testing/command.ts";

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
