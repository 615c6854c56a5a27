import { CATALOGUE, type ErrorCode } from "@mflow/core/errors";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

interface Operation {
  operationId: string;
  parameters: { name: string; in: string }[];
  responses: Record<string, { description: string }>;
  security: unknown[];
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Record<string, { requestBody: unknown }>>;
  components: { schemas: Record<string, unknown> };
}

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startTestServer();
  document = await server.ok<Document>("GET", "/api/openapi.json", undefined, { as: null });
});
afterAll(() => server.close());

test("the document is valid OpenAPI 3.1", async () => {
  expect(document.openapi).toBe("3.1.0");
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
});

test("every reference in it leads to a component, and every component is used", () => {
  const refs = new Set(
    [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
  );
  expect([...refs].filter((name) => !(`${name}` in document.components.schemas))).toEqual([]);
  expect(Object.keys(document.components.schemas).filter((name) => !refs.has(name))).toEqual([
    "HistoryEvent",
    "TerminalCommand",
    "TerminalNotice",
  ]);
});

test("the body of webhooks is there as what receivers get, and takes fields to come", () => {
  const body = document.webhooks.message?.post?.requestBody;
  expect(body).toMatchObject({
    content: { "application/json": { schema: { $ref: "#/components/schemas/Message" } } },
  });
  expect(document.components.schemas.Message).toMatchObject({ properties: { version: { const: 1 } } });
  expect(document.components.schemas.Message).not.toHaveProperty("additionalProperties");
});

test("it has every route that is served, and no other", () => {
  const served = server.app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line) => {
      const [, depth = "", path = "", methods = ""] = /^([│ ]*)[├└]── (\S*) \((.*)\)$/.exec(line) ?? [];
      return path ? [{ depth: depth.length / 4, path, methods: methods.split(", ") }] : [];
    });
  expect(served.length).toBeGreaterThan(20);
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const missing = documented.filter((one) => {
    const [method, path = ""] = one.split(" ");
    return !server.app.hasRoute({ method: method as "GET", url: path.replace(/\{(\w+)\}/g, ":$1") });
  });
  expect(missing).toEqual([]);
  const count = served.reduce((sum, { methods }) => sum + methods.length, 0);
  expect(documented.length).toBe(count);
});

test("operation ids are unique, and path parameters are declared", () => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, operation })),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of operations) {
    const declared = operation.parameters.filter((one) => one.in === "path").map(({ name }) => name);
    expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  }
});

test("refusals are documented by the catalogue's codes under the catalogue's status", () => {
  for (const methods of Object.values(document.paths)) {
    for (const { responses } of Object.values(methods)) {
      for (const [status, { description }] of Object.entries(responses)) {
        for (const [, code] of description.matchAll(/`([A-Z_]{4,})`:/g)) {
          expect(String(CATALOGUE[code as ErrorCode].status)).toBe(status);
        }
      }
    }
  }
});

test("what is public says so, everything else needs a token", () => {
  const open = Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .filter(({ security }) => security.length === 0)
    .map(({ operationId }) => operationId)
    .sort();
  expect(open).toEqual([
    "decideByLink",
    "getDecisionPage",
    "getDocs",
    "getHealth",
    "getLoneTaskPage",
    "getManifestSchema",
    "getMessageSchema",
    "getOpenApi",
    "getReadiness",
    "getRunPage",
    "getServerPage",
    "getTaskPage",
    "receiveCallback",
  ]);
});

test("the docs page has every operation and needs nothing from elsewhere", async () => {
  const { status, headers, body } = await server.call<string>("GET", "/api/docs", undefined, { as: null });
  expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  for (const methods of Object.values(document.paths)) {
    for (const { operationId } of Object.values(methods)) expect(body).toContain(`id="${operationId}"`);
  }
  expect(body).not.toMatch(/<script|(src|href)="?https?:|@import|url\(/);
  const targets = [...body.matchAll(/href="#([\w-]+)"/g)].map(([, id]) => id);
  expect(targets.filter((id) => !body.includes(`id="${id}"`))).toEqual([]);
});
