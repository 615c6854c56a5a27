// Validates values of any kind (manifests, request bodies, queries) by their schemas, with sentences for people.

import type { TSchema } from "typebox";
import type { ErrorDetail } from "./errors.ts";
import { explain } from "./explain.ts";
import type { SchemaNode } from "./schema-node.ts";

/**
 * All that is wrong with `value`, at most 500 problems; none when it is valid. Each names its place as a JSON pointer
 * below `basePath`, and says what to do.
 */
export function validateValue(schema: TSchema, value: unknown, basePath = ""): ErrorDetail[] {
  return explain(schema as SchemaNode, value, basePath).map(({ path, message }) => ({ path, message }));
}
