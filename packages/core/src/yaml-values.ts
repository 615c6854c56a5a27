// One parsed YAML document as a plain value, with the places of its parts.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { below, segmentsOf } from "./pointer.ts";
import { quoted } from "./quoted.ts";

/** Both from 1; columns count UTF-16 code units, as editors do. */
export interface Position {
  line: number;
  column: number;
}

interface PlacedMessage extends Position {
  path: string;
  message: string;
}

export interface YamlDocument {
  /** From 0 among the documents of the text that are not empty. */
  readonly index: number;
  /** Maps are plain objects, lists are arrays. What an alias repeats is the same object. */
  readonly value: unknown;
  /** What reads otherwise than it is written, e.g. `1.10` as a number. */
  readonly warnings: PlacedMessage[];
  /**
   * Where a value stands: a single value itself, a map or list by its key. With `atKey` the key always. The place of
   * the nearest value around it when there is none at the pointer.
   */
  locate(pointer: string, atKey?: boolean): Position;
  /** Where a place inside a text value stands: exact in a block `|`, else where the text begins. */
  locateInText(pointer: string, inside: Position): Position;
}

/** What a part of the document comes to. */
interface Measured {
  value: unknown;
  /** Characters, roughly, with all aliases written out. */
  size: number;
  /** Levels of lists and maps, with all aliases written out. */
  height: number;
}

const MAX_PROBLEMS = 100;

/** The text that a document was parsed from. */
interface Source {
  text: string;
  lines: LineCounter;
  index: number;
  limits: { depth: number; aliasCharacters: number };
}

export class YamlReading implements YamlDocument {
  readonly index: number;
  readonly value: unknown;
  readonly empty: boolean;
  readonly problems: PlacedMessage[] = [];
  readonly warnings: PlacedMessage[] = [];
  readonly #root: Node | null;
  readonly #source: Source;
  /** Characters that aliases may still add. */
  #budget: number;
  /** What each anchor stands for at this place of the document: a later anchor of the same name replaces it. */
  readonly #anchors = new Map<string, Measured & { node: Node }>();
  readonly #targets = new Map<Alias, Node>();

  constructor(document: Document.Parsed, source: Source) {
    this.#root = document.contents;
    this.#source = source;
    this.#budget = source.limits.aliasCharacters;
    this.index = source.index;
    this.empty = isNothing(this.#root);
    this.value = this.#root ? this.#read(this.#root, "", 0).value : null;
  }

  #problem(node: Node | null, path: string, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ path, message, ...this.#positionOf(node) });
  }

