// The OpenAPI 3.1 document, made from the table of routes when somebody asks for it. The schemas of the API are
// JSON Schema as they are; the nouns among them become named components.

import { CATALOGUE, type ErrorCode } from "@mflow/core/errors";
import { messageJsonSchema } from "@mflow/core/json-schema";
import * as account from "@mflow/core/schema/account";
import * as api from "@mflow/core/schema/api";
import { Cluster, ClusterManifest, ClusterSpec } from "@mflow/core/schema/cluster";
import * as clusterCheck from "@mflow/core/schema/cluster-check";
import { HistoryEvent } from "@mflow/core/schema/event";
import { Gate } from "@mflow/core/schema/gate";
import { Job, JobManifest, JobSnapshot, JobSpec } from "@mflow/core/schema/job";
import { JobTask, JobTaskStatus } from "@mflow/core/schema/job-task";
import * as limit from "@mflow/core/schema/limit";
import { EffectiveParam, ParamValues, RunParam } from "@mflow/core/schema/param";
import * as pause from "@mflow/core/schema/pause";
import {
  AddedStage,
  AddedTask,
  ExtendingPipelineSpec,
  Pipeline,
  PipelineManifest,
  PipelineOverrides,
  PipelineSpec,
  StageOverride,
  StageSpec,
  TaskOverride,
  TaskSpec,
} from "@mflow/core/schema/pipeline";
import { PipelineTask, RunDefinition } from "@mflow/core/schema/pipeline-task";
import * as request from "@mflow/core/schema/request";
import * as schedule from "@mflow/core/schema/schedule";
import { TerminalCommand, TerminalNotice } from "@mflow/core/schema/terminal";
import { YAML_TYPES } from "./body.ts";
import { pathOf } from "./register.ts";
import type { HeaderName, Route, Success } from "./route.ts";

type Json = Record<string, unknown>;

const nouns = {
  ...{ HistoryEvent, Gate, Job, JobManifest, JobSnapshot, JobSpec, JobTask, JobTaskStatus },
  ...{ EffectiveParam, ParamValues, RunParam, Pipeline, PipelineManifest, PipelineSpec, StageSpec },
  ...{ TaskSpec, PipelineTask, RunDefinition, Cluster, ClusterManifest, ClusterSpec },
  ...{ ExtendingPipelineSpec, PipelineOverrides, StageOverride, TaskOverride, AddedStage, AddedTask },
  ...{ TerminalCommand, TerminalNotice },
};

/** What every route may answer, besides its own refusals. */
const everywhere: ErrorCode[] = ["BAD_REQUEST", "HOST_REFUSED", "INTERNAL"];
const withCaller: ErrorCode[] = ["UNAUTHORIZED", "FORBIDDEN", "TOO_MANY_REQUESTS"];
const withBody: ErrorCode[] = ["INVALID_DOCUMENT", "TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];
const withStore: ErrorCode[] = ["UNAVAILABLE", "STORE_BUSY"];
const withWrite: ErrorCode[] = ["STORE_FULL"];

/** Names of the schemas that become components, by the schema itself. */
function componentNames(): Map<unknown, string> {
  const names = new Map<unknown, string>();
  const groups: object[] = [nouns, request, api, account, clusterCheck, limit, pause, schedule];
  for (const group of groups) {
    for (const [name, value] of Object.entries(group) as [string, unknown][]) {
      if (typeof value === "object" && value !== null && !names.has(value)) {
        // Queries are spelled out as parameters.
        if (!name.endsWith("Query")) names.set(value, name);
      }
    }
  }
  return names;
}

class Components {
  readonly schemas: Json = {};
  readonly #names = componentNames();

  /** A reference to a noun, or the schema itself with the nouns in it as references. */
  refer(schema: unknown): unknown {
    const name = this.#names.get(schema);
    if (name === undefined) return this.#inner(schema);
    if (!(name in this.schemas)) {
      this.schemas[name] = {};
      this.schemas[name] = this.#inner(schema);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #inner(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((member) => this.refer(member));
    if (schema === null || typeof schema !== "object") return schema;
    return Object.fromEntries(Object.entries(schema).map(([key, member]) => [key, this.refer(member)]));
  }
}

const headerTexts: Record<HeaderName, string> = {
  "If-None-Match": "An ETag: 304 when the bytes are still those.",
  Range: "`bytes=FROM-TO`: a part of the bytes.",
  "If-Match": "The ETag that the record must have; refused with STALE_REVISION when it has another.",
  "Idempotency-Key": "The same key with the same request starts nothing twice within 24 hours.",
  "Sec-WebSocket-Protocol":
    "`mflow.terminal.v1`; a client that cannot send a bearer token adds `bearer.TOKEN`.",
  "Last-Event-ID": "The id of the last event that was received; the stream goes on after it.",
};

function parameters(route: Route, components: Components): Json[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = (route.query ?? {}) as { properties?: Record<string, Json>; required?: string[] };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: query.required?.includes(name) ?? false,
    ...(typeof schema.description === "string" && { description: schema.description }),
    ...(schema.type === "array" && { style: "form", explode: true }),
    schema: components.refer(schema),
  }));
  const inHeader = (route.headers ?? []).map((name) => ({
    name,
    in: "header",
    description: headerTexts[name],
    schema: { type: "string" },
  }));
  return [...inPath, ...inQuery, ...inHeader];
}

