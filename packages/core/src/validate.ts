// Validates values of any kind (manifests, request bodies, queries) by their schemas, with sentences for people.

import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { ErrorDetail } from "./errors.ts";
import { type Explanation, explain, type SchemaNode } from "./explain.ts";

/** Compiling takes some milliseconds per schema, so it is done at first use and kept as long as the schema. */
const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>();

function validatorOf(schema: TSchema) {
  const known = compiled.get(schema);
  if (known) return known;
  const validator = Compile(schema);
  compiled.set(schema, validator);
  return validator;
}

/** Like `validateValue`; also says which problems are with a key rather than with its value. */
export function problemsOf(schema: TSchema, value: unknown, basePath = ""): Explanation[] {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return [];
  const explained = explain(schema as SchemaNode, value, basePath);
  if (explained.length > 0) return explained;
  return validator
    .Errors(value)
    .map((error) => ({ path: basePath + error.instancePath, message: `this ${error.message}` }));
}

/**
 * All that is wrong with `value`, at most 500 problems; none when it is valid. Each names its place as a JSON pointer
 * below `basePath`, and says what to do.
 */
export function validateValue(schema: TSchema, value: unknown, basePath = ""): ErrorDetail[] {
  return problemsOf(schema, value, basePath).map(({ path, message }) => ({ path, message }));
}
