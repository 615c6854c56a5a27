// The reference of the API as one page without scripts, made from the OpenAPI document: it works offline.

import { escapeHtml, proseHtml } from "@mflow/core/escape-html";

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: unknown;
}

interface Media {
  content?: Record<string, { schema?: unknown }>;
  description?: string;
}

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Parameter[];
  requestBody?: Media & { required?: boolean };
  responses: Record<string, Media>;
  security: unknown[];
}

interface Document {
  info: { title: string; version: string; description: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

/** JSON whose references to components are links. */
function schemaText(schema: unknown): string {
  return escapeHtml(JSON.stringify(schema, undefined, 2)).replaceAll(
    /&quot;#\/components\/schemas\/(\w+)&quot;/g,
    '<a href="#schema-$1">$1</a>',
  );
}

/** A schema in a few words: a link to a component, a type, or the whole of it to unfold. */
function schemaBrief(schema: unknown): string {
  const { $ref, type } = schema as { $ref?: string; type?: string };
  const name = $ref?.split("/").at(-1);
  if (name) return `<a href="#schema-${name}">${name}</a>`;
  const keys = Object.keys(schema as object).filter((key) => key !== "description" && key !== "type");
  if (keys.length === 0) return `<code>${escapeHtml(type ?? "any")}</code>`;
  return `<details><summary><code>${escapeHtml(type ?? "schema")}</code></summary><pre>${schemaText(schema)}</pre></details>`;
}

function parameterTable(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(({ name, in: where, required, description, schema }) => {
    const needed = required ? ", required" : "";
    return `<tr><td><code>${escapeHtml(name)}</code></td><td>${where}${needed}</td><td>${schemaBrief(schema ?? {})}</td><td>${proseHtml(description ?? "")}</td></tr>`;
  });
  return `<h4>Parameters</h4><table>${rows.join("")}</table>`;
}

function mediaRows({ content = {} }: Media): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<div><code>${escapeHtml(type)}</code> ${schemaBrief(schema ?? {})}</div>`)
    .join("");
}

function operationSection(method: string, path: string, operation: Operation): string {
  const { operationId, summary, description, parameters, requestBody, responses, security } = operation;
  const answers = Object.entries(responses).map(
    ([status, answer]) =>
      `<tr><td><code>${status}</code></td><td>${proseHtml(answer.description ?? "")}</td><td>${mediaRows(answer)}</td></tr>`,
  );
  const access = security.length === 0 ? " <small>no token needed</small>" : "";
  return [
    `<section id="${operationId}"><h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code>${access}</h3>`,
    `<p><b>${proseHtml(summary)}.</b> ${proseHtml(description ?? "")}</p>`,
    parameterTable(parameters),
    requestBody ? `<h4>Body${requestBody.required ? "" : " (optional)"}</h4>${mediaRows(requestBody)}` : "",
    `<h4>Answers</h4><table>${answers.join("")}</table></section>`,
  ].join("");
}

/** The description's paragraphs and its one table. */
function descriptionHtml(markdown: string): string {
  return markdown
    .split("\n\n")
    .map((block) => {
      if (!block.startsWith("|")) return `<p>${proseHtml(block)}</p>`;
      const rows = block.split("\n").filter((row) => !/^\|[-|]+\|$/.test(row));
      const cells = rows.map((row, index) => {
        const tag = index === 0 ? "th" : "td";
        const parts = row.slice(1, -1).split("|");
        return `<tr>${parts.map((cell) => `<${tag}>${proseHtml(cell.trim())}</${tag}>`).join("")}</tr>`;
      });
      return `<details><summary>All errors</summary><table>${cells.join("")}</table></details>`;
    })
    .join("");
}

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); font-size: 13px; box-sizing: border-box; }
nav a { display: block; text-decoration: none; color: inherit; padding: .1rem 0; }
nav a:hover { text-decoration: underline; }
main { padding: 1rem 2rem 6rem; max-width: 62rem; }
section { border-top: 1px solid var(--line); padding: .5rem 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td:first-child > code { overflow-wrap: normal; }
td, th { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--soft); }
pre { background: var(--soft); padding: .7rem; overflow: auto; border-radius: 4px; }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
.method { font: 600 12px ui-monospace, monospace; padding: .15rem .4rem; border-radius: 3px; color: #fff; background: #3572b0; }
.post { background: #2d7d46; } .put, .patch { background: #a15c00; } .delete { background: #b3261e; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
`;

/** The page of an OpenAPI document. */
export function docsPage(openapi: unknown): string {
  const { info, tags, paths, components } = openapi as Document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = tags.map(({ name }) => ({
    name,
    items: operations.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const menu = groups.map(
    ({ name, items }) =>
      `<b>${escapeHtml(name)}</b>${items.map(({ operation }) => `<a href="#${operation.operationId}">${proseHtml(operation.summary)}</a>`).join("")}`,
  );
  const sections = groups.map(
    ({ name, items }) =>
      `<h2>${escapeHtml(name)}</h2>${items.map(({ method, path, operation }) => operationSection(method, path, operation)).join("")}`,
  );
  const schemas = Object.entries(components.schemas)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, schema]) =>
        `<section id="schema-${name}"><h3>${name}</h3><pre>${schemaText(schema)}</pre></section>`,
    );
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(info.title)} API</title><style>${style}</style>`,
    `<nav>${menu.join("")}<b>Schemas</b>${Object.keys(components.schemas)
      .sort()
      .map((name) => `<a href="#schema-${name}">${name}</a>`)
      .join("")}</nav>`,
    `<main><h1>${escapeHtml(info.title)} API <small>${escapeHtml(info.version)}</small></h1>`,
    '<p>The same as a document: <a href="/api/openapi.json">OpenAPI 3.1</a>.</p>',
    descriptionHtml(info.description),
    ...sections,
    `<h2>Schemas</h2>${schemas.join("")}</main></html>`,
  ].join("\n");
}
