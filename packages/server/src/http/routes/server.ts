// What the server tells of itself: health, metrics, the API's document and reference, the schemas of manifests and messages.

import { Health, Readiness } from "@mflow/core/schema/api";
import { Type } from "@mflow/core/schema/type";
import type { Metrics } from "../metrics.ts";
import { readinessOf } from "../readiness.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Server";

/** No script, nothing from elsewhere: what a page here may load. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

const anyJson = Type.Record(Type.String(), Type.Unknown());

/** `allRoutes` answers every route of the app, these included: what the document describes. */
export function serverRoutes(
  { state, version, engine, store }: Services,
  metrics: Metrics,
  allRoutes: () => Route[],
): Route[] {
  let document: unknown;
  const openapi = async () => {
    const { openApiDocument } = await import("../openapi.ts");
    document ??= openApiDocument(allRoutes(), version);
    return document as Record<string, unknown>;
  };
  return [
    route({
      method: "GET",
      path: "/healthz",
      atRoot: true,
      id: "getHealth",
      tag,
      summary: "Whether the process is alive",
      access: "public",
      successes: { 200: { description: "It is.", schema: Health } },
      errors: [],
      async handle() {
        return { body: { status: "ok", version } };
      },
    }),
    route({
      method: "GET",
      path: "/readyz",
      atRoot: true,
      id: "getReadiness",
      tag,
      summary: "Whether the server takes work",
      description:
        "503 with `starting`, `draining` or `unwritable` while it does not. A full disk makes it `unwritable` with the first change that it refuses, until there is room again. One that an admin drained is ready: it takes runs, which wait.",
      access: "public",
      successes: { 200: { description: "It does.", schema: Readiness } },
      errors: [],
      async handle() {
        const readiness = await readinessOf({ state, store });
        const pause = engine.pauseOf("server");
        const message = pause?.message === undefined ? {} : { message: pause.message };
        const paused = pause ? { paused: { at: pause.at, ...message } } : {};
        return { status: readiness.status === "ready" ? 200 : 503, body: { ...readiness, ...paused } };
      },
    }),
    route({
      method: "GET",
      path: "/metrics",
      atRoot: true,
      id: "getMetrics",
      tag,
      summary: "Metrics in the Prometheus text format",
      access: "caller",
      successes: { 200: { description: "The metrics.", contentType: "text/plain" } },
      errors: [],
      async handle() {
        const { text, contentType } = await metrics.text();
        return { body: text, headers: { "Content-Type": contentType } };
      },
    }),
    route({
      method: "GET",
      path: "/api/openapi.json",
      atRoot: true,
      id: "getOpenApi",
      tag,
      summary: "This API as an OpenAPI 3.1 document",
      access: "public",
      successes: { 200: { description: "The document.", schema: anyJson } },
      errors: [],
      async handle() {
        return { body: await openapi() };
      },
    }),
    route({
      method: "GET",
      path: "/api/docs",
      atRoot: true,
      id: "getDocs",
      tag,
      summary: "The reference of this API as a page",
      access: "public",
      successes: { 200: { description: "The page.", contentType: "text/html" } },
      errors: [],
      async handle() {
        const { docsPage } = await import("../docs-page.ts");
        return {
          body: docsPage(await openapi()),
          headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_POLICY },
        };
      },
    }),
    route({
      method: "GET",
      path: "/schemas/manifest.json",
      id: "getManifestSchema",
      tag,
      summary: "The JSON Schema of manifests, for editors",
      access: "public",
      successes: { 200: { description: "The schema.", schema: anyJson } },
      errors: [],
      async handle() {
        const { manifestJsonSchema } = await import("@mflow/core/json-schema");
        return { body: manifestJsonSchema() };
      },
    }),
    route({
      method: "GET",
      path: "/schemas/message.json",
      id: "getMessageSchema",
      tag,
      summary: "The JSON Schema of messages, the bodies of webhooks",
      description: "It takes fields that it does not know, for new ones may appear.",
      access: "public",
      successes: { 200: { description: "The schema.", schema: anyJson } },
      errors: [],
      async handle() {
        const { messageJsonSchema } = await import("@mflow/core/json-schema");
        return { body: messageJsonSchema() };
      },
    }),
  ];
}
