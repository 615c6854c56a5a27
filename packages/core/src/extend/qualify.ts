// References of a pipeline that another scope extends: what they leave out is of the scope that they were written in.

import { MflowError } from "../errors.ts";
import { formatJobRef, formatPipelineRef, parseJobRef, parsePipelineRef } from "../reference.ts";
import { type GivenPipelineSpec, isExtending } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";

/** The spec with its references in their full form. One that cannot be read stays, and is told of where it is resolved. */
export function qualified(spec: GivenPipelineSpec, scope: Scope): GivenPipelineSpec {
  const jobOf = (ref: string) => full(ref, () => formatJobRef(parseJobRef(ref, scope)));
  const task = <T extends { job?: string }>(given: T): T =>
    given.job === undefined ? given : { ...given, job: jobOf(given.job) };
  const own = withNextPipeline(spec, scope);
  if (!isExtending(own)) {
    return { ...own, stages: own.stages.map((stage) => ({ ...stage, tasks: stage.tasks.map(task) })) };
  }
  const { stages, overrides } = own;
  return {
    ...own,
    ...(stages && { stages: stages.map((stage) => ({ ...stage, tasks: stage.tasks.map(task) })) }),
    ...(overrides && {
      overrides: {
        ...overrides,
        ...(overrides.tasks && { tasks: mapValues(overrides.tasks, task) }),
        ...(overrides.stages && {
          stages: mapValues(overrides.stages, (stage) =>
            stage.tasks ? { ...stage, tasks: stage.tasks.map(task) } : stage,
          ),
        }),
      },
    }),
  };
}

/** The pipeline that a run is followed by is named like one that is extended. */
function withNextPipeline<S extends GivenPipelineSpec>(spec: S, scope: Scope): S {
  const { nextPipeline } = spec as { nextPipeline?: { pipeline?: unknown } };
  const ref = nextPipeline?.pipeline;
  if (typeof ref !== "string") return spec;
  const pipeline = full(ref, () => formatPipelineRef(parsePipelineRef(ref, scope)));
  return { ...spec, nextPipeline: { ...nextPipeline, pipeline } };
}

function full(ref: string, format: () => string): string {
  try {
    return format();
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return ref;
  }
}

function mapValues<V>(record: Record<string, V>, change: (value: V) => V): Record<string, V> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
