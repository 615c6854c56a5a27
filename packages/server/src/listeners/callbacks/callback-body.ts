// Reads what is in the body of a callback: nothing of it need be what the platform documents.

import { jsonObject } from "../json-object.ts";
import { CallbackRefusal } from "./callback.ts";

/** The JSON of a text that was verified; throws when it is not an object. */
export function parseObject(text: string): Record<string, unknown> {
  const value = jsonObject(text);
  if (value) return value;
  throw new CallbackRefusal("the body is not what the platform documents");
}

/** A member that is an object; an empty one where it is not. */
export function objectAt(value: Record<string, unknown>, key: string): Record<string, unknown> {
  const member = value[key];
  return member !== null && typeof member === "object" ? (member as Record<string, unknown>) : {};
}

/** A member that is a text; nothing where it is not, or empty. */
export function textAt(value: Record<string, unknown>, key: string): string | undefined {
  const member = value[key];
  return typeof member === "string" && member !== "" ? member : undefined;
}
