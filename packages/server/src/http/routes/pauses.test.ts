// Queue, pauses, drain and limits over HTTP: roles, answers, and what people are told.

import type {
  ApiPage,
  PipelineTaskView,
  PipelineView,
  RunPipelineResponse,
  RunView,
} from "@mflow/core/schema/api";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const tasks = [{ name: "one", job: "endless" }];
  const documents = [
    endlessJob("endless"),
    ...["queued", "paused", "single", "drained", "limited"].map((name) =>
      pipeline(name, tasks, name === "queued" ? { queue: { maxLength: 2 } } : {}),
    ),
  ];
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

async function start(pipelineId: string, request: object = {}): Promise<RunView> {
  return (await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId, ...request })).run;
}

const get = (id: string) => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${id}`);

test("runs wait in line and say for whom; the queue is full, then canceled as a whole", async () => {
  const first = await start("queued");
  const [second, third] = [await start("queued"), await start("queued", { priority: 9 })];
  expect([second.status.stage, second.waitingFor]).toEqual([
    "PENDING",
    `waits for the sequence lock of pipeline \`queued\`, held by ${first.id}, 0 before it in line`,
  ]);
  expect((await get(second.id)).run.waitingFor).toMatch(/1 before it in line$/);
  const { items } = await server.ok<ApiPage<RunView>>("GET", "/pipeline-tasks?pipeline=queued&stage=PENDING");
  expect(items.map(({ id, priority, waitingFor }) => [id, priority, waitingFor?.slice(-20)])).toEqual(
    [
      [third.id, 9, "0 before it in line"],
      [second.id, undefined, "1 before it in line"],
    ].map(([id, priority, tail]) => [id, priority, ` ${tail}`]),
  );
  const body = { pipelineId: "queued" };
  expect(await server.refusal("POST", "/pipeline-tasks", body)).toEqual([409, "QUEUE_FULL"]);
  expect(await server.refusal("POST", "/pipeline-tasks", { ...body, queue: false })).toEqual([
    409,
    "PIPELINE_IS_RUNNING",
  ]);
  expect(await server.refusal("POST", "/pipelines/queued/cancel-queue", {}, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  const canceled = await server.ok<{ items: PipelineTask[] }>("POST", "/pipelines/queued/cancel-queue", {
    message: "not today",
  });
  expect(canceled.items.map(({ id, status }) => [id, status.stage, status.message])).toEqual([
    [second.id, "CANCELED", "not today"],
    [third.id, "CANCELED", "not today"],
  ]);
  expect((await get(first.id)).run.status.stage).toBe("ACTIVE");
});

