// Schemas as people read them: what a value looks like in a few words, and an object's fields as a table.

import type { SchemaNode } from "@mflow/core/schema-node";
import { alternatives, anchorOf, code, table } from "./markdown.ts";

/** A schema of the API's document: one of ours, or a reference to one. */
export interface Schema extends SchemaNode {
  $ref?: string;
  title?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  patternProperties?: Record<string, Schema>;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: Schema[];
}

interface Known {
  name: string;
  page: string;
  /** Its values are objects with fields of their own, which its section shows. */
  isObject: boolean;
}

/** The schemas that have a section of their own somewhere in the reference. */
export class KnownSchemas {
  readonly #known = new Map<string, Known>();
  readonly #pageOfName = new Map<string, string>();

  /** `page` shows the schema under a heading of this name. */
  add(page: string, name: string, schema: unknown): void {
    const isObject = (schema as Schema).properties !== undefined;
    this.#known.set(keyOf(schema as Schema), { name, page, isObject });
    this.#pageOfName.set(name, page);
  }

  find(schema: Schema): Known | undefined {
    const name = schema.$ref?.split("/").at(-1);
    if (name === undefined) return this.#known.get(keyOf(schema));
    const page = this.#pageOfName.get(name);
    if (page === undefined) throw new Error(`no page shows ${name}`);
    return { name, page, isObject: true };
  }

  has(name: string): boolean {
    return this.#pageOfName.has(name);
  }
}

/** The same for the same schema, whatever title a field gave it. */
function keyOf({ title: _title, ...schema }: Schema): string {
  return JSON.stringify(schema);
}

/** What these look like says nothing about what a field is for. */
const PLAIN: ReadonlySet<string> = new Set([
  ...["Name", "Version", "ParamName", "Duration", "Timestamp", "Scalar", "ParamScope", "ParamValues"],
]);

/** Writes schemas for one page. */
export class SchemaText {
  readonly #known: KnownSchemas;
  readonly #page: string;

  constructor(known: KnownSchemas, page: string) {
    this.#known = known;
    this.#page = page;
  }

  /** What a value looks like, in a few words. */
  typeOf(schema: Schema): string {
    return this.#known.find(schema) ? this.#inside(schema) : this.ownTypeOf(schema);
  }

  /** The same for the section of the schema itself, where a link would lead to where one is. */
  ownTypeOf(schema: Schema): string {
    switch (schema.type) {
      case "string":
        return `text${bounds(schema.minLength, schema.maxLength, "characters")}`;
      case "array":
        return `list of ${this.#inside(schema.items ?? {})}${bounds(schema.minItems, schema.maxItems, "items")}`;
      case "object":
        if (!schema.properties)
          return `${this.#map(schema)}${bounds(undefined, schema.maxProperties, "entries")}`;
    }
    return this.#plain(schema);
  }

  /** A value inside another one: its own limits would be taken for those of the whole. */
  #inside(schema: Schema): string {
    const known = this.#known.find(schema);
    if (!known) return this.#plain(schema);
    const page = known.page === this.#page ? "" : known.page;
    return `[${known.name}](${page}#${anchorOf(known.name)})`;
  }

  #plain(schema: Schema): string {
    if (schema.const !== undefined) return code(String(schema.const));
    if (schema.enum) return alternatives(schema.enum.map((value) => code(String(value))));
    if (schema.anyOf) return alternatives([...new Set(schema.anyOf.map((each) => this.#inside(each)))]);
    switch (schema.type) {
      case "string":
        return "text";
      case "integer":
        return `whole number${range(schema)}`;
      case "number":
        return `number${range(schema)}`;
      case "boolean":
        return "boolean";
      case "null":
        return "`null`";
      case "array":
        return `list of ${this.#inside(schema.items ?? {})}`;
      case "object":
        return schema.properties ? this.#keys(schema) : this.#map(schema);
      default:
        return "anything";
    }
  }

  #keys({ properties = {}, required = [] }: Schema): string {
    const keys = Object.keys(properties).map((key) => code(required.includes(key) ? key : `${key}?`));
    return `object of ${keys.join(", ")}`;
  }

  #map({ propertyNames, patternProperties, additionalProperties }: Schema): string {
    const value =
      Object.values(patternProperties ?? {})[0] ??
      (typeof additionalProperties === "object" ? additionalProperties : {});
    const shown = this.#inside(value);
    return `map of ${propertyNames ? this.#inside(propertyNames) : "text"} to ${value.anyOf ? `(${shown})` : shown}`;
  }

  /** The rows of an object's fields, those of objects inside included. */
  fields(schema: Schema, prefix = ""): string[][] {
    const rows: string[][] = [];
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const isRequired = schema.required?.includes(name) ?? false;
      const path = `${prefix}${name}`;
      rows.push([
        `${code(path)}${isRequired ? " (required)" : ""}`,
        this.#shownType(field),
        this.meaningOf(field, path),
      ]);
      const inner = this.#inner(field);
      if (inner) rows.push(...this.fields(inner.schema, `${path}${inner.suffix}.`));
    }
    return rows;
  }

  fieldTable(schema: Schema): string {
    return table(["Field", "Value", "Meaning"], this.fields(schema));
  }

  /** An object without a section of its own is shown by the rows that follow. */
  #shownType(field: Schema): string {
    if (!this.#inner(field)) return this.typeOf(field);
    return field.type === "array"
      ? `list of objects${bounds(field.minItems, field.maxItems, "items")}`
      : "object";
  }

  /** The object that a field is, or is a list of, when no section of its own shows it. */
  #inner(field: Schema): { schema: Schema; suffix: string } | undefined {
    if (this.#known.find(field)) return undefined;
    const one = only(field);
    if (!one) return undefined;
    if (one.properties) return { schema: one, suffix: "" };
    const { items } = one;
    return items?.properties && !this.#known.find(items) ? { schema: items, suffix: "[]" } : undefined;
  }

  /** What a field is for. Throws when its schema leaves it without a word about it. */
  meaningOf(field: Schema, path: string): string {
    const known = this.#known.find(field);
    const own = known && !known.isObject ? undefined : (field.description ?? only(field)?.description);
    const meaning = [field.title, own].filter((text) => text !== undefined).join(" ");
    const isToldElsewhere = known !== undefined && !PLAIN.has(known.name);
    if (meaning === "" && !isToldElsewhere && field.const === undefined) {
      throw new Error(`${this.#page}: \`${path}\` has no description; give it one in its schema`);
    }
    return meaning;
  }
}

/** The schema, or the one that it is besides `null`; nothing for a real choice. */
function only(schema: Schema): Schema | undefined {
  const [one, ...others] = schema.anyOf?.filter((each) => each.type !== "null") ?? [schema];
  return others.length > 0 ? undefined : one;
}

function bounds(least: number | undefined, most: number | undefined, what: string): string {
  if (most === undefined) return least ? `, at least ${least} ${what}` : "";
  return least ? `, ${least} to ${most} ${what}` : `, at most ${most} ${what}`;
}

function range({ minimum, maximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return maximum === undefined ? "" : `, at most ${maximum}`;
}
