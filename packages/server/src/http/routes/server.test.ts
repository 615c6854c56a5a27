import { MflowError } from "@mflow/core/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ gauges: () => [{ name: "mflow_unfinished", help: "Runs.", value: 3 }] });
});
afterAll(() => server.close());

async function get(path: string, as: string | null = null) {
  const response = await fetch(server.url + path, {
    headers: as === null ? {} : { authorization: `Bearer ${server.token(as)}` },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test("health and readiness answer everybody, readiness with 503 while starting or draining", async () => {
  expect(JSON.parse((await get("/healthz")).text)).toEqual({ status: "ok", version: "0.0.0-test" });
  for (const [state, status] of [
    ["starting", 503],
    ["ready", 200],
    ["draining", 503],
  ] as const) {
    server.setState(state);
    const answer = await get("/readyz");
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { status: state }]);
  }
  server.setState("ready");
});

test("readiness says that the disk takes nothing and what to do, but no path of the server", async () => {
  const { space } = server.store;
  const healthy = space.refusal;
  space.refusal = async () => new MflowError("STORE_FULL", "There is no room for /var/lib/mflow/mflow.db");
  const full = await get("/readyz");
  space.refusal = healthy;
  expect([full.status, JSON.parse(full.text)]).toEqual([
    503,
    {
      status: "unwritable",
      problem: {
        code: "STORE_FULL",
        message: "The disk is full; nothing was changed.",
        remedy: "Free disk space and try again.",
      },
    },
  ]);
  expect((await get("/readyz")).status).toBe(200);
});

test("a server that is starting or draining can be read and takes no changes", async () => {
  for (const state of ["starting", "draining"] as const) {
    server.setState(state);
    const { status, headers, body } = await server.call("POST", "/jobs", job("too-early"));
    expect([status, headers.get("retry-after"), body.code]).toEqual([503, "1", "UNAVAILABLE"]);
    await server.ok("GET", "/jobs");
  }
  server.setState("ready");
});

test("metrics need a token, and have durations by route, the process, and what the engine tells", async () => {
  expect((await get("/metrics")).status).toBe(401);
  await server.call("GET", "/jobs/some-name");
  const { headers, text } = await get("/metrics", "vera");
  expect(headers.get("content-type")).toContain("text/plain");
  expect(text).toContain("mflow_unfinished 3");
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
  expect(text).toContain(
    'mflow_http_request_duration_seconds_count{method="GET",route="/api/v1/jobs/:ref",status="404"} 1',
  );
});

test("answers forbid caching and sniffing", async () => {
  const { headers } = await get("/healthz");
  expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual([
    "no-store",
    "nosniff",
  ]);
});

test("editors get the JSON Schema of manifests", async () => {
  const schema = JSON.parse((await get("/api/v1/schemas/manifest.json")).text);
  expect(schema).toMatchObject({
    title: "mflow manifest",
    properties: { kind: { enum: ["Job", "Pipeline", "Schedule", "Cluster", "Limit"] } },
  });
  expect(JSON.stringify(schema)).toContain("maxParallel");
});

test("receivers of webhooks get the JSON Schema of messages, which takes fields to come", async () => {
  const { status, text } = await get("/api/v1/schemas/message.json");
  expect([status, JSON.parse(text)]).toMatchObject([
    200,
    { title: "mflow message", properties: { version: { const: 1 }, task: { properties: { attempt: {} } } } },
  ]);
  expect(text).not.toContain('"additionalProperties":false');
});
