// What is said of a key that is missing, or that its schema does not know: what it may have been meant to be, and what to do.

import { calledHere } from "./called-elsewhere.ts";
import { didYouMean } from "./nearest.ts";
import { quoted } from "./quoted.ts";
import type { SchemaNode } from "./schema-node.ts";

/**
 * Keys that the semantics name and that this version does not act on. To ignore them would run a pipeline
 * other than the one that was written.
 */
const PLANNED_KEYS: ReadonlySet<string> = new Set([
  "requiredApproval",
  "approvalId",
  "approval",
  "buildConfig",
]);

/** A key that is required, and what its schema says of it. */
export function missing(key: string, schema: SchemaNode | undefined): string {
  const rule = schema?.description;
  return `${quoted(key)} is missing; add it${rule ? ` (${withoutFullStop(rule)})` : ""}`;
}

/** A key that is not among the known ones; `elsewhere`: keys that are known beside another, with that one. */
export function unknownKey(key: string, known: string[], elsewhere: ReadonlyMap<string, string>): string {
  const partner = elsewhere.get(key);
  if (partner !== undefined) return `${quoted(key)} goes with ${quoted(partner)}; add that, or remove this`;
  if (PLANNED_KEYS.has(key)) {
    const planned = "is planned, but this version does not act on it, so it is refused rather than ignored";
    return `${quoted(key)} ${planned}; remove it`;
  }
  const here = calledHere(key, known);
  if (here !== undefined) return `${quoted(key)} is not known here; ${here}`;
  const remedy =
    didYouMean(key, [...known, ...elsewhere.keys()]) ||
    `; remove it (known are ${known.map((name) => quoted(name)).join(", ")})`;
  return `${quoted(key)} is not known here${remedy}`;
}

/** A description, as a part of a sentence. */
export function withoutFullStop(sentence: string): string {
  return sentence.replace(/\.$/, "");
}
