// Says in sentences what is wrong with a value that its schema refuses: the place, what was expected, what is
// there, what to do. It walks schema and value itself, because a library's errors name keywords, not remedies, and
// of a union they tell only that nothing matched. So it decides what is valid, too: a second walk, by a library,
// would make every start load 0.2 s of code. Tests hold it to the library's verdicts.

import { missing, unknownKey, withoutFullStop } from "./explain-keys.ts";
import { isMap } from "./is-map.ts";
import { didYouMean } from "./nearest.ts";
import { below, segmentsOf } from "./pointer.ts";
import { alternatives, quoted } from "./quoted.ts";
import {
  acceptsType,
  choicesOf,
  isSingle,
  jsonType,
  kindOf,
  markedBranch,
  marksOf,
  type SchemaNode,
} from "./schema-node.ts";

export interface Explanation {
  /** JSON pointer. */
  path: string;
  message: string;
  /** The key itself is wrong, not its value. */
  atKey?: boolean;
}

export interface ExplainOptions {
  /** Texts that stand for a value that is not known yet; they are accepted wherever a single value is expected. */
  standsForValue?: (text: string) => boolean;
}

/** More than these help nobody. */
const MAX_EXPLANATIONS = 500;

class Explainer {
  readonly found: Explanation[] = [];
  readonly #options: ExplainOptions;
  /** Paths of the lists on the way: a number below one of them is an index, below a map it is a key. */
  readonly #lists: Set<string>;

  constructor(options: ExplainOptions, lists = new Set<string>()) {
    this.#options = options;
    this.#lists = lists;
  }

