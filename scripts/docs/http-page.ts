// The page about the HTTP API, from the OpenAPI document of a real server.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, startServer } from "@mflow/server/index";
import { code, page, table } from "./markdown.ts";
import { schemaSection } from "./schema-pages.ts";
import { type KnownSchemas, type Schema, SchemaText } from "./schema-text.ts";

interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Media {
  description?: string;
  content?: Record<string, { schema: Schema }>;
}

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Parameter[];
  requestBody?: Media & { required: boolean };
  responses: Record<string, Media>;
  security: object[];
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const FILE = "http.md";

/** The document as a server of its own, on an empty folder, gives it. */
export async function servedDocument(): Promise<OpenApi> {
  const folder = await mkdtemp(join(tmpdir(), "mflow-docs-"));
  const flags = { data: folder, port: "0", logLevel: "silent" };
  const server = await startServer(readConfig(flags, {}));
  try {
    const response = await fetch(`${server.address}/api/openapi.json`);
    return (await response.json()) as OpenApi;
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
}

/** Bodies that no other page shows. */
function ownBodies(document: OpenApi, known: KnownSchemas): [string, Schema][] {
  return Object.entries(document.components.schemas)
    .filter(([name]) => !known.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function refusalsOf({ responses }: Operation): string[] {
  return Object.entries(responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([, { description = "" }]) =>
      [...description.matchAll(/`([A-Z_]+)`:/g)].map(([, name = ""]) => name),
    );
}

function mediaText({ content = {} }: Media, text: SchemaText): string {
  return Object.entries(content)
    .map(([type, { schema }]) => (type === "application/json" ? text.typeOf(schema) : code(type)))
    .join(" or ");
}

function operationSection(
  place: { method: string; path: string; operation: Operation },
  text: SchemaText,
  common: ReadonlySet<string>,
): string {
  const { method, path, operation } = place;
  const { operationId, summary, description, parameters, requestBody, responses, security } = operation;
  const rows = parameters
    .filter((parameter) => parameter.in !== "path")
    .map(({ name, in: where, schema, description: meaning }) => [
      code(name),
      where,
      where === "header" ? "text" : text.typeOf(schema),
      where === "header" ? (meaning ?? "") : text.meaningOf(schema, `${operationId}.${name}`),
    ]);
  const answers = Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, media]) => [code(status), mediaText(media, text), media.description ?? ""]);
  const refusals = refusalsOf(operation).filter((name) => !common.has(name));
  const noToken = security.length === 0 ? " No token needed." : "";
  return [
    `### ${operationId}`,
    `${code(`${method.toUpperCase()} ${path}`)}\\\n${summary}. ${description ?? ""}${noToken}`.trim(),
    requestBody
      ? `Body${requestBody.required ? "" : " (may be left out)"}: ${mediaText(requestBody, text)}.`
      : "",
    table(["Parameter", "In", "Value", "Meaning"], rows),
    table(["Status", "Body", "Meaning"], answers),
    refusals.length > 0 ? `Refuses with ${refusals.map(code).join(", ")}.` : "",
  ]
    .filter(Boolean)
    .join("\n\n");
}

export function httpPage(document: OpenApi, known: KnownSchemas): string {
  const bodies = ownBodies(document, known);
  for (const [name, schema] of bodies) known.add(FILE, name, schema);
  const text = new SchemaText(known, FILE);
  const places = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const withToken = places.filter(({ operation }) => operation.security.length > 0);
  const [first, ...others] = withToken.map(({ operation }) => new Set(refusalsOf(operation)));
  const common = new Set([...(first ?? [])].filter((name) => others.every((set) => set.has(name))));
  const tags = [...new Set(places.flatMap(({ operation }) => operation.tags))];
  const groups = tags.map((tag) =>
    [
      `## ${tag}`,
      ...places
        .filter(({ operation }) => operation.tags.includes(tag))
        .map((place) => operationSection(place, text, common)),
    ].join("\n\n"),
  );
  return page(
    "HTTP API",
    `A running server shows the same as a page at \`/api/docs\` and as an OpenAPI 3.1 document at
\`/api/openapi.json\`. How to use it: [use the HTTP API](../how-to/use-the-api.md). Every call may also be refused
with ${[...common].map(code).join(", ")}, and a call with a body with \`INVALID_DOCUMENT\`; see [errors](errors.md).`,
    [
      ...groups,
      "## Bodies",
      "Bodies that are no [records](records.md) and no [requests](requests.md).",
      ...bodies.map(([name, schema]) => schemaSection(name, schema, text, 3)),
    ],
  );
}
