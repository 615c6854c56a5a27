// What strangers send: each is refused with the catalogue's error, quickly, and the server goes on.

import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { MflowError } from "@mflow/core/errors";
import type { ErrorBody } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkCluster } from "../runners/kubernetes/clusters/check-cluster.ts";
import { createApp } from "./app.ts";
import { job } from "./testing/manifests.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ allowedHosts: ["Mflow.example.com"] });
});
afterAll(() => server.close());

/** Sends headers that `fetch` does not let anybody set. */
function raw(
  headers: Record<string, string>,
  path = "/api/v1/whoami",
): Promise<{ status?: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(server.url + path, { headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Everything that the server answers to some bytes. */
function exchange(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => resolve(answer));
    socket.on("close", () => resolve(answer));
    socket.write(bytes);
  });
}

async function counted(): Promise<number> {
  const { items } = await server.ok<{ items: unknown[] }>("GET", "/jobs?limit=500");
  return items.length;
}

test("an unknown path is a NOT_FOUND of the catalogue, with a request id", async () => {
  const { status, body } = await server.call<ErrorBody>("GET", "/api/v2/nothing?x=1");
  expect([status, body]).toEqual([
    404,
    {
      code: "NOT_FOUND",
      message: "There is no GET /api/v2/nothing; see /api/docs.",
      remedy: "Check the id or name and the scope.",
      details: [],
      requestId: expect.stringMatching(/^req-/),
    },
  ]);
  expect(await server.refusal("PUT", "/jobs")).toEqual([404, "NOT_FOUND"]);
});

test("without a token, and with a wrong one, nothing but the public pages answers", async () => {
  for (const as of [null, "wrong"]) {
    for (const path of ["/jobs", "/events", "/whoami"]) {
      expect(await server.refusal("GET", path, undefined, { as })).toEqual([401, "UNAUTHORIZED"]);
    }
    expect(await server.refusal("POST", "/jobs", "{", { as })).toEqual([401, "UNAUTHORIZED"]);
  }
  const { status, headers } = await server.call("GET", "/jobs", undefined, { as: null });
  expect([status, headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="mflow"']);
});

test("who tries token after token has to wait, and a right one still serves", async () => {
  const own = await startTestServer();
  try {
    for (let count = 0; count < 20; count++) {
      expect(await own.refusal("GET", "/whoami", undefined, { as: `wrong${count}` })).toEqual([
        401,
        "UNAUTHORIZED",
      ]);
    }
    const { status, headers } = await own.call("GET", "/whoami", undefined, { as: "wrong" });
    expect([status, headers.get("retry-after")]).toEqual([429, "60"]);
    await own.ok("GET", "/whoami");
  } finally {
    await own.close();
  }
});

test("a body over 1 MiB is refused before it is read, also one whose length is not told", async () => {
  const large = JSON.stringify({ manifests: "x".repeat(10_000_000) });
  const started = performance.now();
  const answer = await exchange(
    `POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.token("ada")}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${large.length}\r\n\r\n${large.slice(0, 100_000)}`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"code":"TOO_LARGE","message":"The body is larger than 1048576 bytes."');
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  const chunked = await exchange(
    `POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.token("ada")}\r\n` +
      `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(40)}`,
  );
  expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  expect(performance.now() - started).toBeLessThan(5000);
});

test("a body that is no JSON, no UTF-8, missing, or too deep is refused", async () => {
  const before = await counted();
  expect(await server.refusal("POST", "/jobs", '{"kind": ')).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("POST", "/jobs", '{"a": 1} {"b": 2}')).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("POST", "/jobs", Buffer.from([0x22, 0xff, 0xfe, 0x22]))).toEqual([
    400,
    "BAD_REQUEST",
  ]);
  expect(await server.refusal("POST", "/jobs")).toEqual([400, "BAD_REQUEST"]);
  for (const body of ["null", "[]", "1", '"text"']) {
    expect(await server.refusal("POST", "/apply", body)).toEqual([400, "INVALID_DOCUMENT"]);
    expect(await server.refusal("POST", "/jobs", body)).toEqual([400, "INVALID_DOCUMENT"]);
  }
  const deep = (levels: number) => `{"documents": ${"[".repeat(levels)}${"]".repeat(levels)}}`;
  expect(await server.refusal("POST", "/apply", deep(64))).toEqual([413, "TOO_LARGE"]);
  expect(await server.refusal("POST", "/apply", deep(500_000))).toEqual([413, "TOO_LARGE"]);
  expect(await counted()).toBe(before);
});

test("keys that poison prototypes are refused", async () => {
  const bodies = [
    '{"kind": "Job", "__proto__": {"admin": true}}',
    '{"kind": "Job", "spec": {"runnerSpec": {"constructor": {"prototype": {"admin": true}}}}}',
  ];
  for (const body of bodies)
    expect(await server.refusal("POST", "/jobs", body)).toEqual([400, "BAD_REQUEST"]);
  expect(({} as Record<string, unknown>).admin).toBeUndefined();
});

test("aliases that explode, and YAML that is too deep or too long, are refused quickly", async () => {
  const headers = { "content-type": "application/yaml" };
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 12; level++) {
    const [name, last] = [level, level - 1].map((at) => String.fromCharCode(97 + at));
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${last}`).join(", ")}]`);
  }
  const texts = [bomb.join("\n"), "[".repeat(100_000), `- ${"a".repeat(900_000)}\n\t- b`];
  const started = performance.now();
  for (const text of texts) {
    expect(await server.refusal("POST", "/apply", text, { headers })).toEqual([400, "INVALID_DOCUMENT"]);
    expect(await server.refusal("POST", "/apply", { manifests: text })).toEqual([400, "INVALID_DOCUMENT"]);
  }
  expect(performance.now() - started).toBeLessThan(5000);
  expect(await server.refusal("POST", "/apply", Buffer.from([0x61, 0xff]), { headers })).toEqual([
    400,
    "BAD_REQUEST",
  ]);
});

