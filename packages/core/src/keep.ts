// What a task does with files: what its job says, and what the task says laid over it.

import type { ArtifactSpec, FetchSpec } from "./schema/artifact.ts";
import { type CacheSpec, cacheList } from "./schema/cache.ts";
import type { JobSpec } from "./schema/job.ts";
import type { TaskSpec } from "./schema/pipeline.ts";

export interface Keep {
  artifacts: ArtifactSpec[];
  fetch: FetchSpec[];
  caches: CacheSpec[];
}

/**
 * Artifacts of both, the task's instead of the job's of the same name; what both fetch, the job's first; the task's caches
 * instead of the job's.
 */
export function keepOf(
  job: Pick<JobSpec, "artifacts" | "fetch" | "cache">,
  task: Pick<TaskSpec, "artifacts" | "fetch" | "cache">,
): Keep {
  const own = task.artifacts ?? [];
  const names = new Set(own.map(({ name }) => name));
  const inherited = (job.artifacts ?? []).filter(({ name }) => !names.has(name));
  return {
    artifacts: [...inherited, ...own],
    fetch: [...(job.fetch ?? []), ...(task.fetch ?? [])],
    caches: cacheList(task.cache ?? job.cache),
  };
}

/**
 * The tasks of a run that `from` names: the one of this name or `stage/name`, or all ways of a matrix task, whose names
 * are its own and their combination in brackets.
 */
export function fetchSources<T extends { name: string; stageName?: string }>(
  from: string,
  tasks: Iterable<T>,
): T[] {
  const all = [...tasks];
  const nameOf = ({ name, stageName }: T) => [name, `${stageName}/${name}`];
  const exact = all.filter((task) => nameOf(task).includes(from));
  return exact.length > 0
    ? exact
    : all.filter((task) => nameOf(task).some((name) => name.startsWith(`${from} (`) && name.endsWith(")")));
}
