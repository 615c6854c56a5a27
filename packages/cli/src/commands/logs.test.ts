// Logs of a run's attempts from the command line.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const manifests = `
kind: Job
publish: true
metadata: {name: fails}
spec: {runnerType: FAKE, runnerSpec: {log: [tried], outcome: FAILED}, retry: {limit: 1}}
---
kind: Job
publish: true
metadata: {name: works}
spec: {runnerType: FAKE, runnerSpec: {log: [worked]}}
---
kind: Pipeline
metadata: {name: release}
spec:
  stages:
    - name: main
      tasks: [{name: one, job: works}, {name: two, job: fails}]
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace();
  await place.write("all.yaml", manifests);
});
afterAll(() => place.remove());

test("the logs of an attempt are those of the tasks of the run that have had it", async () => {
  const run = await place.mflow(["run", "release", "-f", "all.yaml", "-o", "json"]);
  expect(run.exitCode).toBe(1);
  const listed = await place.mflow(["get", "runs", "-o", "json"]);
  const id = /run-[0-9a-z]{26}/.exec(listed.stdout)?.[0] ?? "";
  expect((await place.mflow(["logs", id, "--attempt", "2"])).stdout).toBe("main/two | tried\n");
  const third = await place.mflow(["logs", id, "--attempt", "3"]);
  expect([third.exitCode, third.stdout, third.stderr]).toEqual([
    2,
    "",
    `mflow: no task of ${id} has an attempt 3\nLeave out --attempt for the last one.\n`,
  ]);
});