test("only JSON is taken, and YAML where manifests are", async () => {
  const type = (name: string) => ({ headers: { "content-type": name } });
  for (const name of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/yaml",
    "multipart/form-data",
  ]) {
    expect(await server.refusal("POST", "/jobs", "{}", type(name))).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  }
  expect(await server.refusal("POST", "/apply", "{}", type("text/plain"))).toEqual([
    415,
    "UNSUPPORTED_MEDIA_TYPE",
  ]);
  const { body } = await server.call<ErrorBody>("POST", "/jobs", JSON.stringify(job("utf8-json")), {
    headers: { "content-type": "application/json; charset=utf-8" },
  });
  expect(body).toMatchObject({ name: "utf8-json" });
});

test("a Host of another site, and an Origin of another site, are refused", async () => {
  const authorization = `Bearer ${server.token("ada")}`;
  const port = new URL(server.url).port;
  const status = async (headers: Record<string, string>, path?: string) =>
    (await raw({ authorization, ...headers }, path)).status;
  expect(await status({ host: "evil.example" })).toBe(403);
  expect(await status({ host: `evil.example:${port}` })).toBe(403);
  expect(await status({ host: "localhost.evil.example" })).toBe(403);
  expect(await status({ host: "127.0.0.1.evil.example" })).toBe(403);
  expect(await status({ host: "evil.example" }, "/healthz")).toBe(403);
  expect(await status({ host: "evil.example" }, "/nothing")).toBe(403);
  for (const host of [`localhost:${port}`, "LOCALHOST", "127.0.0.1", "[::1]:80", "mflow.example.com:443"]) {
    expect(await status({ host })).toBe(200);
  }
  const host = `localhost:${port}`;
  expect(await status({ host, origin: "http://evil.example" })).toBe(403);
  expect(await status({ host, origin: "http://localhost:1" })).toBe(403);
  expect(await status({ host, origin: "null" })).toBe(403);
  expect(await status({ host, origin: `http://localhost:${port}` })).toBe(200);
  expect(await status({ host, origin: "https://mflow.example.com" })).toBe(200);
  expect(JSON.parse((await raw({ authorization, host: "evil.example" })).body)).toMatchObject({
    code: "HOST_REFUSED",
    message: 'The Host header names "evil.example".',
  });
});

