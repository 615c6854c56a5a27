// Decisions that the gate's rules refuse: how many of them the record keeps, that it keeps no secret of theirs, and
// that a link or card decides once though several use it at once.

import type { JobTaskView, RunJobResponse, RunPipelineResponse } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const runParams = [{ name: "TOKEN", sensitive: true, value: "s3cret-token" }];
  await server.ok("POST", "/apply", { documents: [job("ship", { runParams }, { publish: true })] });
});
afterAll(() => server.close());

async function waitingTask(): Promise<JobTaskView> {
  const audit = { auditors: ["vera", "otto"], required: 2 };
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "ship", audit })).task;
}

const refusals = async (taskId: string) => {
  const rows = await server.store.records.list({ after: 0, limit: 500, taskId });
  return rows.filter(({ act }) => act === "REFUSE").map(({ user, code, comment }) => [user, code, comment]);
};

test("one person's refusals on a gate get twenty rows a minute, the first ones; others and other gates get theirs", async () => {
  const [task, other] = [await waitingTask(), await waitingTask()];
  const refuse = (id: string, as: string, comment: string) =>
    server.refusal("POST", `/job-tasks/${id}/audit`, { verdict: "PASS", comment, digest: "other" }, { as });
  for (let index = 0; index < 30; index++)
    expect(await refuse(task.id, "vera", `try ${index}`)).toEqual([409, "CONTENT_CHANGED"]);
  await refuse(task.id, "otto", "mine");
  await refuse(other.id, "vera", "another");
  expect(await refusals(task.id)).toEqual([
    ...Array.from({ length: 20 }, (_, index) => ["vera", "CONTENT_CHANGED", `try ${index}`]),
    ["otto", "CONTENT_CHANGED", "mine"],
  ]);
  expect(await refusals(other.id)).toEqual([["vera", "CONTENT_CHANGED", "another"]]);
});

test("the comment of a refused decision is kept without the task's secrets", async () => {
  const { id } = await waitingTask();
  await server.refusal("POST", `/job-tasks/${id}/audit`, { verdict: "PASS", comment: "s3cret-token" });
  expect(await refusals(id)).toEqual([["ada", "NOT_LISTED", "***"]]);
});

test("the comment of a decision on a gate whose turn has not come is kept without the secrets to come", async () => {
  const audit = { auditors: ["vera"] };
  const gated = ["first", "second"].map((name) => ({ name, job: "ship", audit }));
  const pipelineId = "later";
  await server.ok("POST", "/apply", { documents: [pipeline(pipelineId, gated)] });
  const request = { pipelineId, runParams: { TOKEN: "another-secret" } };
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", request);
  const [, second] = await server.store.runs.tasksOfRun(run.id);
  const id = second?.id ?? "";
  const comment = "not s3cret-token but another-secret";
  expect(
    await server.refusal("POST", `/job-tasks/${id}/audit`, { verdict: "PASS", comment }, { as: "vera" }),
  ).toEqual([409, "GATE_NOT_OPEN"]);
  expect(await refusals(id)).toEqual([["vera", "GATE_NOT_OPEN", "not *** but ***"]]);
});

test("a card that two people use in the same moment decides once", async () => {
  const { id } = await waitingTask();
  const press = (name: string) =>
    server.engine.audit(
      id,
      { verdict: "PASS" },
      { name, operator: false, source: { via: "FEISHU_APP", link: "dlv-1" } },
    );
  const outcomes = await Promise.allSettled([press("vera"), press("otto"), press("vera")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  expect(await refusals(id)).toEqual([
    ["otto", "LINK_USED", undefined],
    ["vera", "LINK_USED", undefined],
  ]);
  const task = await server.ok<JobTaskView>("GET", `/job-tasks/${id}`);
  expect(task.audit?.decisions.map(({ user }) => user)).toEqual(["vera"]);
});

test("a card whose first use is refused still decides for the next", async () => {
  const { id } = await waitingTask();
  const press = (name: string) =>
    server.engine.audit(
      id,
      { verdict: "PASS" },
      { name, operator: false, source: { via: "FEISHU_APP", link: "dlv-2" } },
    );
  const outcomes = await Promise.allSettled([press("tim"), press("otto")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});
