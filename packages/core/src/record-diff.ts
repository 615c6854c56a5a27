// What differs between two forms of a record, field by field. Stages, tasks, params and whatever else has a name are
// matched by it; secrets are compared, and never told.

import { isMap } from "./is-map.ts";
import { MASK } from "./mask.ts";

export interface FieldChange {
  op: "ADDED" | "REMOVED" | "CHANGED";
  /** E.g. `spec.stages.build.tasks.test.timeout`. */
  path: string;
  /** Unless it is ADDED. */
  before?: unknown;
  /** Unless it is REMOVED. */
  after?: unknown;
}

/** Begins a text that is compared and told as `***`; no text of a document holds a NUL. */
const SECRET = "\0secret:";

/** A secret as a form holds it while it is compared; it must not go anywhere else. */
export function markSecret(plain: string): string {
  return SECRET + plain;
}

/** All differences, in the order of the record; none when both are equal. */
export function changesBetween(before: unknown, after: unknown, path = ""): FieldChange[] {
  const changes: FieldChange[] = [];
  compare(before, after, path, changes);
  return changes;
}

type Fields = Record<string, unknown>;

function compare(before: unknown, after: unknown, path: string, changes: FieldChange[]): void {
  if (before === undefined && after === undefined) return;
  if (before === undefined) changes.push({ op: "ADDED", path, after: told(after) });
  else if (after === undefined) changes.push({ op: "REMOVED", path, before: told(before) });
  else if (isMap(before) && isMap(after)) compareFields(before, after, path, changes);
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, changes);
  else if (before !== after) changes.push({ op: "CHANGED", path, before: told(before), after: told(after) });
}

function compareFields(before: Fields, after: Fields, path: string, changes: FieldChange[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    compare(before[key], after[key], pathOf(path, key), changes);
  }
}

function compareLists(before: unknown[], after: unknown[], path: string, changes: FieldChange[]): void {
  const named = byName(before);
  const others = byName(after);
  if (named && others) {
    compareFields(Object.fromEntries(named), Object.fromEntries(others), path, changes);
    compareOrder([...named.keys()], [...others.keys()], path, changes);
  } else if ([...before, ...after].some((item) => typeof item === "object")) {
    const length = Math.max(before.length, after.length);
    for (let index = 0; index < length; index++) {
      compare(before[index], after[index], `${path}[${index}]`, changes);
    }
  } else if (before.length !== after.length || before.some((item, index) => item !== after[index])) {
    changes.push({ op: "CHANGED", path, before: told(before), after: told(after) });
  }
}

/** What is in both lists, but in another order. */
function compareOrder(before: string[], after: string[], path: string, changes: FieldChange[]): void {
  const kept = before.filter((name) => after.includes(name));
  const moved = after.filter((name) => before.includes(name));
  if (kept.every((name, index) => name === moved[index])) return;
  changes.push({ op: "CHANGED", path: `${path} (order)`, before: kept, after: moved });
}

/** The items by their names; nothing when one has none, or two have the same. */
function byName(items: readonly unknown[]): Map<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const item of items) {
    if (!isMap(item) || typeof item.name !== "string") return undefined;
    named.set(item.name, item);
  }
  return named.size === items.length ? named : undefined;
}

/** The value with its secrets masked. */
function told(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(SECRET) ? MASK : value;
  if (Array.isArray(value)) return value.map(told);
  if (!isMap(value)) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([key, member]) => [key, told(member)]));
}

function pathOf(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}
