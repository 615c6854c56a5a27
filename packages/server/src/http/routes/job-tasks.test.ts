import type { ApiPage, ErrorBody, JobTaskView, RunJobResponse } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { type CallOptions, eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const manual = { manualUpdateStatus: true, runnerSpec: { outcome: "NONE" } };
  const documents = [
    job("work", {}, { publish: true }),
    job("manual", manual, { publish: true }),
    endlessJob("endless"),
    pipeline("of-one", undefined, { isParallel: true }),
  ];
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

function get(id: string) {
  return server.ok<JobTaskView>("GET", `/job-tasks/${id}`);
}

function until(id: string, stage: string) {
  return eventually(
    () => get(id),
    (task) => task.status.stage === stage,
  );
}

async function run(request: object, options?: CallOptions): Promise<JobTaskView> {
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", request, options)).task;
}

/** A task whose stage comes from its status calls alone, and its update token as a bearer. */
async function manualTask() {
  const { id } = await run({ job: "manual" });
  await until(id, "CREATING");
  const token = server.keys.updateToken(id, 1);
  return { id, token, asTask: { as: null, headers: { authorization: `Bearer ${token}` } } };
}

test("a job runs alone, and again as a new attempt of its task", async () => {
  const started = await server.call<RunJobResponse>("POST", "/job-tasks", { job: "work", name: "alone" });
  expect([started.status, started.body.task.name]).toEqual([201, "alone"]);
  const { id } = started.body.task;
  await until(id, "SUCCEEDED");
  await server.ok("POST", "/job-tasks", { id });
  const again = await eventually(
    () => get(id),
    (task) => task.attempt === 2 && task.status.stage === "SUCCEEDED",
  );
  expect(again.pastAttempts).toMatchObject([{ attempt: 1, status: { stage: "SUCCEEDED" } }]);
});

test("the same Idempotency-Key runs one task, and a dry run none", async () => {
  const headers = { "idempotency-key": "one-task" };
  const first = await server.call<RunJobResponse>("POST", "/job-tasks", { job: "work" }, { headers });
  const second = await server.call<RunJobResponse>("POST", "/job-tasks", { job: "work" }, { headers });
  expect([first.status, second.status, second.body.repeated]).toEqual([201, 200, true]);
  expect(second.body.task.id).toBe(first.body.task.id);
  const dry = await server.call<RunJobResponse>("POST", "/job-tasks", { job: "work", dryRun: true });
  expect([dry.status, dry.body.rendered]).toMatchObject([200, { spec: {} }]);
  expect(await server.refusal("GET", `/job-tasks/${dry.body.task.id}`)).toEqual([404, "NOT_FOUND"]);
});

test("a lone task that was deleted is not run again by the same Idempotency-Key", async () => {
  const start = () =>
    server.call<RunJobResponse & ErrorBody>(
      "POST",
      "/job-tasks",
      { job: "work" },
      { headers: { "idempotency-key": "of-deleted" } },
    );
  const { id } = (await start()).body.task;
  await until(id, "SUCCEEDED");
  expect((await server.call("DELETE", `/job-tasks/${id}`)).status).toBe(204);
  const { status, body } = await start();
  expect([status, body.code, body.message]).toEqual([
    404,
    "NOT_FOUND",
    `task ${id} of this Idempotency-Key was deleted; to start another one, use another key`,
  ]);
});

test("the same Idempotency-Key makes one new attempt of an ended task", async () => {
  const { id } = await run({ job: "work" });
  await until(id, "SUCCEEDED");
  const headers = { "idempotency-key": "one-attempt" };
  const again = () => server.call<RunJobResponse>("POST", "/job-tasks", { id }, { headers });
  const first = await again();
  await until(id, "SUCCEEDED");
  const second = await again();
  expect([first.status, second.status, second.body.repeated]).toEqual([201, 200, true]);
  expect((await get(id)).attempt).toBe(2);
});

test("a task reports its stage with its update token, as bearer or in the body", async () => {
  const { id, token, asTask } = await manualTask();
  const told = await server.call<JobTaskView>(
    "POST",
    `/job-tasks/${id}/status`,
    { stage: "ACTIVE", extension: { url: "http://x" } },
    asTask,
  );
  expect([told.status, told.body.status.extension]).toEqual([200, { url: "http://x" }]);
  expect(told.headers.get("etag")).toBe(`"${told.body.revision}"`);
  const done = { stage: "SUCCEEDED", updateToken: token };
  const answer = await server.ok<JobTaskView>("POST", `/job-tasks/${id}/status`, done, { as: null });
  expect(answer.status.stage).toBe("SUCCEEDED");
  expect(await server.ok("POST", `/job-tasks/${id}/status`, done, { as: null })).toEqual(answer);
  const failed = { stage: "FAILED", updateToken: token };
  expect(await server.refusal("POST", `/job-tasks/${id}/status`, failed, { as: null })).toEqual([
    400,
    "TASK_ENDED",
  ]);
});

test("an update token serves its own task and attempt alone, and nothing but status and output", async () => {
  const one = await manualTask();
  const other = await manualTask();
  const body = { stage: "SUCCEEDED" };
  const before = await get(other.id);
  expect(await server.refusal("POST", `/job-tasks/${other.id}/status`, body, one.asTask)).toEqual([
    401,
    "UNAUTHORIZED",
  ]);
  const earlier = server.keys.updateToken(other.id, 2);
  expect(
    await server.refusal(
      "POST",
      `/job-tasks/${other.id}/status`,
      { ...body, updateToken: earlier },
      { as: null },
    ),
  ).toEqual([401, "UNAUTHORIZED"]);
  expect(await server.refusal("POST", `/job-tasks/${other.id}/status`, body, { as: null })).toEqual([
    401,
    "UNAUTHORIZED",
  ]);
  expect(await server.refusal("GET", `/job-tasks/${one.id}`, undefined, one.asTask)).toEqual([
    401,
    "UNAUTHORIZED",
  ]);
  expect(await server.refusal("POST", `/job-tasks/${one.id}/cancel`, {}, one.asTask)).toEqual([
    401,
    "UNAUTHORIZED",
  ]);
  const force = { ...body, forceUpdateStatus: true };
  expect(await server.refusal("POST", `/job-tasks/${one.id}/status`, force, one.asTask)).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await get(other.id)).toEqual(before);
});

