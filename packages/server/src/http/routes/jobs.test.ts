import type { ApiPage, ErrorBody } from "@mflow/core/schema/api";
import type { Job } from "@mflow/core/schema/job";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test("a job is created as DRAFT, published, deprecated, and never goes back", async () => {
  const created = await server.call<Job>("POST", "/jobs", job("build"));
  expect(created.status).toBe(201);
  expect(created.headers.get("etag")).toBe('"1"');
  expect(created.body).toEqual({
    id: expect.stringMatching(/^job-[0-9a-z]{26}$/),
    domain: "default",
    namespace: "default",
    name: "build",
    version: "v1",
    stage: "DRAFT",
    spec: { runnerType: "FAKE", runnerSpec: {} },
    revision: 1,
    createdBy: "ada",
    createdAt: expect.any(String),
    updatedAt: created.body.createdAt,
  });
  const published = await server.ok<Job>("POST", "/jobs/build/publish");
  expect(published).toEqual({
    ...created.body,
    stage: "PUBLISHED",
    revision: 2,
    updatedAt: published.publishedAt,
    publishedAt: expect.any(String),
  });
  expect(await server.ok("POST", "/jobs/build:v1/publish")).toEqual(published);
  const deprecated = await server.ok<Job>("POST", `/jobs/${created.body.id}/deprecate`);
  expect(deprecated).toEqual({
    ...published,
    stage: "DEPRECATED",
    revision: 3,
    updatedAt: deprecated.updatedAt,
  });
  expect(await server.ok("POST", "/jobs/build:v1/deprecate")).toEqual(deprecated);
  expect(await server.refusal("POST", "/jobs/build:v1/publish")).toEqual([409, "CONFLICT"]);
});

test("every stage of a job is an event", async () => {
  const { id } = await server.ok<Job>("POST", "/jobs", job("eventful"));
  await server.ok("POST", `/jobs/${id}/publish`, undefined, { as: "otto" });
  const events = await server.store.history.list({ after: 0, limit: 500 });
  expect(
    events
      .filter(({ name }) => name === "eventful:v1")
      .map(({ type, from, stage, actor }) => ({ type, from, stage, actor })),
  ).toEqual([
    { type: "JOB_STAGE", from: undefined, stage: "DRAFT", actor: "ada" },
    { type: "JOB_STAGE", from: "DRAFT", stage: "PUBLISHED", actor: "otto" },
  ]);
});

test("a job is named by id, by #id, and by reference with namespace, domain and version", async () => {
  const manifest = job("named", {}, { version: "1.2", domain: "shop", namespace: "team", publish: true });
  const created = await server.ok<Job>("POST", "/jobs", manifest);
  for (const ref of [created.id, `#${created.id}`, "named@team.shop:1.2", "named@team.shop"]) {
    expect(await server.ok("GET", `/jobs/${encodeURIComponent(ref)}`)).toEqual(created);
  }
  expect(await server.ok("GET", "/jobs/named?domain=shop&namespace=team")).toEqual(created);
  expect(await server.refusal("GET", "/jobs/named")).toEqual([404, "NOT_FOUND"]);
  expect(await server.refusal("GET", "/jobs/named@:1")).toEqual([400, "BAD_REQUEST"]);
});

test("without a version the newest PUBLISHED job is meant, and to publish, the only DRAFT", async () => {
  await server.ok("POST", "/jobs", job("many", {}, { version: "v1", publish: true }));
  await server.ok("POST", "/jobs", job("many", {}, { version: "v2" }));
  expect(await server.ok("GET", "/jobs/many")).toMatchObject({ version: "v1" });
  expect(await server.ok("POST", "/jobs/many/publish")).toMatchObject({ version: "v2", stage: "PUBLISHED" });
  expect(await server.ok("GET", "/jobs/many")).toMatchObject({ version: "v2" });
  await server.ok("POST", "/jobs", job("many", {}, { version: "v3" }));
  await server.ok("POST", "/jobs", job("many", {}, { version: "v4" }));
  const { status, body } = await server.call<ErrorBody>("POST", "/jobs/many/publish");
  expect([status, body.message]).toEqual([400, "Job many has several DRAFTs: v4, v3; name one."]);
});

test("a second job of a name and version is refused", async () => {
  await server.ok("POST", "/jobs", job("twice"));
  expect(await server.refusal("POST", "/jobs", job("twice"))).toEqual([409, "NAME_TAKEN"]);
});

test("a runner spec may come as YAML text, and is stored as an object", async () => {
  const created = await server.ok<Job>("POST", "/jobs", {
    ...job("text"),
    spec: { runnerType: "FAKE", runnerSpec: "duration: 5ms\nlog:\n- hello\n" },
  });
  expect(created.spec.runnerSpec).toEqual({ duration: "5ms", log: ["hello"] });
});

