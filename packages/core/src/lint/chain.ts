// Rules on pipelines that start others, by a PIPELINE task or by `nextPipeline`: each is known, none starts itself again,
// the chain is not too long, and what is handed on is declared there.

import { namesAsked } from "../asked-names.ts";
import { cycleOf, nextReferences } from "../chain.ts";
import type { PipelineSource } from "../extend-pipeline.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { templateReferences } from "../render.ts";
import { MAX_CHAIN } from "../schema/chain.ts";
import type { JobSpec } from "../schema/job.ts";
import { paramValueList } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";
import type { LintContext } from "./context.ts";
import { error, type Finding, warning } from "./finding.ts";
import type { KnownPipelines } from "./known-pipelines.ts";
import { Outputs } from "./outputs.ts";
import { fullName, type PipelineLookup } from "./pipelines.ts";

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

/** A pipeline of a chain, put together. */
export type ChainedPipeline = PipelineSource & { spec: PipelineSpec };

/** The pipelines that are started, put together. */
export class ChainLookup {
  readonly #known: KnownPipelines;
  readonly #pipelines: PipelineLookup;
  readonly #depths = new Map<string, number>();
  readonly isOverlay: boolean;
  readonly specOf: SpecOf;

  constructor(
    { overlay = false }: Pick<LintContext, "overlay">,
    known: KnownPipelines,
    pipelines: PipelineLookup,
    specOf: SpecOf,
  ) {
    this.isOverlay = overlay;
    this.#known = known;
    this.#pipelines = pipelines;
    this.specOf = specOf;
  }

  /** The pipeline that a reference means, if it can be put together, and what is wrong with referring to it. */
  resolve(reference: string, scope: Scope): ChainResolution {
    const { pipeline, isDocument, error: wrong, warning: doubt } = this.#known.resolve(reference, scope);
    if (!pipeline) return { error: wrong, warning: doubt };
    const { whole, problems } = this.#pipelines.putTogether(pipeline);
    const broken = problems.find(({ severity }) => severity !== "warning");
    if (whole && !broken) return { pipeline: { ...pipeline, spec: whole.spec } };
    // What is wrong with a pipeline of the documents is told there.
    if (!broken || isDocument) return {};
    return { error: `pipeline ${quoted(reference)} cannot be put together: ${broken.message}` };
  }

  startsOf({ spec, scope }: ChainedPipeline): ChainedPipeline[] {
    const starts = [...startsOf(spec, "", (job) => this.specOf(job, scope))];
    return starts.flatMap(({ reference }) => this.resolve(reference, scope).pipeline ?? []);
  }

  /** The circle that leads from a pipeline back to a place where one stands already. */
  cycleFrom(
    pipeline: ChainedPipeline,
    chain: readonly string[],
    seen = new Set<string>(),
  ): string[] | undefined {
    const name = fullName(pipeline);
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
  depthOf(pipeline: ChainedPipeline): number {
    const name = fullName(pipeline);
    const known = this.#depths.get(name);
    if (known !== undefined) return known;
    this.#depths.set(name, 1);
    const depth = 1 + Math.max(0, ...this.startsOf(pipeline).map((next) => this.depthOf(next)));
    this.#depths.set(name, depth);
    return depth;
  }
}

interface ChainResolution {
  pipeline?: ChainedPipeline;
  error?: string | undefined;
  warning?: string | undefined;
}

/** Of one pipeline, `pipeline`, whose spec is at `path`. */
export function* chainRules(
  pipeline: ChainedPipeline,
  path: string,
  lookup: ChainLookup,
): Generator<Finding> {
  const { scope, spec } = pipeline;
  const specOf = (job: string) => lookup.specOf(job, scope);
  for (const start of startsOf(spec, path, specOf)) yield* startRules(start, pipeline, lookup);
  const depth = lookup.depthOf(pipeline);
  if (depth > MAX_CHAIN) {
    const message = `${depth} pipelines start each other one after another from ${quoted(fullName(pipeline))} on, and at most ${MAX_CHAIN} may`;
    yield error(`${path}/stages`, `${message}; put the work of some of them into one pipeline`);
  }
  yield* nextValueRules(spec, `${path}/nextPipeline/runParams`, specOf);
}

function* startRules(
  { reference, path, given }: Start,
  pipeline: ChainedPipeline,
  lookup: ChainLookup,
): Generator<Finding> {
  const { pipeline: target, error: wrong, warning: doubt } = lookup.resolve(reference, pipeline.scope);
  if (wrong !== undefined) yield error(path, wrong);
  if (doubt !== undefined && !lookup.isOverlay) yield warning(path, doubt);
  if (!target) return;
  if (target.spec.isTemplate) {
    yield error(path, `pipeline ${quoted(reference)} is a template, which cannot run; name another one`);
  }
  const cycle = lookup.cycleFrom(target, [fullName(pipeline)]);
  if (cycle) {
    const message = `the pipeline would start itself again: ${cycle.join(" -> ")}`;
    yield error(path, `${message}; take one of them out of the circle`);
  }
  yield* undeclaredRules(given, reference, target, lookup);
}

/** Values that no job of the other pipeline declares, when all of them are known. */
function* undeclaredRules(
  given: Start["given"],
  reference: string,
  { spec, scope }: ChainedPipeline,
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
