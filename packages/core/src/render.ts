// TEMPLATE params replace `${NAME}` in a runner spec (semantics, section 2): inside scalars that are parsed
// already, never in raw text and never in keys, so that no value can change what the spec means.

import { booleanOf, numberOf } from "./check-params.ts";
import type { EffectiveParam, RunParam } from "./schema/param.ts";

/** `${NAME}`, or with another `$` before it the escape that stands for a literal `${NAME}`. */
const REFERENCE = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const WHOLE_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** What a reference is replaced by. */
interface Replacement {
  text: string;
  /** In the type of the param, for a scalar that is one whole reference. */
  typed: string | number | boolean;
}

/**
 * The spec with the references to TEMPLATE params replaced. A scalar that is one whole reference becomes a
 * number or boolean when the param is one; inside a longer scalar a value is text. `$${X}` becomes a literal
 * `${X}`. What was put in is not looked at again. References to anything else stay as they are, because they
 * may be meant for a shell; keys stay too.
 *
 * `params` holds those that have a value. With `declared`, references to TEMPLATE params that have none become
 * empty text; without it they stay.
 */
export function renderSpec(
  spec: Record<string, unknown>,
  params: readonly EffectiveParam[],
  declared: readonly RunParam[] = [],
): Record<string, unknown> {
  const replacements = new Map<string, Replacement>();
  for (const { name, usageType } of declared) {
    if (usageType === "TEMPLATE") replacements.set(name, { text: "", typed: "" });
  }
  for (const param of params) {
    if (param.usageType === "TEMPLATE") {
      replacements.set(param.name, { text: param.value, typed: typedValue(param) });
    }
  }
  return renderObject(spec, replacements);
}

function typedValue({ value, valueType }: EffectiveParam): string | number | boolean {
  if (valueType === "NUMBER") return numberOf(value) ?? value;
  if (valueType === "BOOLEAN") return booleanOf(value) ?? value;
  return value;
}

type Replacements = ReadonlyMap<string, Replacement>;

function renderNode(node: unknown, replacements: Replacements): unknown {
  if (typeof node === "string") return node.includes("${") ? renderScalar(node, replacements) : node;
  if (typeof node !== "object" || node === null) return node;
  if (Array.isArray(node)) return node.map((item) => renderNode(item, replacements));
  return renderObject(node as Record<string, unknown>, replacements);
}

function renderObject(node: Record<string, unknown>, replacements: Replacements): Record<string, unknown> {
  // A copy keeps a key `__proto__` as a key like any other; assigning it to an empty object would not.
  const rendered = { ...node };
  for (const key of Object.keys(rendered)) rendered[key] = renderNode(rendered[key], replacements);
  return rendered;
}

function renderScalar(scalar: string, replacements: Replacements): string | number | boolean {
  const whole = WHOLE_REFERENCE.exec(scalar)?.[1];
  if (whole !== undefined) return replacements.get(whole)?.typed ?? scalar;
  return scalar.replace(REFERENCE, (match: string, dollar: string, name: string) =>
    dollar ? match.slice(1) : (replacements.get(name)?.text ?? match),
  );
}

/** A `${NAME}` in a spec, whether or not a param of that name is declared. */
export interface TemplateReference {
  name: string;
  /** JSON pointer to the scalar, or to the entry whose key it is in. */
  pointer: string;
  inKey: boolean;
  /** The scalar or key is this reference and nothing else. */
  whole: boolean;
}

/** All references in a spec in the order of the document, for `lint`. Escaped ones are no references. */
export function templateReferences(spec: Record<string, unknown>): TemplateReference[] {
  const found: TemplateReference[] = [];
  const scan = (text: string, pointer: string, inKey: boolean) => {
    for (const [, dollar, name] of text.matchAll(REFERENCE)) {
      if (dollar || name === undefined) continue;
      found.push({ name, pointer, inKey, whole: WHOLE_REFERENCE.test(text) });
    }
  };
  const visit = (node: unknown, pointer: string) => {
    if (typeof node === "string") return scan(node, pointer, false);
    if (typeof node !== "object" || node === null) return;
    const isArray = Array.isArray(node);
    for (const [key, child] of Object.entries(node)) {
      const childPointer = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      if (!isArray) scan(key, childPointer, true);
      visit(child, childPointer);
    }
  };
  visit(spec, "");
  return found;
}
