// A pipeline that extends another one, put together (docs/how-to/reuse.md): the chain is followed to a whole pipeline, and
// what differs is laid over it, one after the other. Pure: whoever calls brings the pipelines.

import { type ErrorDetail, MflowError } from "./errors.ts";
import { explain } from "./explain.ts";
import { extendWith } from "./extend/merge.ts";
import type { MergeFinding } from "./extend/merge-fields.ts";
import { qualified } from "./extend/qualify.ts";
import { type Origin, originOf, specOf, tracedPipeline } from "./extend/traced.ts";
import { quoted } from "./quoted.ts";
import { formatPipelineRef, mayRefer, type PipelineNameRef, parsePipelineRef } from "./reference.ts";
import { refuseProblems } from "./refuse-problems.ts";
import { type GivenPipelineSpec, isExtending, PipelineSpec } from "./schema/pipeline.ts";
import type { Scope } from "./schema/scalars.ts";
import type { SchemaNode } from "./schema-node.ts";

/** At most so many pipelines are extended by one. */
export const MAX_EXTENDED = 8;

/** A pipeline as it is stored or given. */
export interface PipelineSource {
  name: string;
  /** Where it lives: what its references leave out comes from there. */
  scope: Scope;
  spec: GivenPipelineSpec;
}

export interface WholePipeline {
  spec: PipelineSpec;
  /** Full names of the pipelines that it extends, the nearest first. */
  extended: string[];
  /** Where a part of the whole, such as `/spec/stages/0/name`, was written. */
  origin(pointer: string): Origin;
  /** A problem of the whole as one of the pipeline's own document: one of a pipeline that it extends says where. */
  told<D extends ErrorDetail>(problem: D): D;
}

export interface PutTogether {
  /** Nothing when the chain of pipelines leads nowhere. */
  whole?: WholePipeline;
  /** Errors and warnings, with pointers into the document of the pipeline itself. */
  problems: ErrorDetail[];
  /** The pipeline that is extended and that there is not. */
  missing?: PipelineNameRef;
}

/** What a pipeline extends; nothing when it is whole. */
function baseOf({ spec, scope }: PipelineSource): PipelineNameRef | undefined {
  if (!isExtending(spec)) return undefined;
  const ref = parsePipelineRef(spec.extends, scope);
  return "id" in ref ? undefined : ref;
}

/**
 * The pipelines that one extends, by their full names, for `putTogether`; stops where `find` has none, at a cycle, and
 * when there are too many.
 */
async function gatherExtended(
  source: PipelineSource,
  find: (ref: PipelineNameRef) => Promise<PipelineSource | undefined>,
): Promise<Map<string, PipelineSource>> {
  const gathered = new Map<string, PipelineSource>();
  let ref = baseOf(source);
  while (ref && gathered.size <= MAX_EXTENDED) {
    const name = formatPipelineRef(ref);
    const found = gathered.has(name) ? undefined : await find(ref);
    if (!found) break;
    gathered.set(name, found);
    ref = baseOf(found);
  }
  return gathered;
}

interface Chain {
  /** The pipeline itself first, a whole one last. */
  sources: PipelineSource[];
  problem?: string;
  missing?: PipelineNameRef;
}

function follow(source: PipelineSource, find: (name: string) => PipelineSource | undefined): Chain {
  const sources = [source];
  const names = [formatPipelineRef({ name: source.name, ...source.scope })];
  let ref = baseOf(source);
  while (ref) {
    const name = formatPipelineRef(ref);
    const cycle = names.indexOf(name);
    if (cycle >= 0) {
      const round = [...names.slice(cycle), name].map(quoted).join(" extends ");
      return { sources, problem: `pipelines extend each other in a circle: ${round}; break it` };
    }
    names.push(name);
    if (names.length > MAX_EXTENDED + 1) {
      const way = names.map(quoted).join(" extends ");
      return { sources, problem: `at most ${MAX_EXTENDED} pipelines can be extended in a row, but ${way}` };
    }
    const found = find(name);
    if (!found) return { sources, missing: ref };
    const nearer = sources.at(-1) ?? source;
    if (!mayRefer(found.spec.visibility, found.scope, nearer.scope)) {
      const wanted = found.scope.domain === nearer.scope.domain ? "`DOMAIN` or `GLOBAL`" : "`GLOBAL`";
      const from = `${nearer.scope.namespace}.${nearer.scope.domain}`;
      const problem = `pipeline ${quoted(name)} cannot be extended from \`${from}\`; its \`visibility\` must be ${wanted}`;
      return { sources, problem };
    }
    sources.push(found);
    ref = baseOf(found);
  }
  return { sources };
}

