// Rules on pipelines that start others, by a PIPELINE task or by `nextPipeline`: each is known, none starts itself again,
// the chain is not too long, and what is handed on is declared there.

import { namesAsked } from "../asked-names.ts";
import { cycleOf, nextReferences } from "../chain.ts";
import { MflowError } from "../errors.ts";
import type { ParsedDocument } from "../manifest.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { formatPipelineRef, parsePipelineRef } from "../reference.ts";
import { templateReferences } from "../render.ts";
import { MAX_CHAIN } from "../schema/chain.ts";
import type { JobSpec } from "../schema/job.ts";
import { paramValueList } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";
import { type KnownPipeline, type LintContext, scopeOf } from "./context.ts";
import { error, type Finding, warning } from "./finding.ts";
import { Outputs } from "./outputs.ts";

type SpecOf = (jobRef: string, scope: Scope) => JobSpec | undefined;

/** A place where a pipeline starts another one. */
interface Start {
  /** As it is written. */
  reference: string;
  path: string;
  /** Names of the values that it is given, with their places. */
  given: { name: string; path: string }[];
}

/** What a pipeline starts, as far as it is written out. */
export function* startsOf(
  spec: PipelineSpec,
  path: string,
  specOf: (jobRef: string) => JobSpec | undefined,
): Generator<Start> {
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const job = specOf(task.job);
      const reference = job?.runnerType === "PIPELINE" ? job.runnerSpec.pipeline : undefined;
      if (!job || typeof reference !== "string" || templateReferences({ reference }).length > 0) continue;
      const place = `${below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex)}/job`;
      const names = Object.keys((job.runnerSpec.runParams ?? {}) as object);
      yield { reference, path: place, given: names.map((name) => ({ name, path: place })) };
    }
  }
  const { nextPipeline: next } = spec;
  if (!next) return;
  const place = `${path}/nextPipeline`;
  const names = Object.keys(next.runParams ?? {});
  const given = names.map((name) => ({ name, path: below(`${place}/runParams`, name) }));
  yield { reference: next.pipeline, path: `${place}/pipeline`, given };
}

/** The full form of a reference; nothing when it cannot be read. */
export function fullPipelineRef(reference: string, scope: Scope): string | undefined {
  try {
    return formatPipelineRef(parsePipelineRef(reference, scope));
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return undefined;
  }
}

/** The pipelines among the documents and the stored ones. */
export class ChainLookup {
  readonly #context: LintContext;
  readonly #documents = new Map<string, KnownPipeline>();
  readonly #depths = new Map<string, number>();
  readonly specOf: SpecOf;

  constructor(documents: readonly ParsedDocument[], context: LintContext, specOf: SpecOf) {
    this.#context = context;
    this.specOf = specOf;
    for (const { manifest } of documents) {
      if (manifest.kind !== "Pipeline") continue;
      const known = {
        name: manifest.metadata.name,
        ...scopeOf(manifest.metadata, context.scope),
        spec: manifest.spec,
      };
      this.#documents.set(formatPipelineRef(known), known);
    }
  }

  find(full: string): KnownPipeline | undefined {
    return this.#documents.get(full) ?? this.#context.findPipeline?.(full);
  }

  /** Whether all pipelines that there are can be found. */
  get isComplete(): boolean {
    return this.#context.findPipeline !== undefined;
  }

  get isOverlay(): boolean {
    return this.#context.overlay === true;
  }

