// Whether a value of which nothing is known yet, from YAML, JSON or a caller, has keys.

/** Neither a list nor a single value. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