test("all errors of a manifest are named at once, unknown keys with what was meant", async () => {
  const { status, body } = await server.call<ErrorBody>("POST", "/jobs", {
    kind: "Job",
    metadata: { name: "Bad Name", lables: {} },
    spec: { runnerType: "FAKE", runnerSpec: {}, timeout: "soon" },
  });
  expect([status, body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(body.details.map(({ path }) => path).sort()).toEqual([
    "/metadata/lables",
    "/metadata/name",
    "/spec/timeout",
  ]);
  expect(body.details.find(({ path }) => path === "/metadata/lables")?.message).toContain(
    "did you mean `labels`",
  );
});

test("a patch merges metadata at any stage: null removes, what is left out stays", async () => {
  const metadata = { labels: { a: "1", b: "2" }, description: "old", publish: true };
  await server.ok("POST", "/jobs", job("patched", {}, metadata));
  const patched = await server.ok<Job>("PATCH", "/jobs/patched", {
    metadata: { labels: { a: null, c: "3" }, description: null, readme: "# New" },
  });
  expect(patched).toMatchObject({ labels: { b: "2", c: "3" }, readme: "# New", revision: 2 });
  expect(patched.description).toBeUndefined();
  expect(await server.ok("PATCH", "/jobs/patched", { metadata: { readme: "# New" } })).toEqual(patched);
});

test("a patch changes the spec of a DRAFT; that of a PUBLISHED job is frozen", async () => {
  await server.ok("POST", "/jobs", job("frozen", { timeout: "1m" }));
  const spec = { timeout: null, runnerSpec: { duration: "7ms" } };
  const patched = await server.ok<Job>("PATCH", "/jobs/frozen", { spec });
  expect(patched.spec).toEqual({ runnerType: "FAKE", runnerSpec: { duration: "7ms" } });
  expect(await server.refusal("PATCH", "/jobs/frozen", { spec: { timeout: "soon" } })).toEqual([
    400,
    "INVALID_DOCUMENT",
  ]);
  await server.ok("POST", "/jobs/frozen/publish");
  expect(await server.refusal("PATCH", "/jobs/frozen", { spec: { timeout: "2m" } })).toEqual([
    409,
    "ALREADY_PUBLISHED",
  ]);
  const same = { spec: { runnerSpec: { duration: "7ms" } }, metadata: { displayName: "Frozen" } };
  expect(await server.ok("PATCH", "/jobs/frozen", same)).toMatchObject({ displayName: "Frozen" });
});

test("a stale If-Match is refused and leaves the job as it is", async () => {
  const created = await server.ok<Job>("POST", "/jobs", job("guarded"));
  const stale = { headers: { "if-match": '"7"' } };
  const verbs: [string, string, unknown?][] = [
    ["PATCH", "/jobs/guarded", { metadata: { icon: "x" } }],
    ["POST", "/jobs/guarded/publish"],
    ["POST", "/jobs/guarded/deprecate"],
    ["DELETE", "/jobs/guarded"],
  ];
  for (const [method, path, body] of verbs) {
    expect(await server.refusal(method, path, body, stale)).toEqual([412, "STALE_REVISION"]);
  }
  expect(await server.ok("GET", "/jobs/guarded")).toEqual(created);
  for (const header of ['"1"', "1", "*", '"9", "1"']) {
    await server.ok("PATCH", "/jobs/guarded", {}, { headers: { "if-match": header } });
  }
  expect(await server.refusal("PATCH", "/jobs/guarded", {}, { headers: { "if-match": "W/x" } })).toEqual([
    400,
    "BAD_REQUEST",
  ]);
});

test("only a DRAFT is deleted", async () => {
  await server.ok("POST", "/jobs", job("short-lived"));
  expect((await server.call("DELETE", "/jobs/short-lived")).status).toBe(204);
  expect(await server.refusal("GET", "/jobs/short-lived")).toEqual([404, "NOT_FOUND"]);
  await server.ok("POST", "/jobs", job("long-lived", {}, { publish: true }));
  expect(await server.refusal("DELETE", "/jobs/long-lived")).toEqual([409, "CONFLICT"]);
});

test("a list is filtered by name, stage, label and text, and read page by page", async () => {
  for (const version of ["a", "b", "c"]) {
    await server.ok("POST", "/jobs", job("listed", {}, { version, labels: { team: version, all: "yes" } }));
  }
  await server.ok("POST", "/jobs/listed:b/publish");
  const versions = async (query: string) =>
    (await server.ok<ApiPage<Job>>("GET", `/jobs?${query}`)).items.map(({ version }) => version);
  expect(await versions("name=listed")).toEqual(["c", "b", "a"]);
  expect(await versions("text=LISTE")).toEqual(["c", "b", "a"]);
  expect(await versions("name=listed&stage=PUBLISHED&stage=DEPRECATED")).toEqual(["b"]);
  expect(await versions("label=all%3Dyes&label=team%3Dc")).toEqual(["c"]);
  const first = await server.ok<ApiPage<Job>>("GET", "/jobs?name=listed&limit=2");
  expect(first.items.map(({ version }) => version)).toEqual(["c", "b"]);
  expect(await versions(`name=listed&limit=2&cursor=${first.nextCursor}`)).toEqual(["a"]);
});

test("a query says which of its parameters is wrong", async () => {
  const message = async (query: string) =>
    (await server.call<ErrorBody>("GET", `/jobs?${query}`)).body.message;
  expect(await message("limit=0")).toMatch(/^Query parameter `limit`: /);
  expect(await message("limit=many")).toMatch(/^Query parameter `limit`: /);
  expect(await message("nmae=x")).toMatch(/^Query parameter `nmae`: .*did you mean `name`/);
  expect(await message("name=a&name=b")).toBe("Query parameter `name`: is given more than once");
  expect(await message("label=nothing")).toMatch(/^Query parameter `label\/0`: /);
  expect(await message("createdFrom=yesterday")).toMatch(/`createdFrom` is no RFC 3339 time/);
});

test("viewers read, operators write, admins deprecate and delete", async () => {
  const viewer = { as: "vera" };
  const operator = { as: "otto" };
  expect(await server.refusal("POST", "/jobs", job("by-role"), viewer)).toEqual([403, "FORBIDDEN"]);
  await server.ok("POST", "/jobs", job("by-role"), operator);
  await server.ok("GET", "/jobs/by-role", undefined, viewer);
  expect(await server.refusal("POST", "/jobs/by-role/publish", undefined, viewer)).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await server.refusal("DELETE", "/jobs/by-role", undefined, operator)).toEqual([403, "FORBIDDEN"]);
  await server.ok("POST", "/jobs/by-role/publish", undefined, operator);
  expect(await server.refusal("POST", "/jobs/by-role/deprecate", undefined, operator)).toEqual([
    403,
    "FORBIDDEN",
  ]);
});

test("what a caller may not see does not exist for them, unless the job's visibility lets them refer to it", async () => {
  const tim = { as: "tim" };
  await server.ok("POST", "/jobs", job("hidden"));
  await server.ok("POST", "/jobs", job("of-domain", { visibility: "DOMAIN" }));
  const path = (name: string) => `/jobs/${name}@default.default:v1?namespace=team`;
  expect(await server.refusal("GET", path("hidden"), undefined, tim)).toEqual([404, "NOT_FOUND"]);
  expect(await server.ok("GET", path("of-domain"), undefined, tim)).toMatchObject({ name: "of-domain" });
  expect(await server.refusal("PATCH", path("of-domain"), {}, tim)).toEqual([404, "NOT_FOUND"]);
  await server.ok("POST", "/jobs?namespace=team", job("of-team"), tim);
  const { items } = await server.ok<ApiPage<Job>>("GET", "/jobs", undefined, tim);
  expect(items.map(({ name, namespace }) => [name, namespace])).toEqual([["of-team", "team"]]);
});

test("a sensitive default is sealed in the store, masked in answers, and kept when it comes back masked", async () => {
  const runParams = [{ name: "TOKEN", sensitive: true, value: "s3cret-value" }];
  const created = await server.ok<Job>("POST", "/jobs", job("secretive", { runParams }));
  expect(created.spec.runParams).toEqual([{ name: "TOKEN", sensitive: true, value: "***" }]);
  const plain = async () => {
    const stored = await server.store.catalog.job(created.id);
    expect(JSON.stringify(stored)).not.toContain("s3cret");
    return server.keys.unseal(String(stored?.spec.runParams?.[0]?.value));
  };
  expect(await plain()).toBe("s3cret-value");
  const spec = { runParams: created.spec.runParams, timeout: "1m" };
  expect(await server.ok("PATCH", "/jobs/secretive", { spec })).toMatchObject({ revision: 2 });
  expect(await plain()).toBe("s3cret-value");
  const given = [{ name: "TOKEN", sensitive: true, value: "another-value" }];
  await server.ok("PATCH", "/jobs/secretive", { spec: { runParams: given } });
  expect(await plain()).toBe("another-value");
});
