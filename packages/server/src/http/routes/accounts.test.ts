import type { CreatedToken, CreatedUser, TokenBody, UserBody } from "@mflow/core/schema/account";
import type { ApiPage, ErrorBody } from "@mflow/core/schema/api";
import type { Channel } from "@mflow/core/schema/channel";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test("the local token serves until there is a user; the first one is admin and gets a token with the answer", async () => {
  const local = await startTestServer({ isLocal: true });
  try {
    expect(await local.ok("GET", "/whoami", undefined, { as: "local" })).toEqual({
      name: "local",
      local: true,
      grants: [{ role: "admin", domain: "*", namespace: "*" }],
      version: "0.0.0-test",
    });
    expect(await local.refusal("POST", "/tokens", { name: "too-early" }, { as: "local" })).toEqual([
      400,
      "BAD_REQUEST",
    ]);
    const first = await local.call<CreatedUser>("POST", "/users", { name: "grace" }, { as: "local" });
    expect(first.status).toBe(201);
    expect(first.body.user.grants).toEqual([{ role: "admin", domain: "*", namespace: "*" }]);
    expect(await local.refusal("GET", "/whoami", undefined, { as: "local" })).toEqual([401, "UNAUTHORIZED"]);
    const as = first.body.token?.token ?? "";
    expect(await local.ok("GET", "/whoami", undefined, { as })).toMatchObject({
      name: "grace",
      local: false,
    });
  } finally {
    await local.close();
  }
});

