// Rules on files: what tasks keep, fetch of earlier tasks, and cache.

import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { ArtifactSpec, FetchSpec } from "../schema/artifact.ts";
import { type CacheSpecs, cacheList } from "../schema/cache.ts";
import type { JobSpec } from "../schema/job.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { pathProblem } from "../workspace-path.ts";
import { timeoutRules } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";
import { TaskOrder, type TaskPlace } from "./task-order.ts";

interface Keeping {
  artifacts?: ArtifactSpec[];
  fetch?: FetchSpec[];
  cache?: CacheSpecs;
}

function* pathRules(path: string, pointer: string): Generator<Finding> {
  const problem = pathProblem(path);
  if (problem !== undefined) yield error(pointer, `${quoted(path)} ${problem}`);
}

function* artifactRules(artifacts: readonly ArtifactSpec[], path: string): Generator<Finding> {
  const names = new Set<string>();
  for (const [index, artifact] of artifacts.entries()) {
    const at = below(path, index);
    if (names.has(artifact.name)) {
      yield error(
        `${at}/name`,
        `another artifact of this task is called ${quoted(artifact.name)} too; rename one`,
      );
    }
    names.add(artifact.name);
    yield* pathRules(artifact.path, `${at}/path`);
    if (/[*?[]/.test(artifact.path)) {
      const message = `${quoted(artifact.path)} is taken literally: artifacts know no globs; name the folder instead`;
      yield warning(`${at}/path`, message);
    }
    yield* timeoutRules(artifact.retention, `${at}/retention`);
  }
}

function* cacheRules(caches: CacheSpecs | undefined, path: string): Generator<Finding> {
  const isList = Array.isArray(caches);
  const keys = new Set<string>();
  for (const [index, cache] of cacheList(caches).entries()) {
    const at = isList ? below(path, index) : path;
    const { prefix, files = [] } = cache.key;
    if (prefix === undefined && files.length === 0) {
      yield error(
        `${at}/key`,
        "the key has neither `files` nor `prefix`, so every task would share this cache; give one",
      );
    }
    for (const [place, glob] of files.entries()) yield* pathRules(glob, below(`${at}/key/files`, place));
    for (const [place, one] of cache.paths.entries()) yield* pathRules(one, below(`${at}/paths`, place));
    const same = JSON.stringify([cache.key, cache.paths]);
    if (keys.has(same))
      yield warning(at, "another cache of this task has the same key and paths; remove one");
    keys.add(same);
  }
}

/** What a job or a task says of files, looked at by itself. */
export function* keepRules({ artifacts = [], fetch = [], cache }: Keeping, path: string): Generator<Finding> {
  yield* artifactRules(artifacts, `${path}/artifacts`);
  for (const [index, { path: folder }] of fetch.entries()) {
    if (folder !== undefined) yield* pathRules(folder, `${below(`${path}/fetch`, index)}/path`);
  }
  yield* cacheRules(cache, `${path}/cache`);
}

/** What a job says of files. */
export function* jobKeepRules(spec: JobSpec, path: string): Generator<Finding> {
  yield* keepRules(spec, path);
  if (spec.runnerType !== "FAKE") return;
  for (const key of ["artifacts", "fetch", "cache"] as const) {
    if (spec[key] === undefined) continue;
    yield warning(`${path}/${key}`, `a FAKE job has no workspace: \`${key}\` has no effect`);
  }
}

/** What the tasks of a pipeline say of files, and whether what they fetch was kept before. `specOf`: a job, if known. */
export function* pipelineKeepRules(
  spec: PipelineSpec,
  path: string,
  specOf: (job: string) => JobSpec | undefined,
): Generator<Finding> {
  const order = new TaskOrder(spec);
  for (const { task, stageIndex, taskIndex } of order.places) {
    const at = below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex);
    yield* keepRules(task, at);
    const place = { stageIndex, taskIndex };
    for (const fetch of specOf(task.job)?.fetch ?? []) {
      // The job says it, and the task names the job.
      for (const finding of fetchRules(fetch, "", order, place, specOf)) {
        yield { ...finding, path: `${at}/job` };
      }
    }
    for (const [index, fetch] of (task.fetch ?? []).entries()) {
      yield* fetchRules(fetch, below(`${at}/fetch`, index), order, place, specOf);
    }
  }
}

function* fetchRules(
  { from, name, optional }: FetchSpec,
  at: string,
  order: TaskOrder,
  place: TaskPlace,
  specOf: (job: string) => JobSpec | undefined,
): Generator<Finding> {
  const source = order.find(from);
  if (!source) {
    yield error(
      `${at}/from`,
      `there is no task ${quoted(from)} to fetch from${didYouMean(from, order.names) || "; correct the name"}`,
    );
    return;
  }
  if (!order.isBefore(source, place)) {
    const message = `task ${quoted(from)} does not end before this one begins; put it into an earlier stage, or name it in \`needs\``;
    yield error(`${at}/from`, message);
  }
  const job = specOf(source.task.job);
  if (!job || job.runnerType === "K8S_JOB") return;
  const kept = [...(job.artifacts ?? []), ...(source.task.artifacts ?? [])].map((artifact) => artifact.name);
  if (kept.includes(name)) return;
  const has = kept.length === 0 ? "it keeps none" : `it keeps ${kept.map(quoted).join(", ")}`;
  const message = `task ${quoted(from)} keeps no artifact ${quoted(name)}${didYouMean(name, kept) || `; ${has}`}`;
  yield optional ? warning(`${at}/name`, message) : error(`${at}/name`, message);
}
