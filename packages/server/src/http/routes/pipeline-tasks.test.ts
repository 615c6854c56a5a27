import type { ApiPage, ErrorBody, PipelineTaskView, RunPipelineResponse } from "@mflow/core/schema/api";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const documents = [
    job("work", { runParams: [{ name: "WHO" }] }, { publish: true }),
    endlessJob("endless"),
    pipeline("quick", undefined, { isParallel: true }),
    pipeline("slow", [{ name: "one", job: "endless" }], {}, { labels: { kind: "slow" } }),
  ];
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

function ended(id: string) {
  return eventually(
    () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${id}`),
    ({ run }) => ["SUCCEEDED", "FAILED", "CANCELED"].includes(run.status.stage),
  );
}

test("a run starts, ends, and keeps what it was asked to do", async () => {
  const body = { pipelineId: "quick", runParams: { WHO: "me", WOH: "typing error" } };
  const started = await server.call<RunPipelineResponse>("POST", "/pipeline-tasks", body);
  expect(started.status).toBe(201);
  expect(started.headers.get("etag")).toBe(`"${started.body.run.revision}"`);
  expect(started.body.run).toMatchObject({ name: "quick", runBy: "ada", triggerMode: "MANUAL" });
  expect(started.body.warnings).toEqual([expect.stringContaining("WOH")]);
  const { run, tasks } = await ended(started.body.run.id);
  expect(run.status.stage).toBe("SUCCEEDED");
  expect(tasks).toMatchObject([{ name: "one", status: { stage: "SUCCEEDED" }, pipelineTaskId: run.id }]);
  const definition = await server.ok("GET", `/pipeline-tasks/${run.id}/definition`);
  expect(definition).toMatchObject({ pipeline: pipeline("quick", undefined, { isParallel: true }).spec });
});

test("a bare spec and documents of the request run without being stored", async () => {
  const tasks = [{ name: "one", job: "unstored" }];
  const documents = [job("unstored"), pipeline("brought", tasks, {}, { namespace: "team" })];
  const { run } = await server.ok<RunPipelineResponse>(
    "POST",
    "/pipeline-tasks",
    { documents },
    { as: "tim" },
  );
  expect(run).toMatchObject({ name: "brought", namespace: "team", runBy: "tim" });
  expect((await ended(run.id)).run.status.stage).toBe("SUCCEEDED");
  const { spec } = pipeline("x");
  const bare = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { spec });
  expect((await ended(bare.run.id)).run.status.stage).toBe("SUCCEEDED");
  expect(await server.refusal("GET", "/jobs/unstored")).toEqual([404, "NOT_FOUND"]);
});

test("what makes no sense in a run's own documents is refused with all its places", async () => {
  const tasks = [
    { name: "one", job: "work" },
    { name: "one", job: "wokr" },
  ];
  const brought = await server.call<ErrorBody>("POST", "/pipeline-tasks", {
    documents: [pipeline("bad", tasks)],
  });
  expect([brought.status, brought.body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(brought.body.details.map(({ path }) => path).sort()).toEqual([
    "/documents/0/spec/stages/0/tasks/1/job",
    "/documents/0/spec/stages/0/tasks/1/name",
  ]);
  const bare = await server.call<ErrorBody>("POST", "/pipeline-tasks", { spec: pipeline("bad", tasks).spec });
  expect(bare.body.details.map(({ path }) => path).sort()).toEqual([
    "/spec/stages/0/tasks/1/job",
    "/spec/stages/0/tasks/1/name",
  ]);
});

test("the same Idempotency-Key starts one run, and another request with it is refused", async () => {
  const headers = { "idempotency-key": "a-key" };
  const answers = await Promise.all(
    [1, 2, 3].map(() =>
      server.call<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId: "quick" }, { headers }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  expect(new Set(answers.map(({ body }) => body.run.id)).size).toBe(1);
  const other = { pipelineId: "quick", labels: { a: "b" } };
  expect(await server.refusal("POST", "/pipeline-tasks", other, { headers })).toEqual([
    409,
    "IDEMPOTENCY_CONFLICT",
  ]);
  expect(
    await server.refusal("POST", "/pipeline-tasks", other, { headers: { "idempotency-key": "a b" } }),
  ).toEqual([400, "BAD_REQUEST"]);
});

test("a run that was deleted is not started again by the same Idempotency-Key", async () => {
  const start = () =>
    server.call<RunPipelineResponse & ErrorBody>(
      "POST",
      "/pipeline-tasks",
      { pipelineId: "quick" },
      { headers: { "idempotency-key": "of-deleted" } },
    );
  const { run } = (await start()).body;
  await ended(run.id);
  expect((await server.call("DELETE", `/pipeline-tasks/${run.id}`)).status).toBe(204);
  const { status, body } = await start();
  expect([status, body.code, body.message]).toEqual([
    404,
    "NOT_FOUND",
    `run ${run.id} of this Idempotency-Key was deleted; to start another one, use another key`,
  ]);
});

test("a dry run renders and stores nothing", async () => {
  const body = { pipelineId: "quick", runParams: { WHO: "me" }, dryRun: true };
  const answer = await server.call<RunPipelineResponse>("POST", "/pipeline-tasks", body);
  expect(answer.status).toBe(200);
  expect(answer.body.rendered).toMatchObject([{ name: "one", spec: {} }]);
  expect(await server.refusal("GET", `/pipeline-tasks/${answer.body.run.id}`)).toEqual([404, "NOT_FOUND"]);
});

test("a run is canceled, and deleted once it has ended", async () => {
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId: "slow" });
  const path = `/pipeline-tasks/${run.id}`;
  expect(await server.refusal("POST", "/pipeline-tasks", { pipelineId: "slow" })).toEqual([
    409,
    "PIPELINE_IS_RUNNING",
  ]);
  expect(await server.refusal("DELETE", path)).toEqual([409, "CONFLICT"]);
  const stale = { headers: { "if-match": '"99"' } };
  expect(await server.refusal("POST", `${path}/cancel`, {}, stale)).toEqual([412, "STALE_REVISION"]);
  await server.ok("POST", `${path}/cancel`, { message: "enough" });
  expect((await ended(run.id)).run.status).toMatchObject({ stage: "CANCELED", canceledBy: "ada" });
  expect((await server.call("DELETE", path)).status).toBe(204);
  expect(await server.refusal("GET", path)).toEqual([404, "NOT_FOUND"]);
});

test("a list of runs is filtered by pipeline, stage and label", async () => {
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", {
    pipelineId: "quick",
    labels: { wanted: "yes" },
  });
  await ended(run.id);
  const ids = async (query: string) =>
    (await server.ok<ApiPage<PipelineTask>>("GET", `/pipeline-tasks?${query}`)).items.map(({ id }) => id);
  expect(await ids("pipeline=quick&stage=SUCCEEDED&label=wanted%3Dyes")).toEqual([run.id]);
  expect(await ids("pipeline=quick&stage=FAILED")).toEqual([]);
  expect(await ids(`createdFrom=${run.createdAt}&limit=1`)).toEqual([run.id]);
  expect(await server.refusal("GET", "/pipeline-tasks?cursor=forged")).toEqual([400, "BAD_REQUEST"]);
});

test("running needs operator where the run will be and where the pipeline is", async () => {
  const request = { pipelineId: "quick@default.default" };
  expect(await server.refusal("POST", "/pipeline-tasks", request, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await server.refusal("POST", "/pipeline-tasks?namespace=team", request, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", request, { as: "otto" });
  expect(await server.refusal("GET", `/pipeline-tasks/${run.id}`, undefined, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  expect(await server.refusal("POST", `/pipeline-tasks/${run.id}/cancel`, {}, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
});

test("no answer shows a sensitive value of a run", async () => {
  const runParams = [{ name: "PASSWORD", sensitive: true, required: true }];
  const documents = [
    job("log-in", { runParams, runnerSpec: { log: ["${PASSWORD}"] } }),
    pipeline("log-in", [{ name: "one", job: "log-in", runParams: { PASSWORD: "hunter2-of-pipeline" } }]),
  ];
  const body = { documents, runParams: { PASSWORD: "hunter2-of-run" } };
  const started = await server.call("POST", "/pipeline-tasks", body);
  expect(started.status).toBe(201);
  const { run } = started.body as unknown as RunPipelineResponse;
  const view = await ended(run.id);
  const definition = await server.ok("GET", `/pipeline-tasks/${run.id}/definition`);
  const dry = await server.ok("POST", "/pipeline-tasks", { ...body, dryRun: true });
  const task = await server.ok("GET", `/job-tasks/${view.tasks[0]?.id}`);
  const all = JSON.stringify([started.body, view, definition, dry, task]);
  expect(all).toContain("***");
  expect(all).not.toContain("hunter2");
  expect(all).not.toContain("sealed:");
});

test("a stage that does not exist is refused with those that do, not answered with an empty list", async () => {
  const answer = await server.call<ErrorBody>("GET", "/pipeline-tasks?stage=BOGUS");
  expect([answer.status, answer.body.details[0]?.message]).toEqual([
    400,
    "item 1 of `stage` must be `PENDING`, `ACTIVE`, `CANCELING`, `CANCELED`, `FAILED` or `SUCCEEDED`, but is `BOGUS`",
  ]);
});
