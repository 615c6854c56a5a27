// Reads a query string by its schema: a query has strings only, so numbers and booleans are read where the
// schema asks for them, and what may be repeated becomes a list.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { validateValue } from "@mflow/core/validate";
import type { TSchema } from "typebox";

type RawQuery = Record<string, string | string[] | undefined>;

/** The part of a JSON Schema that is looked at here. */
interface Shape {
  type?: string;
  properties?: Record<string, Shape>;
}

/** The value that a schema asks for; a text that is none stays a text, and validation names it. */
function readValue(text: string, shape: Shape): unknown {
  if (shape.type === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (shape.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** The values of a query by its schema. Throws BAD_REQUEST that names each wrong or unknown one. */
export function readQuery(schema: TSchema, raw: RawQuery): Record<string, unknown> {
  const properties = (schema as Shape).properties ?? {};
  const query: Record<string, unknown> = {};
  const problems: ErrorDetail[] = [];
  for (const [name, given] of Object.entries(raw)) {
    const shape = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const texts = Array.isArray(given) ? given : [given ?? ""];
    if (shape?.type === "array") query[name] = texts;
    else if (texts.length > 1) problems.push({ path: `/${name}`, message: "is given more than once" });
    else query[name] = shape ? readValue(texts[0] ?? "", shape) : texts[0];
  }
  problems.push(...validateValue(schema, query));
  const [first] = problems;
  if (!first) return query;
  const message = `Query parameter \`${first.path.slice(1) || "?"}\`: ${first.message}`;
  throw new MflowError("BAD_REQUEST", message, problems);
}