  get names(): string[] {
    return [...[...this.#documents.values()].map(({ name }) => name), ...(this.#context.pipelineNames ?? [])];
  }

  startsOf({ spec, ...scope }: KnownPipeline): KnownPipeline[] {
    return [...startsOf(spec, "", (job) => this.specOf(job, scope))].flatMap(({ reference }) => {
      const full = fullPipelineRef(reference, scope);
      return (full === undefined ? undefined : this.find(full)) ?? [];
    });
  }

  /** The circle that leads from a pipeline back to a place where one stands already. */
  cycleFrom(
    pipeline: KnownPipeline,
    chain: readonly string[],
    seen = new Set<string>(),
  ): string[] | undefined {
    const name = formatPipelineRef(pipeline);
    if (chain[0] === name) return cycleOf(chain, name);
    if (seen.has(name)) return undefined;
    seen.add(name);
    for (const next of this.startsOf(pipeline)) {
      const cycle = this.cycleFrom(next, [...chain, name], seen);
      if (cycle) return cycle;
    }
    return undefined;
  }

  /** How many pipelines start each other from this one on, itself included. Of a circle, which is told by itself, 1. */
  depthOf(pipeline: KnownPipeline): number {
    const name = formatPipelineRef(pipeline);
    const known = this.#depths.get(name);
    if (known !== undefined) return known;
    this.#depths.set(name, 1);
    const depth = 1 + Math.max(0, ...this.startsOf(pipeline).map((next) => this.depthOf(next)));
    this.#depths.set(name, depth);
    return depth;
  }
}

/** Of one pipeline, `pipeline`, whose spec is at `path`. */
export function* chainRules(pipeline: KnownPipeline, path: string, lookup: ChainLookup): Generator<Finding> {
  const { name, namespace, domain, spec } = pipeline;
  const scope = { namespace, domain };
  const specOf = (job: string) => lookup.specOf(job, scope);
  for (const start of startsOf(spec, path, specOf)) yield* startRules(start, pipeline, scope, lookup);
  const own = formatPipelineRef({ name, ...scope });
  const depth = lookup.depthOf(pipeline);
  if (depth > MAX_CHAIN) {
    const message = `${depth} pipelines start each other one after another from ${quoted(own)} on, and at most ${MAX_CHAIN} may`;
    yield error(`${path}/stages`, `${message}; put the work of some of them into one pipeline`);
  }
  yield* nextValueRules(spec, `${path}/nextPipeline/runParams`, specOf);
}

function* startRules(
  { reference, path, given }: Start,
  pipeline: KnownPipeline,
  scope: Scope,
  lookup: ChainLookup,
): Generator<Finding> {
  let full: string;
  try {
    full = formatPipelineRef(parsePipelineRef(reference, scope));
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    yield error(path, cause.message);
    return;
  }
  const target = lookup.find(full);
  if (!target) {
    if (lookup.isComplete) yield error(path, unknownMessage(reference, full, lookup));
    else if (!lookup.isOverlay) {
      const rest = "so whether it exists and which params it has was not checked";
      yield warning(path, `pipeline ${quoted(reference)} is not among these documents, ${rest}`);
    }
    return;
  }
  if (target.spec.isTemplate) {
    yield error(path, `pipeline ${quoted(reference)} is a template, which cannot run; name another one`);
  }
  const cycle = lookup.cycleFrom(target, [formatPipelineRef(pipeline)]);
  if (cycle) {
    const message = `the pipeline would start itself again: ${cycle.join(" -> ")}`;
    yield error(path, `${message}; take one of them out of the circle`);
  }
  yield* undeclaredRules(given, reference, target, lookup);
}

function unknownMessage(reference: string, full: string, lookup: ChainLookup): string {
  const [name = ""] = full.split("@");
  const names = lookup.names.filter((each) => each !== name);
  return `there is no pipeline ${quoted(reference)}${didYouMean(name, names) || "; apply it first, or correct the name"}`;
}

/** Values that no job of the other pipeline declares, when all of them are known. */
function* undeclaredRules(
  given: Start["given"],
  reference: string,
  { spec, ...scope }: KnownPipeline,
  lookup: ChainLookup,
): Generator<Finding> {
  const jobs = spec.stages.flatMap((stage) => stage.tasks.map((task) => lookup.specOf(task.job, scope)));
  if (jobs.some((job) => job === undefined)) return;
  const declared = new Set(jobs.flatMap((job) => (job?.runParams ?? []).map((param) => param.name)));
  const asked = new Set(namesAsked(spec));
  for (const { name, path } of given) {
    if (declared.has(name) || asked.has(name)) continue;
    const remedy = didYouMean(name, declared) || "; declare it in a job there, or remove it";
    yield warning(
      path,
      `no job of pipeline ${quoted(reference)} declares a param ${quoted(name)}, so it is ignored${remedy}`,
    );
  }
}

/** `${NAME}` in the values of `nextPipeline` may get a value. */
function* nextValueRules(
  spec: PipelineSpec,
  path: string,
  specOf: (jobRef: string) => JobSpec | undefined,
): Generator<Finding> {
  if (!spec.nextPipeline) return;
  const outputs = new Outputs();
  const known = new Set(paramValueList(spec.with).map(({ name }) => name));
  for (const task of spec.stages.flatMap((stage) => stage.tasks)) {
    const job = specOf(task.job);
    outputs.add(job, task.matrix !== undefined);
    for (const { name } of job?.runParams ?? []) known.add(name);
  }
  for (const { param, name } of nextReferences(spec.nextPipeline)) {
    if (known.has(name) || outputs.mayFill(name)) continue;
    const message = `nothing here can give \`\${${name}}\` a value: no task puts it out, and no job declares it as a param`;
    yield warning(below(path, param), `${message}; correct the name, or write \`$\${${name}}\``);
  }
}