  /** How a sentence names a place: its key, or its number in the list. */
  #place(path: string): string {
    const last = segmentsOf(path).at(-1);
    if (last === undefined) return "this";
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!this.#lists.has(parent)) return quoted(last);
    const list = segmentsOf(parent).at(-1);
    const item = `item ${Number(last) + 1}`;
    return list === undefined || this.#lists.has(parent.slice(0, parent.lastIndexOf("/")))
      ? item
      : `${item} of ${quoted(list)}`;
  }

  private get full(): boolean {
    return this.found.length >= MAX_EXPLANATIONS;
  }

  private add(path: string, message: string, atKey = false): void {
    if (!this.full) this.found.push(atKey ? { path, message, atKey } : { path, message });
  }

  value(schema: SchemaNode, value: unknown, path: string): void {
    if (this.full) return;
    if (typeof value === "string" && isSingle(schema) && this.#options.standsForValue?.(value)) return;
    if (schema.anyOf) this.union(schema, schema.anyOf, value, path);
    else if (schema.const !== undefined || schema.enum) this.choice(schema, value, path);
    else if (!acceptsType(schema, value)) this.add(path, wrongType(schema, value, this.#place(path)));
    else if (typeof value === "string") this.text(schema, value, path);
    else if (typeof value === "number") this.number(schema, value, path);
    else if (Array.isArray(value)) this.list(schema, value, path);
    else if (isMap(value)) this.map(schema, value, path);
  }

  /** `elsewhere`: keys of other maps that may stand here, each with the key that goes with it. */
  private map(
    schema: SchemaNode,
    value: Record<string, unknown>,
    path: string,
    elsewhere: ReadonlyMap<string, string> = new Map(),
  ): void {
    const properties = schema.properties ?? {};
    const keys = Object.keys(value);
    if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) {
      this.add(
        path,
        `${this.#place(path)} has ${keys.length} entries; at most ${schema.maxProperties} are allowed`,
      );
    }
    for (const key of schema.required ?? []) {
      // A key whose value is left undefined is a missing one.
      if (!Object.hasOwn(value, key) || value[key] === undefined) {
        this.add(below(path, key), missing(key, properties[key]));
      }
    }
    const ofRecord = Object.values(schema.patternProperties ?? {})[0];
    for (const key of keys) {
      if (this.full) return;
      const keyPath = below(path, key);
      if (value[key] === undefined) continue;
      if (Object.hasOwn(properties, key)) this.value(properties[key] ?? {}, value[key], keyPath);
      else if (ofRecord) {
        if (schema.propertyNames) this.key(schema.propertyNames, key, keyPath);
        this.value(ofRecord, value[key], keyPath);
      } else if (schema.additionalProperties === false) {
        this.add(keyPath, unknownKey(key, Object.keys(properties), elsewhere), true);
      }
    }
  }

  private key(schema: SchemaNode, key: string, path: string): void {
    const explainer = new Explainer({});
    explainer.text(schema, key, path);
    const wrong = explainer.found[0];
    if (wrong) this.add(path, `${quoted(key)} is not allowed as a name here: ${ruleOf(schema)}`, true);
  }

  private list(schema: SchemaNode, value: unknown[], path: string): void {
    const { minItems = 0, maxItems } = schema;
    if (value.length < minItems)
      this.add(path, `${this.#place(path)} needs at least ${countOf(minItems, "item")}`);
    if (maxItems !== undefined && value.length > maxItems) {
      this.add(path, `${this.#place(path)} has ${value.length} items; at most ${maxItems} are allowed`);
      return;
    }
    this.#lists.add(path);
    for (let index = 0; index < value.length && !this.full; index++) {
      if (schema.items) this.value(schema.items, value[index], below(path, index));
    }
  }

  private text(schema: SchemaNode, value: string, path: string): void {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
    if (value.length < minLength) this.add(path, `${this.#place(path)} is empty; give it a value`);
    else if (value.length > maxLength && [...value].length > maxLength) {
      const length = `${[...value].length} characters long; at most ${maxLength} are allowed`;
      this.add(path, `${this.#place(path)} is ${length}`);
    } else if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
      this.add(path, `${this.#place(path)} cannot be ${quoted(value)}: ${ruleOf(schema)}`);
    }
  }

  private number(schema: SchemaNode, value: number, path: string): void {
    const place = this.#place(path);
    if (!Number.isFinite(value)) this.add(path, `${place} must be a finite number`);
    else if (schema.type === "integer" && !Number.isInteger(value)) {
      this.add(path, `${place} must be a whole number, but is ${value}`);
    } else if (schema.minimum !== undefined && value < schema.minimum) {
      this.add(path, `${place} must be at least ${schema.minimum}, but is ${value}`);
    } else if (schema.maximum !== undefined && value > schema.maximum) {
      this.add(path, `${place} must be at most ${schema.maximum}, but is ${value}`);
    }
  }

  /** A constant, or one of fixed values. */
  private choice(schema: SchemaNode, value: unknown, path: string): void {
    const options = choicesOf(schema);
    if (options.includes(value)) return;
    const listed = `${this.#place(path)} must be ${alternatives(options.map((option) => quoted(String(option))))}`;
    const names = options.filter((option) => typeof option === "string");
    if (typeof value === "string")
      this.add(path, `${listed}, but is ${quoted(value)}${didYouMean(value, names)}`);
    else this.add(path, `${listed}, but is ${typeWord(value)}`);
  }

  /** Reports only what is wrong with the branch that the value was meant for. */
  private union(schema: SchemaNode, branches: SchemaNode[], value: unknown, path: string): void {
    const fitting = branches.filter((branch) => acceptsType(branch, value));
    if (fitting.length === 0) {
      this.add(path, wrongType(schema, value, this.#place(path)));
      return;
    }
    if (fitting.every((branch) => choicesOf(branch).length > 0)) {
      if (fitting.some((branch) => choicesOf(branch).includes(value))) return;
      const wanted = alternatives([...new Set(branches.flatMap(wantedWords))]);
      this.add(path, `${this.#place(path)} must be ${wanted}, but is ${quoted(String(value))}`);
      return;
    }
    const kind = isMap(value) ? kindOf(fitting, value) : undefined;
    if (kind?.branch) this.value(kind.branch, value, path);
    else if (kind) this.choice({ enum: kind.options }, kind.value, below(path, kind.key));
    else if (isMap(value) && markedBranch(fitting, value)) this.marked(fitting, value, path);
    else this.nearestBranch(fitting, value, path);
  }

  /** What is wrong by the branch that the value's keys tell; a key of another one is told with the key that goes with it. */
  private marked(branches: SchemaNode[], value: Record<string, unknown>, path: string): void {
    const branch = markedBranch(branches, value) ?? {};
    const elsewhere = new Map<string, string>();
    for (const other of branches) {
      const [mark] = marksOf(other, branches);
      if (other === branch || mark === undefined) continue;
      for (const key of Object.keys(other.properties ?? {})) elsewhere.set(key, mark);
    }
    this.map(branch, value, path, elsewhere);
  }

  private nearestBranch(branches: SchemaNode[], value: unknown, path: string): void {
    let fewest: Explanation[] | undefined;
    for (const branch of branches) {
      const explainer = new Explainer(this.#options, this.#lists);
      explainer.value(branch, value, path);
      if (!fewest || explainer.found.length < fewest.length) fewest = explainer.found;
    }
    for (const { path: place, message, atKey } of fewest ?? []) this.add(place, message, atKey);
  }
}

const typeWords: Record<string, string> = {
  null: "empty",
  array: "a list",
  object: "a map",
  string: "text",
  number: "a number",
  integer: "a whole number",
};

function typeWord(value: unknown): string {
  return typeof value === "boolean" ? `\`${value}\`` : (typeWords[jsonType(value)] ?? jsonType(value));
}

/** What the schema asks for, in words. */
function wantedWords(schema: SchemaNode): string[] {
  if (schema.anyOf) return [...new Set(schema.anyOf.flatMap(wantedWords))];
  const choices = choicesOf(schema);
  if (choices.length > 0) return choices.map((choice) => quoted(String(choice)));
  if (schema.type === "boolean") return ["`true`", "`false`"];
  return [typeWords[schema.type ?? ""] ?? "a value"];
}

function wrongType(schema: SchemaNode, value: unknown, place: string): string {
  const wanted = alternatives(wantedWords(schema));
  if (value === null || value === undefined) return `${place} is empty; it must be ${wanted}`;
  return `${place} must be ${wanted}, but is ${typeWord(value)}${typeHint(schema, value)}`;
}

/** Whether the number would be a duration, had it a unit; quotes alone make it none. */
function lacksUnit({ pattern }: SchemaNode, value: number): boolean {
  if (pattern === undefined) return false;
  const rule = new RegExp(pattern);
  return !rule.test(`${value}`) && rule.test(`${value}s`);
}

/** What to do about a type that is easily mistaken in YAML. */
function typeHint(schema: SchemaNode, value: unknown): string {
  const accepts = (example: unknown) => acceptsType(schema, example);
  const wrapped = wrappedValue(schema, value);
  if (wrapped !== undefined) return `; write ${quoted(wrapped)}`;
  if (typeof value === "number" && lacksUnit(schema, value)) return `; add the unit, e.g. \`${value}s\``;
  if ((typeof value === "number" || typeof value === "boolean") && accepts("")) return "; put it in quotes";
  if (typeof value !== "string") return "";
  if (accepts(true) && /^(true|false)$/.test(value)) return "; remove the quotes";
  if (accepts(true)) return "; write `true` or `false`";
  if (accepts(1) && /^-?\d+(\.\d+)?$/.test(value)) return "; remove the quotes";
  return "";
}

/** The map or list that was meant by a single value: `retry: 3`, `needs: build`, `queue: true`. */
function wrappedValue(schema: SchemaNode, value: unknown): string | undefined {
  if (!["string", "number", "boolean"].includes(typeof value)) return undefined;
  const branches = schema.anyOf ?? [schema];
  const map = branches.find(({ type }) => type === "object");
  const list = branches.find(({ type }) => type === "array");
  const text = /^[A-Za-z][\w./:-]*$|^\d+[a-z]*$/.test(String(value)) ? String(value) : JSON.stringify(value);
  if (map?.properties) {
    const { properties, required = [] } = map;
    const [key] = required.length > 0 ? required : Object.keys(properties);
    if (value === true && required.length === 0 && !isRight(properties[key ?? ""], true)) return "{}";
    return key !== undefined && required.length < 2 && isRight(properties[key], value)
      ? `{ ${key}: ${text} }`
      : undefined;
  }
  return list?.items && isRight(list.items, value) ? `[${text}]` : undefined;
}

function isRight(schema: SchemaNode | undefined, value: unknown): boolean {
  return schema !== undefined && explain(schema, value, "").length === 0;
}

function ruleOf(schema: SchemaNode): string {
  if (schema.description) return withoutFullStop(schema.description);
  return `it must match ${quoted(schema.pattern ?? "")}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * What is wrong with a value by its schema, at most 500 sentences; none when it is right.
 */
export function explain(
  schema: SchemaNode,
  value: unknown,
  path: string,
  options: ExplainOptions = {},
): Explanation[] {
  const explainer = new Explainer(options);
  explainer.value(schema, value, path);
  return explainer.found;
}