/**
 * The pipeline with everything that it has from those that it extends. `find` answers a pipeline by its full name. A whole
 * pipeline is answered as it is. With errors the whole, if there is one, is good for looking at only.
 */
export function putTogether(
  source: PipelineSource,
  find: (name: string) => PipelineSource | undefined,
): PutTogether {
  const { spec } = source;
  if (!isExtending(spec)) {
    const origin = (pointer: string) => ({ source: 0, pointer });
    return { whole: { spec, extended: [], origin, told: (problem) => problem }, problems: [] };
  }
  const { sources, problem, missing } = follow(source, find);
  if (problem !== undefined) return { problems: [{ path: "/spec/extends", message: problem }] };
  if (missing) {
    const message = `there is no pipeline ${quoted(formatPipelineRef(missing))} to extend; apply it first, or correct the name`;
    return { problems: [{ path: "/spec/extends", message }], missing };
  }
  const names = sources.map((one) => formatPipelineRef({ name: one.name, ...one.scope }));
  const specs = sources.map((one) =>
    isSameScope(one.scope, source.scope) ? one.spec : qualified(one.spec, one.scope),
  );
  const root = specs.at(-1);
  if (!root || isExtending(root)) throw new Error("a chain of pipelines ends in a whole one");
  const traced = tracedPipeline(root, specs.length - 1);
  const findings: MergeFinding[] = [];
  for (let number = specs.length - 2; number >= 0; number--) {
    const extending = specs[number];
    if (extending && isExtending(extending)) findings.push(...extendWith(traced, extending, number));
  }
  const told = <D extends ErrorDetail>(problem: D, { source: number, pointer }: Origin): D => {
    if (number === 0) return { ...problem, path: pointer };
    const message = `in pipeline ${quoted(names[number] ?? "")} at \`${pointer}\`: ${problem.message}`;
    return { ...problem, path: "/spec/extends", message };
  };
  const origin = (pointer: string) => originOf(traced, pointer);
  const whole: WholePipeline = {
    spec: specOf(traced),
    extended: names.slice(1),
    origin,
    told: (problem) => told(problem, origin(problem.path)),
  };
  const problems = findings.map(({ at, message, severity }) => told({ path: "", message, severity }, at));
  if (problems.some(({ severity }) => severity === "error")) return { whole, problems };
  const wrong = explain(PipelineSpec as SchemaNode, whole.spec, "/spec");
  problems.push(
    ...wrong.map(({ path, message }) => whole.told({ path, message, severity: "error" as const })),
  );
  return { whole, problems };
}

/** As `putTogether`, with pipelines that are looked up on the way. */
export async function putTogetherFrom(
  source: PipelineSource,
  find: (ref: PipelineNameRef) => Promise<PipelineSource | undefined>,
): Promise<PutTogether> {
  const extended = await gatherExtended(source, find);
  return putTogether(source, (name) => extended.get(name));
}

/** Of the pipelines of a file those that may be meant to run: templates are not, unless there is nothing else. */
export function runnablePipelines<P extends { spec: GivenPipelineSpec }>(pipelines: readonly P[]): P[] {
  const runnable = pipelines.filter(({ spec }) => !spec.isTemplate);
  return runnable.length > 0 ? runnable : [...pipelines];
}

/** A stored pipeline as one that is put together or extended. */
export function sourceOf(pipeline: Scope & { name: string; spec: GivenPipelineSpec }): PipelineSource {
  const { name, domain, namespace, spec } = pipeline;
  return { name, scope: { domain, namespace }, spec };
}

/**
 * The whole of what `putTogether` answers. Throws NOT_FOUND when a pipeline that is extended does not exist, else
 * INVALID_DOCUMENT with all errors.
 */
export function requireWhole({ whole, problems, missing }: PutTogether, name: string): WholePipeline {
  const errors = problems.filter(({ severity }) => severity !== "warning");
  const [first] = errors;
  if (first && missing) {
    throw new MflowError(
      "NOT_FOUND",
      `pipeline ${quoted(name)} cannot be put together: ${first.message}`,
      errors,
    );
  }
  refuseProblems(errors);
  if (!whole) throw new Error("a pipeline without problems is whole");
  return whole;
}

function isSameScope(one: Scope, other: Scope): boolean {
  return one.domain === other.domain && one.namespace === other.namespace;
}
