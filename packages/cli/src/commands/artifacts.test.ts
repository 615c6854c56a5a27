// Artifacts and caches from the command line, of real SHELL tasks.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ApiPage } from "@mflow/core/schema/api";
import type { JobTask } from "@mflow/core/schema/job-task";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const pipeline = `
kind: Job
metadata: { name: make }
publish: true
spec:
  runnerType: SHELL
  cache: { key: { prefix: made }, paths: [dist] }
  artifacts: [{ name: dist, path: dist }, { name: tool, path: bin/tool, retention: 30d }]
  runnerSpec: { steps: [{ run: 'mkdir -p dist bin; echo hello >dist/a; echo true >bin/tool; chmod +x bin/tool' }] }
---
kind: Pipeline
metadata: { name: making }
spec: { stages: [{ name: one, tasks: [{ name: make, job: make }] }] }
`;

let place: Workplace;
let run: string;
let task: string;
beforeAll(async () => {
  place = await makeServedWorkplace({}, process.getuid?.() === 0 ? ["--allow-root-steps"] : []);
  await place.write("making.yaml", pipeline);
  await place.mflow(["run", "-f", "making.yaml"]);
  const tasks = JSON.parse((await place.mflow(["get", "tasks", "-o", "json"])).stdout) as ApiPage<JobTask>;
  run = tasks.items[0]?.pipelineTaskId as string;
  task = tasks.items[0]?.id as string;
});
afterAll(() => place.remove());

test("the artifacts of a run and of a task are listed, with sizes for people", async () => {
  const ofRun = await place.mflow(["artifacts", run]);
  const rows = ofRun.stdout.trimEnd().split("\n");
  expect(rows[0]).toMatch(/^NAME +TASK +TASK ID +ATTEMPT +KIND +SIZE +PATH +KEPT +UNTIL$/);
  expect(rows[1]).toMatch(/^dist +one\/make +task-\w+ +1 +FOLDER +\d+ bytes +dist +20\S+Z *$/);
  expect(rows[2]).toMatch(/^tool +one\/make +task-\w+ +1 +FILE +5 bytes +bin\/tool +20\S+Z +20\S+Z$/);
  const ofTask = await place.mflow(["artifacts", "list", task, "-o", "json"]);
  expect(JSON.parse(ofTask.stdout)).toMatchObject({ items: [{ name: "dist" }, { name: "tool" }] });
  const described = await place.mflow(["describe", "task", task]);
  expect(described.stdout).toMatch(/Artifacts\n {2}NAME .*\n {2}dist .*\n {2}tool /);
});

test("a file is written under its own name, and may be executed; a folder comes as an archive", async () => {
  const got = await place.mflow(["artifacts", "get", task, "tool"]);
  expect([got.exitCode, got.stderr]).toEqual([0, expect.stringContaining("tool")]);
  expect(readFileSync(join(place.path, "tool"), "utf8")).toBe("true\n");
  expect(statSync(join(place.path, "tool")).mode & 0o111).not.toBe(0);
  await place.mflow(["artifacts", "get", task, "dist", "--to", "d.tgz"]);
  mkdirSync(join(place.path, "out"));
  execFileSync("tar", ["xzf", "../d.tgz"], { cwd: join(place.path, "out") });
  expect(readFileSync(join(place.path, "out", "dist", "a"), "utf8")).toBe("hello\n");
  expect((await place.mflow(["artifacts", "get", task, "tool", "--to", "-"])).stdout).toBe("true\n");
});

test("what is not there is said, and leaves no file; what is deleted is gone", async () => {
  const missing = await place.mflow(["artifacts", "get", task, "none"]);
  expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining("has no artifact `none`")]);
  expect(existsSync(join(place.path, "none"))).toBe(false);
  const deleted = await place.mflow(["artifacts", "delete", task, "dist"]);
  expect(deleted.stdout).toBe(`artifact dist of ${task} is deleted\n`);
  const left = JSON.parse((await place.mflow(["artifacts", run, "-o", "json"])).stdout);
  expect(left.items.map(({ name }: { name: string }) => name)).toEqual(["tool"]);
});

test("caches are listed and deleted by key or all together", async () => {
  const listed = (await place.mflow(["cache", "list"])).stdout.trimEnd().split("\n");
  expect(listed).toEqual([
    expect.stringMatching(/^KEY +SCOPE +SIZE +SAVED +USED$/),
    expect.stringMatching(/^made +default\.default +\d+ bytes +20\S+Z +20\S+Z$/),
  ]);
  const unclear = await place.mflow(["cache", "delete"]);
  expect([unclear.exitCode, unclear.stderr]).toEqual([2, expect.stringContaining("--all")]);
  expect((await place.mflow(["cache", "delete", "made"])).stdout).toBe("1 cache is deleted\n");
  expect((await place.mflow(["cache", "delete", "--all"])).stdout).toBe("0 caches are deleted\n");
  expect((await place.mflow(["cache", "list"])).stderr).toContain("no caches");
});
