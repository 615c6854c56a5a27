// The parts of a pipeline spec that hold values and listeners: the pipeline, its stages and tasks, what it gives to the next
// pipeline, and of one that extends another also what it overrides. Whoever seals, restores or masks goes through them here.

import type { Listeners } from "./schema/listener.ts";
import type { ParamValue, ParamValues } from "./schema/param.ts";
import { type GivenPipelineSpec, isExtending, type PipelineSpec } from "./schema/pipeline.ts";

export interface PartContent extends Listeners {
  with?: ParamValues;
  runParams?: ParamValues;
}

export interface PartPlace {
  /** JSON pointer. */
  path: string;
  /** The same for the same part by names, whatever its position. */
  key: string;
  /** The field that holds its values. */
  values: "with" | "runParams";
  /** Its values are a map `NAME: value`, and nothing else. */
  isMap?: boolean;
  /** The references of the jobs that get the values. */
  jobs: readonly string[];
}

type Change = <T extends PartContent>(part: T, place: PartPlace) => T;

const NEXT = { path: "/spec/nextPipeline", key: "nextPipeline", values: "runParams", isMap: true } as const;

interface Task extends PartContent {
  name?: string;
  job?: string;
}

interface Stage extends PartContent {
  name?: string;
  tasks?: Task[];
}

/**
 * The spec with each part changed; the same spec when `change` changes none. `whole` is what the spec is put together to,
 * which tells the jobs of what it overrides.
 */
export function mapParts<S extends GivenPipelineSpec>(spec: S, whole: PipelineSpec, change: Change): S {
  const tasksOf = (stage: string) => whole.stages.find(({ name }) => name === stage)?.tasks ?? [];
  const jobsOf = (tasks: readonly { job?: string }[]) => tasks.flatMap(({ job }) => job ?? []);

  const mapTask =
    (path: string, key: string) =>
    <T extends Task>(task: T, index: number): T =>
      change(task, {
        path: `${path}/${index}`,
        key: `${key}/${task.name}`,
        values: "runParams",
        jobs: jobsOf([task]),
      });
  function mapStage<T extends Stage>(stage: T, path: string, key: string, jobs: readonly string[]): T {
    const changed = change(stage, { path, key, values: "with", jobs });
    const tasks = stage.tasks && same(stage.tasks, stage.tasks.map(mapTask(`${path}/tasks`, key)));
    return tasks === stage.tasks ? changed : { ...changed, tasks };
  }

  const all = jobsOf(whole.stages.flatMap(({ tasks }) => tasks));
  const own = change<GivenPipelineSpec>(spec, { path: "/spec", key: "", values: "with", jobs: all });
  const next = spec.nextPipeline && change(spec.nextPipeline, { ...NEXT, jobs: all });
  const changed = next === spec.nextPipeline ? own : { ...own, nextPipeline: next };
  const stages =
    spec.stages &&
    same<Stage>(
      spec.stages,
      spec.stages.map((stage, index) =>
        mapStage<Stage>(stage, `/spec/stages/${index}`, stage.name, jobsOf(stage.tasks)),
      ),
    );
  const result = stages === spec.stages ? changed : ({ ...changed, stages } as GivenPipelineSpec);
  if (!isExtending(spec) || !spec.overrides) return result as S;

  const overrides = { ...spec.overrides };
  if (overrides.stages) {
    overrides.stages = mapEntries(overrides.stages, (stage, name) => {
      const jobs = jobsOf(tasksOf(name));
      return mapStage(stage, `/spec/overrides/stages/${name}`, `overrides/stages/${name}`, jobs);
    });
  }
  if (overrides.tasks) {
    overrides.tasks = mapEntries(overrides.tasks, (task, name) =>
      change(task, {
        path: `/spec/overrides/tasks/${name.replaceAll("/", "~1")}`,
        key: `overrides/tasks/${name}`,
        values: "runParams",
        jobs: jobsOf(tasksNamed(whole, name)),
      }),
    );
  }
  const isSame = overrides.stages === spec.overrides.stages && overrides.tasks === spec.overrides.tasks;
  return (isSame ? result : { ...result, overrides }) as S;
}

/** The parts of a spec by their keys. `whole` as for `mapParts`. */
export function partsByKey(spec: GivenPipelineSpec): Map<string, PartContent> {
  const parts = new Map<string, PartContent>();
  mapParts(spec, isExtending(spec) ? { stages: [] } : spec, (part, { key }) => {
    parts.set(key, part);
    return part;
  });
  return parts;
}

/** The tasks that a key of `overrides.tasks`, `task` or `stage/task`, means. */
function tasksNamed({ stages }: PipelineSpec, key: string) {
  const [name, stageName] = key.split("/").reverse();
  return stages
    .filter((stage) => stageName === undefined || stage.name === stageName)
    .flatMap((stage) => stage.tasks.filter((task) => task.name === name));
}

/** Values as the map of a part that holds nothing else. */
export function valuesAsMap(values: readonly ParamValue[]): Record<string, ParamValue["value"]> {
  return Object.fromEntries(values.map(({ name, value }) => [name, value]));
}

function same<T>(before: T[], after: T[]): T[] {
  return after.every((item, index) => item === before[index]) ? before : after;
}

function mapEntries<V>(record: Record<string, V>, change: (value: V, key: string) => V): Record<string, V> {
  const entries = Object.entries(record).map(([key, value]) => [key, change(value, key)] as const);
  return entries.every(([key, value]) => value === record[key]) ? record : Object.fromEntries(entries);
}