test("an operator may report for a task, a viewer may not", async () => {
  const { id } = await manualTask();
  const body = { stage: "FAILED", message: "seen by eye" };
  expect(await server.refusal("POST", `/job-tasks/${id}/status`, body, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  const task = await server.ok<JobTaskView>("POST", `/job-tasks/${id}/status`, body, { as: "otto" });
  expect(task.status).toMatchObject({ stage: "FAILED", message: "seen by eye" });
});

test("a status call with a stale If-Match is refused and changes nothing", async () => {
  const { id, asTask } = await manualTask();
  const before = await get(id);
  const headers = { ...asTask.headers, "if-match": '"999"' };
  const refused = await server.call<ErrorBody>(
    "POST",
    `/job-tasks/${id}/status`,
    { stage: "SUCCEEDED" },
    { as: null, headers },
  );
  expect([refused.status, refused.body.message]).toEqual([
    412,
    `Task ${id} is at revision ${before.revision}; the request expects 999.`,
  ]);
  expect(await get(id)).toEqual(before);
});

test("of two decisions made on the same revision at the same moment one is refused", async () => {
  const { id, asTask } = await manualTask();
  const { revision } = await get(id);
  const headers = { ...asTask.headers, "if-match": `"${revision}"` };
  const say = (message: string) =>
    server.call("POST", `/job-tasks/${id}/status`, { stage: "ACTIVE", message }, { as: null, headers });
  const answers = await Promise.all([say("one"), say("two")]);
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412]);
});

test("a task puts out runtime envs and markdown, the last one wins per name", async () => {
  const { id, asTask } = await manualTask();
  const put = (body: object) => server.ok("POST", `/job-tasks/${id}/output`, body, asTask);
  await put({ runtimeEnvs: { VERSION: "1", own: "x" }, markdownOutput: "# One" });
  await put({ runtimeEnvs: { VERSION: "2" } });
  expect((await get(id)).status).toMatchObject({
    runtimeEnvs: { VERSION: "2", own: "x" },
    markdownOutput: "# One",
  });
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`N${index}`, "x"]));
  expect(await server.refusal("POST", `/job-tasks/${id}/output`, { runtimeEnvs: many }, asTask)).toEqual([
    400,
    "OUTPUT_TOO_LARGE",
  ]);
});

