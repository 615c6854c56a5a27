// The building blocks every other schema uses: names, ids, durations, times, labels, scopes.

import type { Static, TObject, TProperties, TSchema, TString, TUnsafe } from "typebox";
import { Type } from "./type.ts";

/** An object schema that refuses keys it does not know, so that a typing error never passes silently. */
export function closed<P extends TProperties>(properties: P, options: object = {}): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A map whose keys are checked too: a plain record lets keys pass, unseen, that do not fit its key schema. */
export function mapOf<V extends TSchema>(keys: TString, value: V, options: object = {}) {
  return Type.Record(Type.String(), value, { propertyNames: keys, ...options });
}

/**
 * The schema with a title: what a field is for, where the schema's description says what its values look like. The
 * reference, editors and the API's document show both.
 */
export function titled<T extends TSchema>(title: string, schema: T): T {
  return Type.With(schema, { title }) as T;
}

/** A string schema of fixed upper-case values. */
export function oneOf<const V extends readonly string[]>(values: V, description?: string) {
  return Type.Enum(values as unknown as string[], description ? { description } : {}) as unknown as TUnsafe<
    V[number]
  >;
}

export const NAME_PATTERN = "^[a-z0-9][a-z0-9_-]*$";

/** Name of a job, pipeline, stage, task, domain, namespace, user or group. */
export const Name = Type.String({
  pattern: NAME_PATTERN,
  maxLength: 63,
  description: "Lower-case letters, digits, `_` and `-`, at most 63; starts with a letter or digit.",
});

export const Version = Type.String({
  pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]*$",
  maxLength: 63,
  description:
    "A version such as `v1` or `1.4.0`; `latest` and ranges such as `1.x` are no versions but ways to refer to one.",
});

/** Name of a run param or runtime env; usable as an environment variable. */
export const ParamName = Type.String({
  pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
  maxLength: 128,
  description: "Letters, digits and `_`; does not start with a digit.",
});

export const Duration = Type.String({
  pattern: "^([0-9]+(ms|s|m|h|d))+$",
  maxLength: 32,
  description: "A duration such as `90s`, `15m` or `1h30m`.",
});

/** RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Timestamp = Type.String({
  maxLength: 40,
  description: "RFC 3339, UTC, milliseconds, e.g. `2026-03-01T12:00:00.000Z`.",
});

/** Key of a label or an extension. */
export const FreeKey = Type.String({
  pattern: "^[^\\u0000-\\u001f]+$",
  maxLength: 128,
  description: "A key has 1 to 128 characters, and no line breaks or other control characters.",
});

export const Labels = mapOf(FreeKey, Type.String({ maxLength: 512 }), {
  maxProperties: 64,
  description: "Free key-value pairs to find things by.",
});
export type Labels = Static<typeof Labels>;

/** Free key-value data that mflow stores and returns unread. */
export const Extension = mapOf(FreeKey, Type.String({ maxLength: 4096 }), {
  maxProperties: 64,
  description: "Key-value data that mflow stores and returns without reading it.",
});
export type Extension = Static<typeof Extension>;

export const DEFAULT_DOMAIN = "default";
export const DEFAULT_NAMESPACE = "default";

/** `domain` and `namespace` as documents and queries give them. */
export const scopeProperties = {
  domain: Type.Optional(titled("Domain that it belongs to (default `default`).", Name)),
  namespace: Type.Optional(titled("Namespace in the domain (default `default`).", Name)),
};

/** Where a record lives; both parts are `default` unless said. */
export interface Scope {
  domain: string;
  namespace: string;
}

export const DEFAULT_SCOPE: Scope = { domain: DEFAULT_DOMAIN, namespace: DEFAULT_NAMESPACE };
