// `explain` decides what is valid. Here it is held to a library that knows all of JSON Schema, for every schema
// there is.

import fc from "fast-check";
import { Compile } from "typebox/schema";
import { expect, test } from "vitest";
import { explain } from "./explain.ts";
import * as account from "./schema/account.ts";
import * as api from "./schema/api.ts";
import * as event from "./schema/event.ts";
import * as gate from "./schema/gate.ts";
import * as job from "./schema/job.ts";
import * as jobTask from "./schema/job-task.ts";
import * as param from "./schema/param.ts";
import * as pipeline from "./schema/pipeline.ts";
import * as pipelineTask from "./schema/pipeline-task.ts";
import * as request from "./schema/request.ts";
import * as runnerSpec from "./schema/runner-spec.ts";
import * as scalars from "./schema/scalars.ts";
import type { SchemaNode } from "./schema-node.ts";

const modules = [
  ...[account, api, event, gate, job, jobTask, param, pipeline, pipelineTask, request, runnerSpec, scalars],
];

function isSchema(value: unknown): value is SchemaNode {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "type" in value || "anyOf" in value || "enum" in value;
}

/** Every exported schema, by its name. */
const schemas = new Map<string, SchemaNode>();
for (const [name, value] of modules.flatMap((module) => Object.entries<unknown>({ ...module })))
  if (isSchema(value)) schemas.set(name, value);

/** A schema and all that are in it. */
function nodesOf(schema: SchemaNode): SchemaNode[] {
  const { properties = {}, patternProperties = {}, propertyNames, items, anyOf = [] } = schema;
  const inside = [...Object.values(properties), ...Object.values(patternProperties), ...anyOf];
  if (items) inside.push(items);
  if (propertyNames) inside.push(propertyNames);
  return [schema, ...inside.flatMap(nodesOf)];
}

const nodes = [...schemas.values()].flatMap(nodesOf);

test("every keyword of every schema is one that is explained", () => {
  const explained: Record<keyof SchemaNode | "title", true> = {
    ...{ title: true, description: true, type: true, enum: true, const: true, anyOf: true },
    ...{ properties: true, required: true, additionalProperties: true, patternProperties: true },
    ...{ propertyNames: true, maxProperties: true, items: true, minItems: true, maxItems: true },
    ...{ pattern: true, minLength: true, maxLength: true, minimum: true, maximum: true },
  };
  const keywords = new Set(nodes.flatMap((node) => Object.keys(node)));
  expect([...keywords].filter((keyword) => !Object.hasOwn(explained, keyword))).toEqual([]);
});

test("what is explained in part only is used in that part only", () => {
  const unusual = nodes.filter(
    ({ additionalProperties, minLength, patternProperties = {} }) =>
      typeof additionalProperties === "object" ||
      (minLength ?? 0) > 1 ||
      Object.keys(patternProperties).some((pattern) => pattern !== "^.*$"),
  );
  expect(unusual).toEqual([]);
});

const texts = [
  "",
  "*",
  "a",
  "A",
  "a-b",
  "A b",
  "90s",
  "v1",
  "k=v",
  "#id",
  "\u{1f680}",
  "x".repeat(70),
  "a\nb",
];
const singles = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 1.5, 600, 1e9, ...texts),
  fc.constantFrom<unknown>([], {}, [null], ["a"], { a: "b" }, { name: "a" }, { kind: "Job" }),
);

/** Values that a schema may well allow, with some junk among them. */
function valuesOf(schema: SchemaNode): fc.Arbitrary<unknown> {
  const fitting = fittingOf(schema);
  return fc.oneof({ arbitrary: fitting, weight: 12 }, { arbitrary: singles, weight: 1 });
}

function fittingOf(schema: SchemaNode): fc.Arbitrary<unknown> {
  const { type, anyOf, properties, patternProperties, items, pattern } = schema;
  if (anyOf) return fc.oneof(...anyOf.map(valuesOf));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (type === "array") return fc.array(items ? valuesOf(items) : singles, { maxLength: 3 });
  if (properties) return mapsOf(schema, properties);
  if (type === "object") {
    const [value] = Object.values(patternProperties ?? {});
    return fc.dictionary(fc.constantFrom(...texts), value ? valuesOf(value) : singles, { maxKeys: 2 });
  }
  if (type === "string") {
    const matching = texts.filter((text) => pattern === undefined || new RegExp(pattern, "u").test(text));
    return fc.constantFrom(...(matching.length > 0 ? matching : texts));
  }
  if (type === "boolean") return fc.boolean();
  if (type === "integer" || type === "number") return fc.constantFrom(0, 1, 2, 100, 1.5);
  return singles;
}

function mapsOf(schema: SchemaNode, properties: Record<string, SchemaNode>): fc.Arbitrary<unknown> {
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, valuesOf(value)])),
    { requiredKeys: schema.required ?? [] },
  );
  const stranger = fc.option(fc.constant({ stranger: 1 }), { freq: 20 });
  return fc.tuple(known, stranger).map(([map, more]) => ({ ...map, ...more }));
}

test.each([...schemas])("%s: a value is explained exactly when it is invalid", (_name, schema) => {
  const validator = Compile(schema);
  fc.assert(
    fc.property(valuesOf(schema), (value) => {
      expect(explain(schema, value, "").length === 0).toBe(validator.Check(value));
    }),
    { numRuns: 100 },
  );
});
