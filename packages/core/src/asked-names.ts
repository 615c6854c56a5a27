// The values that a pipeline itself asks for, beside those that its jobs declare: whoever gives one of them does not give
// it in vain.

import { nextReferences } from "./chain.ts";
import { groupReferences } from "./concurrency-group.ts";
import { referencesOf } from "./condition/references.ts";
import type { PipelineSpec } from "./schema/pipeline.ts";

/** Names that concurrency groups and `nextPipeline` take from values that are for all tasks. */
export function namesAskedOfRun({ concurrency, nextPipeline, stages }: PipelineSpec): string[] {
  const groups = [concurrency, ...stages.flatMap(({ tasks }) => tasks.map((task) => task.concurrency))];
  return [
    ...groups.flatMap((each) => (each ? groupReferences(each.group) : [])),
    ...(nextPipeline ? nextReferences(nextPipeline).map(({ name }) => name) : []),
  ];
}

/** All names: those, and what the `when` of stages compare. */
export function namesAsked(spec: PipelineSpec): string[] {
  const whens = spec.stages.flatMap(({ when }) => (when === undefined ? [] : referencesOf(when).params));
  return [...namesAskedOfRun(spec), ...whens];
}