test("an admin adds users with roles and tokens, changes their roles, and removes them", async () => {
  const grants = [{ role: "operator", namespace: "team" }];
  const created = await server.call<CreatedUser>("POST", "/users", { name: "nina", grants, token: "laptop" });
  expect([created.status, created.body]).toEqual([
    201,
    {
      user: {
        name: "nina",
        createdAt: expect.any(String),
        disabled: false,
        grants: [{ role: "operator", domain: "*", namespace: "team" }],
      },
      token: {
        id: expect.any(String),
        user: "nina",
        name: "laptop",
        createdAt: expect.any(String),
        token: expect.stringMatching(/^mft_/),
      },
    },
  ]);
  const as = created.body.token?.token ?? "";
  await server.ok("POST", "/jobs?namespace=team", job("by-nina"), { as });
  expect(await server.refusal("POST", "/jobs", job("by-nina"), { as })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("POST", "/users", { name: "nina" })).toEqual([409, "NAME_TAKEN"]);
  const changed = await server.ok<UserBody>("PUT", "/users/nina/grants", { grants: [{ role: "viewer" }] });
  expect(changed.grants).toEqual([{ role: "viewer", domain: "*", namespace: "*" }]);
  expect(await server.refusal("POST", "/jobs?namespace=team", job("again"), { as })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  const { items } = await server.ok<ApiPage<UserBody>>("GET", "/users");
  expect(items).toContainEqual(changed);
  expect((await server.call("DELETE", "/users/nina")).status).toBe(204);
  expect(await server.refusal("GET", "/whoami", undefined, { as })).toEqual([401, "UNAUTHORIZED"]);
  expect(await server.refusal("DELETE", "/users/nina")).toEqual([404, "NOT_FOUND"]);
});

test("accounts are the business of those who are admin everywhere", async () => {
  const otto = { as: "otto" };
  const calls: [string, string, unknown?][] = [
    ["GET", "/users"],
    ["POST", "/users", { name: "eve" }],
    ["PUT", "/users/otto/grants", { grants: [{ role: "admin" }] }],
    ["DELETE", "/users/vera"],
    ["PUT", "/groups/mine", { members: ["otto"] }],
    ["DELETE", "/groups/mine"],
    ["POST", "/tokens", { user: "ada", name: "stolen" }],
    ["GET", "/tokens?user=ada"],
  ];
  for (const [method, path, body] of calls) {
    expect(await server.refusal(method, path, body, otto)).toEqual([403, "FORBIDDEN"]);
  }
});

test("the last admin stays", async () => {
  expect(await server.refusal("DELETE", "/users/ada")).toEqual([409, "CONFLICT"]);
  expect(await server.refusal("PUT", "/users/ada/grants", { grants: [] })).toEqual([409, "CONFLICT"]);
});

test("people make, see and revoke their own tokens, whose secret is shown once", async () => {
  const vera = { as: "vera" };
  const made = await server.call<CreatedToken>("POST", "/tokens", { name: "ci", expiresIn: "1h" }, vera);
  const { token, ...rest } = made.body;
  expect([made.status, Date.parse(rest.expiresAt ?? "") - Date.parse(rest.createdAt)]).toEqual([
    201, 3_600_000,
  ]);
  expect(await server.ok("GET", "/whoami", undefined, { as: token })).toMatchObject({ name: "vera" });
  const { items } = await server.ok<ApiPage<TokenBody>>("GET", "/tokens", undefined, vera);
  expect(items).toContainEqual({ ...rest, lastUsedAt: expect.any(String) });
  expect(JSON.stringify(items)).not.toMatch(/hash|mft_/);
  expect(await server.refusal("DELETE", `/tokens/${rest.id}`, undefined, { as: "otto" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  expect((await server.call("DELETE", `/tokens/${rest.id}`, undefined, vera)).status).toBe(204);
  expect(await server.refusal("GET", "/whoami", undefined, { as: token })).toEqual([401, "UNAUTHORIZED"]);
});

test("a group is made, read, changed and removed, and decides gates", async () => {
  const members = ["otto", "vera"];
  expect(await server.ok("PUT", "/groups/checkers", { members })).toEqual({ name: "checkers", members });
  expect(await server.ok("GET", "/groups/checkers", undefined, { as: "tim" })).toEqual({
    name: "checkers",
    members,
  });
  await server.ok("POST", "/jobs", job("gated", {}, { publish: true }));
  const { task } = await server.ok<{ task: { id: string } }>("POST", "/job-tasks", {
    job: "gated",
    audit: { auditors: ["@checkers"] },
  });
  expect(await server.refusal("POST", `/job-tasks/${task.id}/audit`, { verdict: "PASS" })).toEqual([
    403,
    "NOT_LISTED",
  ]);
  await server.ok("POST", `/job-tasks/${task.id}/audit`, { verdict: "PASS" }, { as: "vera" });
  expect(await server.refusal("PUT", "/groups/checkers", { members: ["nobody"] })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  expect(await server.refusal("PUT", "/groups/No%20Name", { members: [] })).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("PUT", "/groups/everyone", { members })).toEqual([409, "NAME_TAKEN"]);
  expect(await server.ok("GET", "/groups")).toEqual({ items: [{ name: "checkers", members }] });
  expect((await server.call("DELETE", "/groups/checkers")).status).toBe(204);
  expect(await server.refusal("GET", "/groups/checkers")).toEqual([404, "NOT_FOUND"]);
});

test("people say where they are reached and who stands in for them; an admin does it for anybody", async () => {
  const at = "2026-03-01T12:00:00.000Z";
  const put = (name: string, spec: Channel["spec"]) =>
    server.store.channels.put({ name, spec, createdBy: "ada", createdAt: at, updatedAt: at, revision: 1 }, 0);
  await put("post", { kind: "MAIL", host: "localhost", from: "mflow@example.com" });
  await put("chat", { kind: "SLACK_APP", botToken: "x", signingSecret: "y" });
  await put("room", { kind: "WECOM", url: "https://example.com" });
  const vera = { as: "vera" };
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const profile = {
    addresses: { post: "vera@example.com", chat: "U1" },
    language: "zh",
    away: { until, ask: "otto" },
  } as const;
  const changed = await server.ok<UserBody>(
    "PATCH",
    "/users/vera",
    { ...profile, displayName: "Vera" },
    vera,
  );
  expect(changed).toEqual({
    name: "vera",
    displayName: "Vera",
    createdAt: expect.any(String),
    disabled: false,
    grants: [{ role: "viewer", domain: "*", namespace: "*" }],
    addresses: { chat: "U1", post: "vera@example.com" },
    language: "zh",
    away: { until, ask: "otto" },
  });
  const { items } = await server.ok<ApiPage<UserBody>>("GET", "/users");
  expect(items).toContainEqual(changed);
  expect(await server.ok("GET", "/whoami", undefined, vera)).toMatchObject(profile);
  expect(await server.ok("GET", "/whoami", undefined, { as: "otto" })).toMatchObject({
    standsInFor: ["vera"],
  });

  const refusals: [object, string, number, string, string][] = [
    [{ away: { until, ask: "nobody" } }, "vera", 404, "NOT_FOUND", "there is no user `nobody`"],
    [{ away: { until, ask: "vera" } }, "vera", 400, "BAD_REQUEST", "cannot stand in for themself"],
    [{ away: { until: at, ask: "otto" } }, "vera", 400, "BAD_REQUEST", "has passed"],
    [{ addresses: { psot: "a@b" } }, "vera", 400, "BAD_REQUEST", "these are: `chat`, `post`"],
    [{ addresses: { room: "x" } }, "vera", 400, "BAD_REQUEST", "`room` is no channel that writes to people"],
    [{ addresses: { post: "vera" } }, "vera", 400, "BAD_REQUEST", "is no mail address"],
    [{ addresses: { post: "a@b\r\nBcc: c@d" } }, "vera", 400, "INVALID_DOCUMENT", "/addresses/post"],
    [{ addresses: { post: "Vera@example.com" } }, "otto", 409, "CONFLICT", "is the address of vera"],
    [{ language: "de" }, "vera", 400, "INVALID_DOCUMENT", "/language"],
    [{ grants: [] }, "vera", 400, "INVALID_DOCUMENT", "grants"],
  ];
  for (const [body, who, status, code, message] of refusals) {
    const { status: given, body: error } = await server.call<ErrorBody>("PATCH", `/users/${who}`, body);
    expect([given, error.code, error.message]).toEqual([status, code, expect.stringContaining(message)]);
  }
  expect(await server.refusal("PATCH", "/users/vera", { language: "en" }, { as: "otto" })).toEqual([
    403,
    "FORBIDDEN",
  ]);

  const cleared = { addresses: { chat: null, post: null }, language: null, away: null, displayName: null };
  expect(await server.ok("PATCH", "/users/vera", cleared)).toEqual({
    name: "vera",
    createdAt: expect.any(String),
    disabled: false,
    grants: [{ role: "viewer", domain: "*", namespace: "*" }],
  });
});

test("while there are no users nobody has a profile", async () => {
  const local = await startTestServer({ isLocal: true });
  try {
    expect(await local.refusal("PATCH", "/users/local", { language: "zh" }, { as: "local" })).toEqual([
      400,
      "BAD_REQUEST",
    ]);
  } finally {
    await local.close();
  }
});