/** What a platform sends, as it says it. */
const rawBody: Json = {
  required: true,
  content: {
    "application/json": { schema: { type: "object" } },
    "application/x-www-form-urlencoded": { schema: { type: "object" } },
  },
};

/** A file, or an archive of a folder. */
const streamBody: Json = {
  required: true,
  content: { "application/octet-stream": { schema: {} }, "application/x-tar": { schema: {} } },
};

function requestBody(route: Route, components: Components): Json | undefined {
  if (route.rawBody) return rawBody;
  if (route.streamBody) return streamBody;
  if (!route.body) return undefined;
  const content: Json = { "application/json": { schema: components.refer(route.body) } };
  if (route.yaml) {
    for (const type of YAML_TYPES) content[type] = { schema: { type: "string" } };
  }
  return { required: !route.bodyOptional, content };
}

function success({ description, schema, contentType }: Success, components: Components): Json {
  if (!schema && !contentType) return { description };
  const media = schema ? { schema: components.refer(schema) } : { schema: { type: "string" } };
  return { description, content: { [contentType ?? "application/json"]: media } };
}

/** All refusals of a route. */
export function errorsOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>(everywhere);
  const add = (more: readonly ErrorCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (route.access !== "public") add([...withCaller, ...withStore]);
  if (route.body) add(withBody);
  if (route.rawBody) add(["TOO_LARGE"]);
  if (route.method !== "GET") add(withWrite);
  add(route.errors);
  return [...codes];
}

function responses(route: Route, components: Components): Json {
  const answers: Json = {};
  for (const [status, one] of Object.entries(route.successes)) answers[status] = success(one, components);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const { status } = CATALOGUE[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    answers[status] = {
      description: codes.map((code) => `\`${code}\`: ${CATALOGUE[code].meaning}`).join(" "),
      content: { "application/json": { schema: components.refer(api.ErrorBody) } },
    };
  }
  return answers;
}

const security: Record<Route["access"], Json[]> = {
  public: [],
  caller: [{ bearer: [] }],
  // The update token may also come in the body.
  task: [{ bearer: [] }, {}],
};

function operation(route: Route, components: Components): Json {
  const body = requestBody(route, components);
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    parameters: parameters(route, components),
    ...(body && { requestBody: body }),
    responses: responses(route, components),
    security: security[route.access],
  };
}

/** What webhooks of listeners get; headers and signature are those of Standard Webhooks. */
function webhooks(components: Components): Json {
  components.schemas.Message = messageJsonSchema();
  const header = (name: string, description: string, required = true) => ({
    ...{ name, in: "header", required, description },
    schema: { type: "string" },
  });
  const post = {
    operationId: "receiveMessage",
    tags: ["Webhooks"],
    summary: "A message to a webhook of a listener",
    description:
      "Sent at least once. New fields may appear: a receiver must take fields that it does not know.",
    parameters: [
      header("webhook-id", "Id of the message, the same whenever it is sent."),
      header("webhook-timestamp", "Seconds since 1970, of this attempt."),
      header("webhook-signature", "`v1,` and the signature; two of them while the secret is rotated.", false),
    ],
    requestBody: {
      required: true,
      content: { "application/json": { schema: { $ref: "#/components/schemas/Message" } } },
    },
    responses: { "2XX": { description: "The message was taken." } },
  };
  return { message: { post } };
}

function catalogueText(): string {
  const rows = Object.entries(CATALOGUE).map(
    ([code, { status, meaning, remedy }]) => `| \`${code}\` | ${status} | ${meaning} | ${remedy} |`,
  );
  return ["| Code | Status | Meaning | What to do |", "|---|---|---|---|", ...rows].join("\n");
}

/** The document of an API of these routes. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = pathOf(route).replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, components) };
  }
  const tags = [...new Set(routes.map((route) => route.tag))].map((name) => ({ name }));
  // Streamed, so that no answer refers to them.
  for (const streamed of [HistoryEvent, TerminalCommand, TerminalNotice]) components.refer(streamed);
  return {
    openapi: "3.1.0",
    info: {
      title: "mflow",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description: `Every refusal is one of this catalogue:\n\n${catalogueText()}`,
    },
    servers: [{ url: "/" }],
    tags: [...tags, { name: "Webhooks" }],
    paths,
    webhooks: webhooks(components),
    components: {
      schemas: components.schemas,
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}