  #positionOf(node: Node | null): Position {
    const { line, col } = this.#source.lines.linePos(node?.range?.[0] ?? 0);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #read(node: Node, path: string, depth: number): Measured {
    if (isAlias(node)) return this.#readAlias(node, path, depth);
    const measured = this.#readContent(node, path, depth);
    const anchor = "anchor" in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, { ...measured, node });
    return measured;
  }

  #readAlias(alias: Alias, path: string, depth: number): Measured {
    const nothing = { value: null, size: 0, height: 0 };
    const target = this.#anchors.get(alias.source);
    if (!target) {
      const rule = `\`*${alias.source}\` repeats what \`&${alias.source}\` marks, which must end before it`;
      this.#problem(alias, path, `${rule}; mark it first`);
      return nothing;
    }
    this.#targets.set(alias, target.node);
    const before = this.#budget;
    this.#budget -= target.size;
    if (this.#budget < 0) {
      if (before >= 0)
        this.#problem(alias, path, "the aliases make the document larger than 1 MiB; repeat less");
      return nothing;
    }
    if (depth + target.height > this.#source.limits.depth) {
      this.#problem(
        alias,
        path,
        `this alias nests the document more than ${this.#source.limits.depth} levels deep`,
      );
      return nothing;
    }
    return { value: target.value, size: target.size, height: target.height };
  }

  #readContent(node: Node, path: string, depth: number): Measured {
    if (isScalar(node)) return this.#readScalar(node, path);
    const value: unknown[] = [];
    let size = 2;
    let height = 0;
    if (isMap(node)) return this.#readMap(node, path, depth);
    if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const child = this.#read(item as Node, below(path, index), depth + 1);
        value.push(child.value);
        size += child.size + 1;
        height = Math.max(height, child.height);
      }
    }
    return { value, size, height: height + 1 };
  }

  #readMap(map: YAMLMap, path: string, depth: number): Measured {
    const value: Record<string, unknown> = {};
    const firstPlaces = new Map<string, Node>();
    let size = 2;
    let height = 0;
    for (const pair of map.items) {
      const keyNode = pair.key as Node;
      const key = keyOf(pair);
      const childPath = below(path, key);
      const first = firstPlaces.get(key);
      const refusal = first ? this.#duplicate(key, first) : refusedKey(key);
      if (refusal) this.#problem(keyNode, childPath, refusal);
      else firstPlaces.set(key, keyNode);
      const child = pair.value
        ? this.#read(pair.value as Node, childPath, depth + 1)
        : { value: null, size: 4, height: 0 };
      if (!refusal) value[key] = child.value;
      size += key.length + child.size + 2;
      height = Math.max(height, child.height);
    }
    return { value, size, height: height + 1 };
  }

  #duplicate(key: string, first: Node): string {
    return `${quoted(key)} is given twice, first in line ${this.#positionOf(first).line}; remove one of them`;
  }

  #readScalar(scalar: Scalar, path: string): Measured {
    const { value, source } = scalar;
    if (typeof value === "string") {
      if (value.includes("\0") || !value.isWellFormed()) {
        this.#problem(
          scalar,
          path,
          "the text holds characters that cannot be kept (NUL or half a surrogate pair)",
        );
      }
      return { value, size: value.length + 2, height: 0 };
    }
    if (typeof value === "number") {
      if (!Number.isFinite(value)) {
        this.#problem(
          scalar,
          path,
          `${quoted(source ?? "")} is not a finite number; put it in quotes if it is text`,
        );
      } else if (source !== undefined && String(value) !== source) {
        const message = `${quoted(source)} is read as the number ${value}; put it in quotes if it is text`;
        this.warnings.push({ path, message, ...this.#positionOf(scalar) });
      }
    }
    return { value, size: (source ?? "").length + 1, height: 0 };
  }

  locate(pointer: string, atKey = false): Position {
    const { key, value } = this.#find(pointer);
    const single = value !== null && !isNothing(value) && (isScalar(value) || isAlias(value));
    return this.#positionOf(key && (atKey || !single) ? key : (value ?? key));
  }

  locateInText(pointer: string, inside: Position): Position {
    const begin = this.locate(pointer);
    const { value: found } = this.#find(pointer);
    const node = found && isAlias(found) ? this.#targets.get(found) : found;
    if (!isScalar(node) || node.type !== "BLOCK_LITERAL" || typeof node.value !== "string") return begin;
    const header = this.#positionOf(node).line;
    const line = header + inside.line;
    const written = this.#source.text
      .slice(this.#source.lines.lineStarts[line - 1] ?? this.#source.text.length)
      .split(/\r?\n/, 1)[0];
    const text = node.value.split("\n", inside.line)[inside.line - 1];
    if (written === undefined || text === undefined || !written.endsWith(text)) return begin;
    return { line, column: written.length - text.length + inside.column };
  }

  /** Key and value at the pointer, or of the nearest place around it. */
  #find(pointer: string): { key: Node | null; value: Node | null } {
    let key: Node | null = null;
    let value = this.#root;
    for (const segment of segmentsOf(pointer)) {
      const holder = value && isAlias(value) ? (this.#targets.get(value) ?? null) : value;
      if (isMap(holder)) {
        const pair = holder.items.find((item) => keyOf(item) === segment);
        if (!pair) break;
        key = pair.key as Node;
        value = pair.value as Node | null;
      } else if (isSeq(holder) && holder.items[Number(segment)]) {
        key = null;
        value = holder.items[Number(segment)] as Node;
      } else break;
    }
    return { key, value };
  }
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function refusedKey(key: string): string | undefined {
  if (key === "__proto__") return "`__proto__` is not allowed as a key; rename it";
  if (key === "<<")
    return "merge keys `<<` are not part of YAML 1.2; write the keys out, or repeat a whole value with `*`";
  if (key.includes("\0") || !key.isWellFormed())
    return "this key holds characters that cannot be kept; rename it";
  return undefined;
}

/** Whether nothing at all is written there. */
function isNothing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? "") === "");
}
