// JSON Schemas for others: that of manifests, for editors: completion, descriptions and a first check while typing; that
// of messages, for who receives webhooks.

import { ChildRunSpec, ManualSpec } from "./schema/chain.ts";
import { ClusterManifest } from "./schema/cluster.ts";
import { JobManifest } from "./schema/job.ts";
import { LimitManifest } from "./schema/limit.ts";
import { Message } from "./schema/message.ts";
import { PipelineManifest } from "./schema/pipeline.ts";
import { FakeSpec, K8sJobSpec, ShellSpec } from "./schema/runner-spec.ts";
import { ScheduleManifest } from "./schema/schedule.ts";
import type { SchemaNode } from "./schema-node.ts";

/** A text that holds a reference to a TEMPLATE param; it may stand wherever a runner spec wants a single value. */
const template = { type: "string", pattern: "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}" };

type Json = { [key: string]: unknown };

/** A copy as plain JSON, without the mark of optional fields. */
function plain(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema)) as Json;
}

/** The schema of a runner spec before its templates are rendered. */
function withTemplates(schema: SchemaNode): SchemaNode {
  const { type, anyOf, properties, patternProperties, items, description } = schema;
  if (type === "object" || type === "array") {
    return {
      ...schema,
      ...(properties && { properties: mapValues(properties, withTemplates) }),
      ...(patternProperties && { patternProperties: mapValues(patternProperties, withTemplates) }),
      ...(items && { items: withTemplates(items) }),
    };
  }
  if (type === "string" && schema.pattern === undefined) return schema;
  const rest = anyOf ?? [schema];
  return { ...(description && { description }), anyOf: [...rest, template] };
}

function mapValues(record: Record<string, SchemaNode>, change: (schema: SchemaNode) => SchemaNode) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** What the runner spec of a job of this runner looks like, as an object or as YAML text. */
function specOfRunner(runnerType: string, schema: unknown): Json {
  return {
    if: { properties: { runnerType: { const: runnerType } }, required: ["runnerType"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { runnerSpec: { anyOf: [withTemplates(plain(schema)), { type: "string" }] } } },
  };
}

function jobSchema(): Json {
  const job = plain(JobManifest) as { properties: { spec: { properties: Json } } };
  const { spec } = job.properties;
  const { description } = spec.properties.runnerSpec as Json;
  return {
    ...job,
    properties: {
      ...job.properties,
      spec: {
        ...spec,
        properties: { ...spec.properties, runnerSpec: { type: ["object", "string"], description } },
        allOf: [
          specOfRunner("K8S_JOB", K8sJobSpec),
          specOfRunner("SHELL", ShellSpec),
          specOfRunner("PIPELINE", ChildRunSpec),
          specOfRunner("MANUAL", ManualSpec),
          specOfRunner("FAKE", FakeSpec),
        ],
      },
    },
  };
}

/** The JSON Schema (draft 2020-12) of one manifest document; which of its kinds applies is told by `kind`. */
export function manifestJsonSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "mflow manifest",
    description: "A document of mflow: a Job, a Pipeline, a Schedule, a Cluster or a Limit.",
    type: "object",
    required: ["kind"],
    properties: { kind: { enum: ["Job", "Pipeline", "Schedule", "Cluster", "Limit"] } },
    oneOf: [
      jobSchema(),
      plain(PipelineManifest),
      plain(ScheduleManifest),
      plain(ClusterManifest),
      plain(LimitManifest),
    ],
  };
}

/** The JSON Schema (draft 2020-12) of the body of a webhook. New fields may appear, so it takes fields that it does not know. */
export function messageJsonSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "mflow message",
    ...(open(plain(Message)) as Json),
  };
}

/** The schema without what refuses unknown fields. */
function open(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(open);
  if (schema === null || typeof schema !== "object") return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !(key === "additionalProperties" && value === false),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, open(value)]));
}
