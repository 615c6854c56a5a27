// Who may ask as mflow's own containers in a pod: the task's present attempt, and what it says goes to its runner.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PodFilesParts } from "../services.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
let folder: string;
let task: JobTask;
const asked: unknown[] = [];

const pods: PodFilesParts = {
  async podFiles(ref, { step, query, body }) {
    let text = "";
    for await (const chunk of body) text += Buffer.from(chunk).toString();
    asked.push({ ref, step, query, text });
    if (step === "away") throw new MflowError("UNAVAILABLE", "not followed yet");
    return "exit 0\n";
  },
  async podFile(ref, step, number) {
    asked.push({ ref, step, number });
    return join(folder, "given");
  },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-pods-"));
  await writeFile(join(folder, "given"), "bytes");
  server = await startTestServer({ pods });
  const runnerSpec = { outcome: "NONE" };
  const spec = { runnerType: "FAKE", runnerSpec };
  await server.ok("POST", "/apply", {
    documents: [{ kind: "Job", publish: true, metadata: { name: "work" }, spec }],
  });
  task = (await server.ok<{ task: JobTask }>("POST", "/job-tasks", { job: "work" })).task;
});
afterAll(async () => {
  await server.call("POST", `/job-tasks/${task.id}/cancel`, {});
  await server.close();
  await rm(folder, { recursive: true });
});

const headers = { "content-type": "application/x-www-form-urlencoded" };

test("what a container asks goes to the runner, and the answer is for its shell", async () => {
  const { id: taskId, attempt } = task;
  const as = server.keys.updateToken(taskId, attempt);
  const url = `/job-tasks/${taskId}/pod-files`;
  const answer = await server.call("POST", `${url}/piece?name=artifact.0&at=5`, "AA==", { as, headers });
  expect([answer.status, answer.body]).toEqual([200, "exit 0\n"]);
  const given = await server.call("GET", `${url}/fetch/3`, undefined, { as });
  expect([given.status, given.body]).toEqual([200, "bytes"]);
  expect((await server.call("POST", `${url}/away`, "", { as, headers })).status).toBe(503);
  const ref = { taskId, attempt };
  expect(asked).toEqual([
    { ref, step: "piece", query: { name: "artifact.0", at: 5 }, text: "AA==" },
    { ref, step: "fetch", number: 3 },
    { ref, step: "away", query: {}, text: "" },
  ]);
});

test.each([
  ["no token", () => null],
  ["the token of another attempt", () => server.keys.updateToken(task.id, task.attempt + 1)],
  ["the token of another task", () => server.keys.updateToken("task-01jb8h3x7c5f3wz9v0y2m4k6n8", 1)],
])("with %s nothing is answered", async (_what, tokenOf) => {
  const as = tokenOf();
  for (const [method, path] of [
    ["POST", "fetch"],
    ["GET", "fetch/0"],
  ] as const) {
    expect(
      (await server.call(method, `/job-tasks/${task.id}/pod-files/${path}`, undefined, { as })).status,
    ).toBe(401);
  }
});