test("a run is paused and resumed by operators of its scope", async () => {
  const run = await start("single");
  const path = `/pipeline-tasks/${run.id}`;
  expect(await server.refusal("POST", `${path}/pause`, {}, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("POST", `${path}/pause`, {}, { as: "tim" })).toEqual([404, "NOT_FOUND"]);
  const paused = await server.ok<PipelineTask>("POST", `${path}/pause`, { message: "wait" }, { as: "otto" });
  expect(paused.status.paused).toEqual({ by: "otto", at: expect.any(String), message: "wait" });
  expect((await get(run.id)).run.waitingFor).toBe(
    `is paused by otto since ${paused.status.paused?.at}: wait`,
  );
  expect(
    await server.refusal("POST", `${path}/resume`, undefined, { headers: { "if-match": '"1"' } }),
  ).toEqual([412, "STALE_REVISION"]);
  const resumed = await server.ok<PipelineTask>("POST", `${path}/resume`);
  expect(resumed.status.paused).toBe(undefined);
  await server.ok("POST", `${path}/cancel`);
  await eventually(
    () => get(run.id),
    ({ run: now }) => now.status.stage === "CANCELED",
  );
  expect(await server.refusal("POST", `${path}/pause`)).toEqual([409, "CONFLICT"]);
});

test("a paused pipeline takes runs, which wait; the first pause stands", async () => {
  expect(await server.refusal("POST", "/pipelines/paused/pause", {}, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await server.refusal("POST", "/pipelines/nowhere/pause")).toEqual([404, "NOT_FOUND"]);
  const pause = {
    key: "pipeline/default/default/paused",
    by: "otto",
    at: expect.any(String),
    message: "frozen",
  };
  expect(await server.ok("POST", "/pipelines/paused/pause", { message: "frozen" }, { as: "otto" })).toEqual(
    pause,
  );
  expect(await server.ok("POST", "/pipelines/paused/pause", { message: "again" })).toEqual(pause);
  const { paused } = await server.ok<PipelineView>("GET", "/pipelines/paused");
  expect(paused).toMatchObject({ by: "otto", message: "frozen" });
  const run = await start("paused");
  expect(run.waitingFor).toBe(`waits: pipeline \`paused\` is paused by otto since ${paused?.at}: frozen`);
  await server.ok("POST", "/pipelines/paused/resume");
  await eventually(
    () => get(run.id),
    ({ run: now }) => now.status.stage === "ACTIVE",
  );
  const events = await server.store.history.list({ after: 0, limit: 500 });
  const told = events.filter(({ type }) => type.startsWith("PIPELINE_"));
  expect(told.map(({ type, name, actor, message }) => [type, name, actor, message])).toEqual([
    ["PIPELINE_PAUSED", "paused", "otto", "frozen"],
    ["PIPELINE_RESUMED", "paused", "ada", undefined],
  ]);
});

test("an admin drains the server: runs are taken and wait, and everybody sees why", async () => {
  expect(await server.refusal("POST", "/server/drain", {}, { as: "otto" })).toEqual([403, "FORBIDDEN"]);
  const drained = {
    version: "0.0.0-test",
    status: "ready",
    paused: { by: "ada", at: expect.any(String), message: "upgrade" },
  };
  expect(await server.ok("POST", "/server/drain", { message: "upgrade" })).toEqual(drained);
  expect(await server.ok("GET", "/server", undefined, { as: "vera" })).toEqual(drained);
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: "ready", paused: { at: expect.any(String), message: "upgrade" } },
  ]);
  const run = await start("drained");
  expect(run.waitingFor).toMatch(/^waits: the server is drained by ada since .*: upgrade$/);
  expect(await server.refusal("POST", "/server/resume", undefined, { as: "otto" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await server.ok("POST", "/server/resume")).toEqual({ version: "0.0.0-test", status: "ready" });
  await eventually(
    () => get(run.id),
    ({ run: now }) => now.status.stage === "ACTIVE",
  );
});

test("limits are set by admins, hold at once, and are named right", async () => {
  const path = "/limits/scope%2Fdefault%2Fdefault";
  const spec = { maxTasks: 1 };
  expect(await server.refusal("PUT", path, { spec }, { as: "otto" })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("PUT", "/limits/runner%2FPIPELINE", { spec })).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("PUT", path, { spec: { maxTasks: 0 } })).toEqual([400, "INVALID_DOCUMENT"]);
  expect((await server.call("PUT", path, { spec })).status).toBe(201);
  expect(await server.ok("GET", "/limits", undefined, { as: "vera" })).toEqual({
    items: [
      {
        name: "scope/default/default",
        spec,
        createdBy: "ada",
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
        revision: 1,
      },
    ],
  });
  const { id } = await start("limited");
  const [task] = (await get(id)).tasks;
  expect(task?.waitingFor).toMatch(
    /^waits: at most 1 task of namespace `default.default` at once, by the limit of an admin; \d before it in line$/,
  );
  expect((await server.call("DELETE", path)).status).toBe(204);
  await eventually(
    () => get(id),
    ({ tasks }) => tasks[0]?.status.stage === "ACTIVE",
  );
  expect(await server.refusal("DELETE", path)).toEqual([404, "NOT_FOUND"]);
  const events = await server.store.history.list({ after: 0, limit: 500 });
  const told = events.filter(({ type }) => type.startsWith("LIMIT_"));
  expect(told.map(({ type, name, actor, message }) => [type, name, actor, message])).toEqual([
    ["LIMIT_SET", "scope/default/default", "ada", "1 task at once"],
    ["LIMIT_TAKEN_AWAY", "scope/default/default", "ada", undefined],
  ]);
});
