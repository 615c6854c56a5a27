// Builds the schemas: plain JSON Schema, with TypeBox's types. Of TypeBox only the types are used. To load its 683
// modules would cost every start 0.2 s and 33 MB, and what a schema allows is decided by `explain` anyway.

import type { TSchema, Type as TypeBox } from "typebox";

/** The builders that the schemas here use. */
type Builders = Pick<
  typeof TypeBox,
  | "Array"
  | "Boolean"
  | "Enum"
  | "Integer"
  | "Literal"
  | "Null"
  | "Number"
  | "Object"
  | "Optional"
  | "Record"
  | "String"
  | "Union"
  | "Unknown"
  | "With"
>;

/** Marks a schema whose key may be missing. Not part of the JSON Schema: there the map lists what is required. */
const OPTIONAL = Symbol("optional");

type Schema = TSchema & { [OPTIONAL]?: true; pattern?: string };
type Options = Record<string, unknown>;

const plain =
  (type: string) =>
  (options: Options = {}) => ({ type, ...options });

const builders = {
  Array: (items: Schema, options: Options = {}) => ({ type: "array", items, ...options }),
  Boolean: plain("boolean"),
  Enum: (values: readonly unknown[], options: Options = {}) => ({ enum: values, ...options }),
  Integer: plain("integer"),
  Literal: (value: string | number | boolean, options: Options = {}) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Null: plain("null"),
  Number: plain("number"),
  Object(properties: Record<string, Schema>, options: Options = {}) {
    const required = Object.keys(properties).filter((key) => !properties[key]?.[OPTIONAL]);
    return { type: "object", ...(required.length > 0 && { required }), properties, ...options };
  },
  Optional: (schema: Schema) => ({ ...schema, [OPTIONAL]: true }),
  Record: (keys: Schema, value: Schema, options: Options = {}) => ({
    type: "object",
    patternProperties: { [keys.pattern ?? "^.*$"]: value },
    ...options,
  }),
  String: plain("string"),
  Union: (anyOf: readonly Schema[], options: Options = {}) => ({ anyOf, ...options }),
  Unknown: (options: Options = {}) => ({ ...options }),
  With: (schema: Schema, options: Options) => ({ ...schema, ...options }),
};

// The builders' own types say nothing of what they build: those of TypeBox do.
export const Type = builders as unknown as Builders;
