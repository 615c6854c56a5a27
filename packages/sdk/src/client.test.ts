import { afterEach, expect, test } from "vitest";
import { createClient, eachItem } from "./client.ts";
import { type Answer, hangUp, json, type ScriptedServer, scriptedServer } from "./testing/scripted-server.ts";

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(...answers: [Answer, ...Answer[]]) {
  server = await scriptedServer(...answers);
  return { server, client: createClient({ url: `${server.url}/`, token: "secret" }) };
}

const page = { items: [] };

test("a call carries the token, and a query with repeated names", async () => {
  const { client, server } = await serve(json(200, page));
  await client.runs.list({ stage: ["ACTIVE", "FAILED"], label: ["team=a b"], limit: 5, text: undefined });
  expect(server.requests).toEqual([
    "GET /api/v1/pipeline-tasks?stage=ACTIVE&stage=FAILED&label=team%3Da+b&limit=5",
  ]);
  expect(server.headers[0]?.authorization).toBe("Bearer secret");
});

test("a program names itself, and what people decide goes where it belongs", async () => {
  const server = await scriptedServer(json(200, {}));
  const client = createClient({ url: server.url, userAgent: "release-bot/2.1" });
  await client.tasks.withdraw("task-1", "audit");
  await client.tasks.evidence("task-1", { gate: "CONFIRM" });
  await client.tasks.why("task-1");
  await client.runs.why("run-1");
  await client.inbox.list({ user: "bob" });
  await client.records.list({ pipelineTaskId: "run-1", after: 5 });
  await client.records.verify({ seq: 5, hash: "ab" });
  await client.records.report("run-1");
  await client.records.reportText("run-1");
  await client.users.patch("bob", { away: null });
  expect(server.requests).toEqual([
    "POST /api/v1/job-tasks/task-1/audit/withdraw",
    "GET /api/v1/job-tasks/task-1/evidence?gate=CONFIRM",
    "GET /api/v1/job-tasks/task-1/why",
    "GET /api/v1/pipeline-tasks/run-1/why",
    "GET /api/v1/inbox?user=bob",
    "GET /api/v1/records?pipelineTaskId=run-1&after=5",
    "GET /api/v1/records/verify?seq=5&hash=ab",
    "GET /api/v1/pipeline-tasks/run-1/record",
    "GET /api/v1/pipeline-tasks/run-1/record?format=md",
    "PATCH /api/v1/users/bob",
  ]);
  expect(new Set(server.headers.map((headers) => headers["user-agent"]))).toEqual(
    new Set(["release-bot/2.1"]),
  );
  await server.close();
});

test("a reference is one segment of the path whatever it holds", async () => {
  const { client, server } = await serve(json(200, {}));
  await client.jobs.get("build@team.corp:v1/x#?");
  expect(server.requests).toEqual(["GET /api/v1/jobs/build%40team.corp%3Av1%2Fx%23%3F"]);
});

test("a refusal is an ApiError with all that the server said", async () => {
  const body = {
    code: "NOT_FOUND",
    message: "no job `x`",
    remedy: "Check the name.",
    details: [{ path: "/job", message: "unknown" }],
    requestId: "req-1",
  };
  const { client, server } = await serve(json(404, body));
  await expect(client.jobs.get("x")).rejects.toMatchObject({ name: "ApiError", status: 404, ...body });
  expect(server.requests).toHaveLength(1);
});

test("an answer of something else than mflow is said to be one", async () => {
  const page: Answer = (_request, response) => {
    response.writeHead(502).end("<html>Bad gateway</html>");
  };
  const { client, server } = await serve(page);
  await expect(client.whoami()).rejects.toMatchObject({
    code: "HTTP_502",
    message: `${server.url} answered 502 and not as mflow does`,
  });
});

test("a successful answer that is no JSON is said to come from something else", async () => {
  const { client } = await serve((_request, response) => void response.end("<html>Log in</html>"));
  await expect(client.whoami()).rejects.toMatchObject({ name: "ApiError", code: "HTTP_200" });
});

test("reads are tried again when the connection breaks", async () => {
  const { client, server } = await serve(hangUp, hangUp, json(200, page));
  expect(await client.runs.list()).toEqual(page);
  expect(server.requests).toHaveLength(3);
});

test("a run request is tried again with the same key, so that it starts one run", async () => {
  const { client, server } = await serve(hangUp, json(201, { run: {}, tasks: [] }));
  await client.runs.start({ pipelineId: "release" });
  const keys = server.headers.map((one) => one["idempotency-key"]);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
});

test("a decision is never sent twice", async () => {
  const { client, server } = await serve(hangUp);
  await expect(client.tasks.audit("task-1", { verdict: "PASS" })).rejects.toMatchObject({
    name: "ConnectionError",
  });
  expect(server.requests).toEqual(["POST /api/v1/job-tasks/task-1/audit"]);
});

test("nothing that listens is a ConnectionError that names address and cause", async () => {
  const { client, server } = await serve(hangUp);
  await server.close();
  await expect(client.whoami()).rejects.toMatchObject({
    name: "ConnectionError",
    url: server.url,
    message: `cannot reach ${server.url}: ECONNREFUSED`,
    code: "ECONNREFUSED",
  });
});

test("a call without an answer is given up after its time limit, once", async () => {
  server = await scriptedServer(() => undefined);
  const client = createClient({ url: server.url, timeoutMs: 500 });
  await expect(client.whoami()).rejects.toMatchObject({
    name: "ConnectionError",
    message: `no answer from ${server.url} within 0.5 s`,
  });
  expect(server.requests).toHaveLength(1);
});

test("every item of a list comes, page by page", async () => {
  const { client, server } = await serve(
    json(200, { items: [{ name: "a" }, { name: "b" }], nextCursor: "next" }),
    json(200, { items: [{ name: "c" }] }),
  );
  const names: string[] = [];
  for await (const job of eachItem((cursor) => client.jobs.list({ cursor }))) names.push(job.name);
  expect(names).toEqual(["a", "b", "c"]);
  expect(server.requests).toEqual(["GET /api/v1/jobs", "GET /api/v1/jobs?cursor=next"]);
});
