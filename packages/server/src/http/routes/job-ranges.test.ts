// References by version range, from apply over lint to the run.

import type { ErrorBody, LintResult, RunPipelineResponse } from "@mflow/core/schema/api";
import type { Job } from "@mflow/core/schema/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  // 1.2.5 is published after 1.3.0: a repair of an older line.
  const versions = ["v1.2.0", "1.3.0", "1.2.5", "2.0.0"];
  for (const version of versions) {
    await server.ok("POST", "/jobs", job("build", {}, { version, publish: true }));
  }
  await server.ok("POST", "/jobs", job("build", {}, { version: "1.9.0" }));
});
afterAll(() => server.close());

const ranged = (range: string) => pipeline("ranged", [{ name: "one", job: `build:${range}` }]);

async function jobOfRun(body: object): Promise<string | undefined> {
  const { tasks } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", body);
  return tasks[0]?.job.version;
}

test.each([
  ["^1.2", "1.3.0"],
  ["~1.2", "1.2.5"],
  [">=1.2 <1.2.5", "v1.2.0"],
  ["*", "2.0.0"],
])("a run with `%s` takes the highest PUBLISHED version, %s", async (range, version) => {
  expect(await jobOfRun({ spec: ranged(range).spec })).toBe(version);
});

test("a run keeps its version, and the next one takes what was published meanwhile", async () => {
  await server.ok("POST", "/jobs", job("moving", {}, { version: "1.0.0", publish: true }));
  await server.ok("POST", "/apply", {
    documents: [pipeline("moves", [{ name: "one", job: "moving:^1" }], { isParallel: true })],
  });
  expect(await jobOfRun({ pipelineId: "moves" })).toBe("1.0.0");
  await server.ok("POST", "/jobs", job("moving", {}, { version: "1.1.0", publish: true }));
  expect(await jobOfRun({ pipelineId: "moves" })).toBe("1.1.0");
});

test("a document of the run goes before stored versions", async () => {
  const documents = [
    job("build", {}, { version: "1.2.1" }),
    job("build", {}, { version: "1.2.2" }),
    ranged("~1.2"),
  ];
  expect(await jobOfRun({ documents })).toBe("1.2.2");
});

test("an apply may publish the version that its pipeline asks for", async () => {
  const documents = [
    pipeline("with-job", [{ name: "one", job: "together:^3" }]),
    job("together", {}, { version: "3.1.0", publish: true }),
  ];
  await server.ok("POST", "/apply", { documents });
  expect(await jobOfRun({ pipelineId: "with-job" })).toBe("3.1.0");
});

test("a range that nothing is in is refused everywhere with the versions that there are", async () => {
  const there = "it has `2.0.0`, `1.2.5`, `1.3.0`, `v1.2.0`";
  const message = `no PUBLISHED version of job \`build:^7\` is in the range \`^7\`; ${there}`;
  const applied = await server.call<ErrorBody>("POST", "/apply", { documents: [ranged("^7")] });
  expect(applied.body.details).toMatchObject([{ path: "/documents/0/spec/stages/0/tasks/0/job", message }]);
  const linted = await server.ok<LintResult>("POST", "/lint", { documents: [ranged("^7")] });
  expect(linted.problems).toMatchObject([{ message, severity: "error" }]);
  const documents = [ranged("^7"), job("other")];
  const run = await server.call<ErrorBody>("POST", "/pipeline-tasks", { documents });
  expect(run.body.message).toContain(message);
});

test("a request about a job may name it by a range", async () => {
  const found = await server.ok<Job>("GET", `/jobs/${encodeURIComponent("build:^1.2")}`);
  expect(found.version).toBe("1.3.0");
  expect(await server.refusal("GET", `/jobs/${encodeURIComponent("build:^one")}`)).toEqual([
    400,
    "BAD_REQUEST",
  ]);
});
