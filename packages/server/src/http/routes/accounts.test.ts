import type { CreatedToken, CreatedUser, TokenBody, UserBody } from "@mflow/core/schema/account";
import type { ApiPage } from "@mflow/core/schema/api";
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
