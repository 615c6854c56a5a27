// A schema as data, and what it says of a value at first sight: which types it takes, what may be chosen, and for which of
// its branches a map was meant.

/** The part of JSON Schema that the schemas here use; a test finds keywords that are not among them. */
export interface SchemaNode {
  type?: string;
  description?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: boolean | SchemaNode;
  patternProperties?: Record<string, SchemaNode>;
  propertyNames?: SchemaNode;
  maxProperties?: number;
  items?: SchemaNode;
  minItems?: number;
  maxItems?: number;
  anyOf?: SchemaNode[];
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
}

/** Of maps that differ by a constant such as `kind`: the one that the value names, or what it could name. */
export function kindOf(branches: SchemaNode[], value: Record<string, unknown>) {
  if (branches.length < 2) return undefined;
  const key = Object.keys(branches[0]?.properties ?? {}).find((name) =>
    branches.every((branch) => branch.properties?.[name]?.const !== undefined),
  );
  if (key === undefined) return undefined;
  const options = branches.map((branch) => branch.properties?.[key]?.const);
  return { key, options, value: value[key], branch: branches[options.indexOf(value[key])] };
}

/** The keys that a branch needs and that no other branch knows. */
export function marksOf(branch: SchemaNode, branches: readonly SchemaNode[]): string[] {
  const others = branches.filter((other) => other !== branch);
  return (branch.required ?? []).filter((key) =>
    others.every((other) => !Object.hasOwn(other.properties ?? {}, key)),
  );
}

/**
 * Of maps of which some have a key of their own that they need, such as `extends`: the one whose key the value has, else
 * the one that has none.
 */
export function markedBranch(
  branches: readonly SchemaNode[],
  value: Record<string, unknown>,
): SchemaNode | undefined {
  if (branches.length < 2 || !branches.every(({ properties }) => properties)) return undefined;
  const marked = branches.find((branch) =>
    marksOf(branch, branches).some((key) => Object.hasOwn(value, key) && value[key] !== undefined),
  );
  const unmarked = branches.filter((branch) => marksOf(branch, branches).length === 0);
  return marked ?? (unmarked.length === 1 ? unmarked[0] : undefined);
}

/** What a constant or a list of fixed values allows. */
export function choicesOf(schema: SchemaNode): unknown[] {
  return schema.const !== undefined ? [schema.const] : (schema.enum ?? []);
}

/** Whether a text, number or boolean can satisfy the schema. */
export function isSingle(schema: SchemaNode): boolean {
  if (schema.anyOf) return schema.anyOf.some(isSingle);
  return schema.type !== "object" && schema.type !== "array";
}

/** Its type as JSON Schema names it; `null` also of what is not there. */
export function jsonType(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Whether a value has a type that the schema takes; what else it asks for is not looked at. */
export function acceptsType(schema: SchemaNode, value: unknown): boolean {
  if (schema.anyOf) return schema.anyOf.some((branch) => acceptsType(branch, value));
  const choices = choicesOf(schema);
  if (choices.length > 0) return choices.some((choice) => typeof choice === typeof value);
  const type = schema.type === "integer" ? "number" : schema.type;
  return type === undefined || type === jsonType(value);
}
