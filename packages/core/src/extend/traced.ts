// A pipeline while it is put together from the ones that it extends: of every field it is known which of them gave it,
// so that a problem of the whole is told where it was written.

import { below, segmentsOf } from "../pointer.ts";
import { type ParamValues, paramValueList } from "../schema/param.ts";
import type { PipelineSpec, StageSpec, TaskSpec } from "../schema/pipeline.ts";

/** Where something was written. */
export interface Origin {
  /** 0 is the pipeline itself, 1 the one that it extends, and so on. */
  source: number;
  /** JSON pointer into its document. */
  pointer: string;
}

export interface TracedField {
  value: unknown;
  at: Origin;
  /** Of what is merged by name: where each part of the value was written, by its index or key. */
  parts?: ReadonlyMap<string, Origin>;
}

/** A pipeline, a stage or a task without what is below it. */
export interface TracedPart {
  at: Origin;
  fields: Map<string, TracedField>;
}

export interface TracedStage extends TracedPart {
  name: string;
  tasks: TracedTask[];
}

export interface TracedTask extends TracedPart {
  name: string;
}

export interface TracedPipeline extends TracedPart {
  stages: TracedStage[];
}

/** The fields of something written at a place, but those that are named. */
export function fieldsOf(given: object, at: Origin, but: readonly string[] = []): Map<string, TracedField> {
  const fields = new Map<string, TracedField>();
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || but.includes(name)) continue;
    fields.set(name, { value, at: { source: at.source, pointer: below(at.pointer, name) } });
  }
  return fields;
}

/** A task that stands at a place; `but`: fields that are left out. */
export function tracedTask(task: TaskSpec, at: Origin, but: readonly string[] = []): TracedTask {
  return { name: task.name, at, fields: fieldsOf(task, at, but) };
}

/** A stage that stands at a place, with its tasks; `but`: fields of its own that are left out. */
export function tracedStage(stage: StageSpec, at: Origin, but: readonly string[] = []): TracedStage {
  const tasks = stage.tasks.map((task, index) =>
    tracedTask(task, { source: at.source, pointer: below(`${at.pointer}/tasks`, index) }),
  );
  return { name: stage.name, at, fields: fieldsOf(stage, at, ["tasks", ...but]), tasks };
}

/** The pipeline of a document, with its stages. */
export function tracedPipeline(spec: PipelineSpec, source: number): TracedPipeline {
  const at = { source, pointer: "/spec" };
  const stages = spec.stages.map((stage, index) =>
    tracedStage(stage, { source, pointer: below("/spec/stages", index) }),
  );
  return { at, fields: fieldsOf(spec, at, ["stages"]), stages };
}

function plain({ fields }: TracedPart): Record<string, unknown> {
  return Object.fromEntries([...fields].map(([name, { value }]) => [name, value]));
}

/** The pipeline without its traces. Its shape is for the caller to check. */
export function specOf(traced: TracedPipeline): PipelineSpec {
  const stages = traced.stages.map((stage) => ({ ...plain(stage), tasks: stage.tasks.map(plain) }));
  return { ...plain(traced), stages } as unknown as PipelineSpec;
}

/** Where the part of the whole that a pointer names, such as `/spec/stages/0/tasks/1/job`, was written. */
export function originOf(traced: TracedPipeline, pointer: string): Origin {
  const [, ...path] = segmentsOf(pointer);
  const { part, below: rest } = partOf(traced, path);
  const [name = "", ...inside] = rest;
  const field = part.fields.get(name);
  if (!field) return part.at;
  const inner = inside[0] === undefined ? undefined : field.parts?.get(inside[0]);
  const { source, pointer: start } = inner ?? field.at;
  return { source, pointer: (inner ? inside.slice(1) : inside).reduce(below, start) };
}

/** The part that a path leads to, and the path from there. */
function partOf(
  traced: TracedPipeline,
  path: readonly string[],
): { part: TracedPart; below: readonly string[] } {
  const [stages, stageIndex, tasks, taskIndex] = path;
  const stage = stages === "stages" ? traced.stages[Number(stageIndex)] : undefined;
  if (!stage) return { part: traced, below: path };
  const task = tasks === "tasks" ? stage.tasks[Number(taskIndex)] : undefined;
  return task ? { part: task, below: path.slice(4) } : { part: stage, below: path.slice(2) };
}

/** Where each value of a field of values was written, in the order of their list. */
export function originsOfValues({ value, at, parts }: TracedField): Origin[] {
  const values = value as ParamValues;
  return paramValueList(values).map(({ name }, index) => {
    const key = Array.isArray(values) ? String(index) : name;
    return parts?.get(key) ?? { source: at.source, pointer: below(at.pointer, key) };
  });
}
