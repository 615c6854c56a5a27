// The chain of pipelines that start each other: its depth, its cycles, and what a run hands to the one that follows it
// (semantics, section 5). Pure.

import { MflowError } from "./errors.ts";
import { restoreMasked } from "./params.ts";
import { formatPipelineRef } from "./reference.ts";
import { MAX_CHAIN, type NextPipeline } from "./schema/chain.ts";
import { type ParamValue, paramValueList } from "./schema/param.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";

/** The chain of a run that this one starts. */
export function chainBelow(run: Pick<PipelineTask, "chain" | "name" | "namespace" | "domain">): string[] {
  const { chain = [], name, namespace, domain } = run;
  return [...chain, formatPipelineRef({ name, namespace, domain })];
}

/** The circle that a pipeline closes in a chain, with itself at both ends; nothing when it closes none. */
export function cycleOf(chain: readonly string[], pipeline: string): string[] | undefined {
  const at = chain.indexOf(pipeline);
  return at < 0 ? undefined : [...chain.slice(at), pipeline];
}

/** Refuses a pipeline that starts itself again, CHAIN_CYCLE, or a chain that is too long, CHAIN_TOO_DEEP. */
export function refuseChain(chain: readonly string[], pipeline: string): void {
  const cycle = cycleOf(chain, pipeline);
  if (cycle) {
    throw new MflowError(
      "CHAIN_CYCLE",
      `pipeline \`${pipeline}\` would start itself again: ${cycle.join(" -> ")}`,
    );
  }
  if (chain.length < MAX_CHAIN) return;
  throw new MflowError(
    "CHAIN_TOO_DEEP",
    `at most ${MAX_CHAIN} pipelines start each other, and \`${pipeline}\` would be number ${chain.length + 1}: ${chain.join(" -> ")}`,
  );
}

export interface NextValues {
  /** What the run handed on: for the params that the next one's jobs declare. */
  offered: ParamValue[];
  /** What `nextPipeline` itself gives. */
  given: ParamValue[];
}

type Opening = {
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
  seal(plain: string): string;
};

/**
 * The values that a run hands to the one that follows it. Sensitive ones are sealed, also when they are a part of another
 * value. INVALID_PARAMS names each `${NAME}` for which there is no value.
 */
export function nextValues(
  next: NextPipeline,
  definition: RunDefinition,
  exported: ReadonlyMap<string, string>,
  context: Opening,
): NextValues {
  const known = new Map<string, string>();
  const own = [...paramValueList(definition.pipeline?.with), ...definition.runParams];
  for (const { name, value, scope } of restoreMasked(own, () => undefined)) {
    if (scope === undefined || scope === "*") known.set(name, String(value));
  }
  for (const [name, value] of exported) known.set(name, value);
  const missing: string[] = [];
  const given = Object.entries(next.runParams ?? {}).map(([name, value]): ParamValue => {
    if (typeof value !== "string") return { name, value };
    return { name, ...filled(value, known, context, (lacks) => missing.push(`\`${lacks}\` for ${name}`)) };
  });
  if (missing.length > 0) {
    throw new MflowError(
      "INVALID_PARAMS",
      `nextPipeline.runParams asks for what no task put out and no param holds: ${missing.join(", ")}`,
    );
  }
  const offered = Array.from(exported, ([name, value]) => marked(name, value, context));
  return { offered, given };
}

function marked(name: string, value: string, { isSealed }: Opening): ParamValue {
  return isSealed(value) ? { name, value, sensitive: true } : { name, value };
}

/** `${NAME}` is replaced, `$${NAME}` is a literal `${NAME}`. */
function filled(
  text: string,
  known: ReadonlyMap<string, string>,
  { isSealed, unseal, seal }: Opening,
  lacks: (reference: string) => void,
): Pick<ParamValue, "value" | "sensitive"> {
  let isSensitive = isSealed(text);
  const plain = isSensitive ? unseal(text) : text;
  const value = plain.replace(REFERENCE, (match: string, dollar: string, name: string) => {
    if (dollar) return match.slice(1);
    const found = known.get(name);
    if (found === undefined) {
      lacks(match);
      return "";
    }
    if (!isSealed(found)) return found;
    isSensitive = true;
    return unseal(found);
  });
  return isSensitive ? { value: seal(value), sensitive: true } : { value };
}

const REFERENCE = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The names that the values of a `nextPipeline` refer to. */
export function nextReferences(next: NextPipeline): { param: string; name: string }[] {
  return Object.entries(next.runParams ?? {}).flatMap(([param, value]) =>
    typeof value !== "string"
      ? []
      : [...value.matchAll(REFERENCE)].flatMap(([, dollar, name]) =>
          dollar || !name ? [] : [{ param, name }],
        ),
  );
}
