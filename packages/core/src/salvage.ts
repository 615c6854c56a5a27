// What remains of a document when everything that its schema refuses is left out, so that the rules of `lint` can
// be tried on the rest: all errors of a document are told at once, not the next kind after each correction.

import type { TSchema } from "typebox";
import { explain } from "./explain.ts";
import { isMap } from "./is-map.ts";
import { below } from "./pointer.ts";
import { markedBranch, type SchemaNode } from "./schema-node.ts";

export interface Salvaged {
  value: unknown;
  /** Pointers of what was left out or stands in for something missing. */
  broken: string[];
}

/** What stands in for something required that is missing. A list may so be shorter than its schema allows. */
const STAND_INS: Readonly<Record<string, () => unknown>> = { string: () => "missing", array: () => [] };

/** The rest of a value that its schema refuses; nothing when too little remains to make sense of. */
export function salvage(schema: TSchema, value: unknown): Salvaged | undefined {
  const broken: string[] = [];
  const rest = restOf(schema as SchemaNode, value, "", broken);
  return rest === undefined ? undefined : { value: rest, broken };
}

function fits(schema: SchemaNode, value: unknown): boolean {
  return explain(schema, value, "").length === 0;
}

function restOf(schema: SchemaNode, value: unknown, path: string, broken: string[]): unknown {
  if (fits(schema, value)) return value;
  const branch = schema.anyOf && isMap(value) ? markedBranch(schema.anyOf, value) : undefined;
  if (branch) return restOf(branch, value, path, broken);
  if (schema.type === "object" && schema.properties && isMap(value))
    return restOfObject(schema, value, path, broken);
  if (schema.type === "array" && schema.items && Array.isArray(value))
    return restOfList(schema.items, value, path, broken);
  broken.push(path);
  return undefined;
}

function restOfObject(
  schema: SchemaNode,
  value: Record<string, unknown>,
  path: string,
  broken: string[],
): unknown {
  const rest: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) {
    const property = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined;
    if (!property) broken.push(below(path, key));
    else {
      const kept = restOf(property, child, below(path, key), broken);
      if (kept !== undefined) rest[key] = kept;
    }
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(rest, key)) continue;
    const { type } = schema.properties?.[key] ?? {};
    const standIn = typeof type === "string" ? STAND_INS[type] : undefined;
    if (!standIn) return undefined;
    rest[key] = standIn();
    broken.push(below(path, key));
  }
  return rest;
}

/** All items or none: the places of the others would shift. */
function restOfList(items: SchemaNode, value: unknown[], path: string, broken: string[]): unknown {
  const rest = value.map((item, index) => restOf(items, item, below(path, index), broken));
  return rest.includes(undefined) ? undefined : rest;
}
