// What becomes of a pipeline by what another one that extends it says to differ. Changes come first, by the names of
// stages and tasks; then what is added finds its place. Nothing is matched by position.

import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import {
  type ExtendingPipelineSpec,
  ExtendingPipelineSpec as ExtendingSchema,
  type StageOverride,
  StageOverride as StageSchema,
  type TaskOverride,
  TaskOverride as TaskSchema,
} from "../schema/pipeline.ts";
import { type MergeFinding, mergeFields, unsetFields } from "./merge-fields.ts";
import {
  fieldsOf,
  type Origin,
  type TracedPipeline,
  type TracedStage,
  type TracedTask,
  tracedStage,
  tracedTask,
} from "./traced.ts";

/** What a pipeline says of itself alone: who extends it does not get it. */
const OWN_FIELDS: readonly string[] = ["isTemplate", "visibility"];

const NO_FIELDS = ["extends", "overrides", "stages", "tasks", "unset", "remove", "job", ...OWN_FIELDS];
const PLACES = ["before", "after"];

function unsettable(schema: { properties: object }): string[] {
  return Object.keys(schema.properties).filter((name) => !NO_FIELDS.includes(name));
}

const FIELDS = {
  pipeline: unsettable(ExtendingSchema),
  stage: unsettable(StageSchema),
  task: unsettable(TaskSchema),
};

/** Changes `base` into the pipeline that extends it; answers what is wrong. `source` is the number of the extending one. */
export function extendWith(
  base: TracedPipeline,
  spec: ExtendingPipelineSpec,
  source: number,
): MergeFinding[] {
  return new Merge(base, source).run(spec);
}

class Merge {
  readonly #pipeline: TracedPipeline;
  readonly #source: number;
  readonly #findings: MergeFinding[] = [];

  constructor(base: TracedPipeline, source: number) {
    this.#pipeline = base;
    this.#source = source;
  }

  #at(pointer: string): Origin {
    return { source: this.#source, pointer };
  }