test("what is not HTTP, and a path that cannot be decoded, get an answer of the catalogue", async () => {
  const answer = await exchange("nonsense\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(answer).toContain('"code":"BAD_REQUEST"');
  const long = await exchange(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(100_000)}\r\n\r\n`);
  expect(long).toMatch(/^HTTP\/1\.1 431 /);
  expect(await server.refusal("GET", "/jobs/%E0%A4%A")).toEqual([400, "BAD_REQUEST"]);
  const tooLong = await server.call<ErrorBody>("GET", `/jobs/${"a".repeat(3000)}`);
  expect([400, 404, 414]).toContain(tooLong.status);
  expect(tooLong.body.requestId).toMatch(/^req-/);
});

test("a body where none is taken, and a parameter that nobody reads, are refused", async () => {
  await server.ok("POST", "/jobs", job("no-body"));
  expect(await server.refusal("POST", "/jobs/no-body/publish", { version: "v2" })).toEqual([
    400,
    "BAD_REQUEST",
  ]);
  await server.ok("POST", "/jobs/no-body/publish", {});
  expect(await server.refusal("GET", "/whoami?verbose=1")).toEqual([400, "BAD_REQUEST"]);
});

test("a slow request does not hold up others", async () => {
  const begun = once(server.app.server, "request");
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("POST /api/v1/apply HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  await begun;
  await server.ok("GET", "/whoami");
  socket.destroy();
});

test("an unexpected failure is INTERNAL, tells nothing, and is in the log under its request id", async () => {
  const logged: unknown[] = [];
  const note = (...args: unknown[]) => void logged.push(args);
  const logger = {
    ...{ fatal: note, error: note, warn: note, info: note, debug: note, trace: note, silent: note },
    level: "info",
    child: () => logger,
  };
  const { store, logs, engine, keys, retention, archive } = server;
  const listJobs = () => Promise.reject(new Error("the password is hunter2"));
  const app = createApp({
    store: { ...store, catalog: { ...store.catalog, listJobs } },
    logs,
    engine,
    retention,
    archive,
    catalog: { vault: keys, newId: (prefix) => prefix, now: () => "" },
    listeners: server.listeners,
    schedules: server.schedules,
    clusters: server.clusters,
    limits: server.limits,
    files: { ...server.artifacts, verifyUpdateToken: () => false },
    checkCluster,
    tryOut: async () => {},
    auth: {
      authenticate: async () => ({
        name: "x",
        local: true,
        grants: [{ role: "admin", domain: "*", namespace: "*" }],
      }),
    },
    accounts: server.accounts,
    version: "",
    state: () => "ready",
    logger,
  });
  const response = await app.inject({
    url: "/api/v1/jobs",
    headers: { host: "localhost", authorization: "Bearer x" },
  });
  expect([response.statusCode, response.json()]).toEqual([
    500,
    {
      code: "INTERNAL",
      message: "An unexpected error happened; the server's log has it.",
      remedy: "Give the request id to the operator of the server.",
      details: [],
      requestId: expect.stringMatching(/^req-/),
    },
  ]);
  expect(logged).toEqual([
    [
      {
        err: expect.objectContaining({ message: "the password is hunter2" }),
        requestId: response.json().requestId,
      },
      "An unexpected error happened; the server's log has it.",
    ],
  ]);
  await app.close();
});

test("a locked or full database is said, and nothing is acknowledged", async () => {
  for (const [code, status] of [
    ["STORE_BUSY", 503],
    ["STORE_FULL", 507],
  ] as const) {
    const { commit } = server.store.catalog;
    server.store.catalog.commit = () => Promise.reject(new MflowError(code, "the store says so"));
    expect(await server.refusal("POST", "/jobs", job("unstored"))).toEqual([status, code]);
    server.store.catalog.commit = commit;
  }
  expect(await server.refusal("GET", "/jobs/unstored")).toEqual([404, "NOT_FOUND"]);
});