test("whoever sees a task may try to decide, and its audit says who may", async () => {
  const audit = { auditors: ["vera"] };
  const { id } = await run({ job: "work", audit });
  const waiting = await until(id, "PENDING");
  expect(waiting.waitingFor).toMatch(/^waits for the audit by vera since /);
  const pass = { verdict: "PASS" };
  expect(await server.refusal("POST", `/job-tasks/${id}/audit`, pass, { as: "otto" })).toEqual([
    403,
    "NOT_LISTED",
  ]);
  expect(await server.refusal("POST", `/job-tasks/${id}/audit`, pass, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  const stale = { as: "vera", headers: { "if-match": '"999"' } };
  expect(await server.refusal("POST", `/job-tasks/${id}/audit`, pass, stale)).toEqual([
    412,
    "STALE_REVISION",
  ]);
  const deny = { verdict: "DENY" };
  expect(await server.refusal("POST", `/job-tasks/${id}/audit`, deny, { as: "vera" })).toEqual([
    400,
    "COMMENT_REQUIRED",
  ]);
  await server.ok("POST", `/job-tasks/${id}/audit`, pass, { as: "vera" });
  expect(await until(id, "SUCCEEDED")).toMatchObject({ audit: { stage: "PASS" } });
  expect(await server.refusal("POST", `/job-tasks/${id}/audit`, pass, { as: "vera" })).toEqual([
    409,
    "GATE_NOT_OPEN",
  ]);
});

test("a confirm decides how a task ends", async () => {
  const { id } = await run({ job: "work", confirm: { checkers: ["otto"] } });
  const waiting = await eventually(
    () => get(id),
    (task) => task.confirm?.stage === "WAITING",
  );
  expect(waiting).toMatchObject({ status: { stage: "ACTIVE", reported: { stage: "SUCCEEDED" } } });
  const deny = { verdict: "DENY", comment: "not good" };
  await server.ok("POST", `/job-tasks/${id}/confirm`, deny, { as: "otto" });
  expect((await get(id)).status.stage).toBe("FAILED");
});

test("a task is canceled, and a lone one deleted once it has ended", async () => {
  const { id } = await run({ job: "endless" });
  await until(id, "ACTIVE");
  expect(await server.refusal("DELETE", `/job-tasks/${id}`)).toEqual([409, "CONFLICT"]);
  await server.ok("POST", `/job-tasks/${id}/cancel`, { message: "enough" }, { as: "otto" });
  await until(id, "CANCELED");
  expect(await server.refusal("POST", `/job-tasks/${id}/cancel`)).toEqual([400, "TASK_ENDED"]);
  expect((await server.call("DELETE", `/job-tasks/${id}`)).status).toBe(204);
  expect(await server.refusal("GET", `/job-tasks/${id}`)).toEqual([404, "NOT_FOUND"]);
});

test("a task of a run is deleted with its run alone", async () => {
  const { run: started } = await server.ok<{ run: { id: string } }>("POST", "/pipeline-tasks", {
    pipelineId: "of-one",
  });
  const { items } = await server.ok<ApiPage<JobTaskView>>("GET", `/job-tasks?pipelineTaskId=${started.id}`);
  expect(items.map(({ name }) => name)).toEqual(["one"]);
  await until(items[0]?.id ?? "", "SUCCEEDED");
  expect(await server.refusal("DELETE", `/job-tasks/${items[0]?.id}`)).toEqual([409, "CONFLICT"]);
});

test("a list of tasks is filtered by job and stage", async () => {
  const { id } = await run({ job: "work", labels: { mark: "listed" } });
  await until(id, "SUCCEEDED");
  const ids = async (query: string) =>
    (await server.ok<ApiPage<JobTaskView>>("GET", `/job-tasks?${query}`)).items.map((task) => task.id);
  expect(await ids("job=work&stage=SUCCEEDED&label=mark%3Dlisted")).toEqual([id]);
  expect(await ids("job=endless&label=mark%3Dlisted")).toEqual([]);
});

test("unknown tasks are not found, whatever is asked of them", async () => {
  const unknown = "task-00000000000000000000000000";
  const calls: [string, string, unknown?][] = [
    ["GET", ""],
    ["DELETE", ""],
    ["POST", "/cancel"],
    ["POST", "/audit", { verdict: "PASS" }],
    ["POST", "/confirm", { verdict: "PASS" }],
    ["POST", "/status", { stage: "ACTIVE" }],
    ["POST", "/output", {}],
    ["GET", "/logs"],
    ["GET", "/logs.txt"],
    ["GET", "/logs/stream"],
  ];
  for (const [method, verb, body] of calls) {
    expect(await server.refusal(method, `/job-tasks/${unknown}${verb}`, body)).toEqual([404, "NOT_FOUND"]);
  }
  const body = { stage: "ACTIVE", updateToken: "mfu_x" };
  expect(await server.refusal("POST", `/job-tasks/${unknown}/status`, body, { as: null })).toEqual([
    404,
    "NOT_FOUND",
  ]);
});