  #wrong(pointer: string, message: string): void {
    this.#findings.push({ at: this.#at(pointer), message, severity: "error" });
  }

  run(spec: ExtendingPipelineSpec): MergeFinding[] {
    const { overrides = {}, stages = [] } = spec;
    const pipeline = this.#pipeline;
    for (const name of OWN_FIELDS) pipeline.fields.delete(name);
    this.#unset(pipeline, overrides.unset, "/spec/overrides", "pipeline");
    const own = fieldsOf(spec, this.#at("/spec"), ["extends", "overrides", "stages"]);
    mergeFields(pipeline, own, this.#findings);
    pipeline.at = this.#at("/spec");
    // Tasks before stages: a task is called by the stage that it is in, and a stage is removed with all of its tasks.
    for (const [key, override] of Object.entries(overrides.tasks ?? {})) {
      this.#overrideTask(key, override, below("/spec/overrides/tasks", key));
    }
    for (const [name, override] of Object.entries(overrides.stages ?? {})) {
      this.#overrideStage(name, override, below("/spec/overrides/stages", name));
    }
    for (const [index, stage] of stages.entries()) {
      const path = below("/spec/stages", index);
      const added = tracedStage(stage, this.#at(path), PLACES);
      const remedy = `to change it, write \`overrides.stages.${stage.name}\``;
      this.#place(pipeline.stages, added, stage, path, "stage", remedy);
    }
    for (const stage of pipeline.stages) {
      if (stage.tasks.length > 0) continue;
      const message = `stage ${quoted(stage.name)} has no task left; remove the stage itself (\`overrides.stages.${stage.name}.remove: true\`)`;
      this.#wrong("/spec/overrides/tasks", message);
    }
    return this.#findings;
  }

  #unset(
    part: Parameters<typeof unsetFields>[0],
    unset: readonly string[] | undefined,
    path: string,
    kind: keyof typeof FIELDS,
  ): void {
    unsetFields(part, unset ?? [], this.#at(`${path}/unset`), FIELDS[kind], this.#findings);
  }

  #overrideTask(key: string, override: TaskOverride, path: string): void {
    const found = this.#findTask(key, path);
    if (!found) return;
    const [stage, task] = found;
    if (override.remove) {
      stage.tasks.splice(stage.tasks.indexOf(task), 1);
      this.#refuseMore(override, path, `task ${quoted(key)}`);
      return;
    }
    this.#unset(task, override.unset, path, "task");
    mergeFields(task, fieldsOf(override, this.#at(path), ["unset", "remove"]), this.#findings);
  }

  /** The task of a name, or of `stage/task` when several stages have one of that name. */
  #findTask(key: string, path: string): [TracedStage, TracedTask] | undefined {
    const [name = "", stageName] = key.split("/").reverse();
    const all = this.#pipeline.stages.flatMap((stage) =>
      stage.tasks.map((task): [TracedStage, TracedTask] => [stage, task]),
    );
    const found = all.filter(
      ([stage, task]) => task.name === name && (stageName === undefined || stage.name === stageName),
    );
    if (found.length > 1) {
      const ways = found.map(([stage]) => quoted(`${stage.name}/${name}`)).join(", ");
      this.#wrong(path, `several stages have a task ${quoted(name)}; write one of ${ways}`);
      return undefined;
    }
    if (!found[0]) {
      const names = all.map(([stage, task]) => (stageName ? `${stage.name}/${task.name}` : task.name));
      const remedy = didYouMean(key, names) || `; it has ${names.map(quoted).join(", ") || "none"}`;
      this.#wrong(path, `the pipeline that is extended has no task ${quoted(key)}${remedy}`);
    }
    return found[0];
  }

  #overrideStage(name: string, override: StageOverride, path: string): void {
    const { stages } = this.#pipeline;
    const stage = stages.find((one) => one.name === name);
    if (!stage) {
      const names = stages.map((one) => one.name);
      const remedy = didYouMean(name, names) || `; it has ${names.map(quoted).join(", ") || "none"}`;
      this.#wrong(path, `the pipeline that is extended has no stage ${quoted(name)}${remedy}`);
      return;
    }
    if (override.remove) {
      stages.splice(stages.indexOf(stage), 1);
      this.#refuseMore(override, path, `stage ${quoted(name)}`);
      return;
    }
    this.#unset(stage, override.unset, path, "stage");
    mergeFields(stage, fieldsOf(override, this.#at(path), ["unset", "remove", "tasks"]), this.#findings);
    for (const [index, task] of (override.tasks ?? []).entries()) {
      const taskPath = below(`${path}/tasks`, index);
      const added = tracedTask(task, this.#at(taskPath), PLACES);
      const remedy = `to change it, write \`overrides.tasks.${task.name}\``;
      this.#place(stage.tasks, added, task, taskPath, "task", remedy);
    }
  }

  /** What is removed cannot be changed as well. */
  #refuseMore(override: StageOverride | TaskOverride, path: string, what: string): void {
    const [more] = Object.keys(override).filter((name) => name !== "remove");
    if (more === undefined) return;
    this.#wrong(below(path, more), `${what} is removed, so ${quoted(more)} has no effect; keep one of both`);
  }

  /** Adds a stage or task before or after another one, or at the end. */
  #place<T extends { name: string }>(
    list: T[],
    added: T,
    { before, after }: { before?: string; after?: string },
    path: string,
    kind: "stage" | "task",
    remedy: string,
  ): void {
    if (list.some(({ name }) => name === added.name)) {
      const message = `the pipeline that is extended has a ${kind} ${quoted(added.name)}; ${remedy}, or rename this one`;
      this.#wrong(`${path}/name`, message);
      return;
    }
    if (before !== undefined && after !== undefined) {
      this.#wrong(`${path}/after`, "`before` and `after` exclude each other; keep one");
      return;
    }
    const anchor = before ?? after;
    if (anchor === undefined) {
      list.push(added);
      return;
    }
    const index = list.findIndex(({ name }) => name === anchor);
    if (index >= 0) {
      list.splice(before === undefined ? index + 1 : index, 0, added);
      return;
    }
    const names = list.map(({ name }) => name);
    const meant = didYouMean(anchor, names) || `; there is ${names.map(quoted).join(", ") || "none"}`;
    this.#wrong(
      `${path}/${before === undefined ? "after" : "before"}`,
      `there is no ${kind} ${quoted(anchor)} to stand beside${meant}`,
    );
  }
}
